//! What a list must answer, worked out in Rust over every row of the table.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use diesel::{QueryDsl as _, SelectableHelper as _};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use storage_models::{AiAnalysis, Execution, Remediation, Workflow, schema};
use storage_query::AuditRecord;

/// A record type whose rows can be read without the crate under test.
pub(crate) trait Modelled: AuditRecord {
    async fn every_row(conn: &mut AsyncPgConnection) -> Vec<Self>;
}

macro_rules! modelled {
    ($($record:ident in $table:ident),+) => {$(
        impl Modelled for $record {
            async fn every_row(conn: &mut AsyncPgConnection) -> Vec<Self> {
                schema::$table::table.select($record::as_select()).load(conn).await.unwrap()
            }
        }
    )+};
}

modelled!(
    Remediation in remediation_audit,
    AiAnalysis in ai_analysis_audit,
    Workflow in workflow_audit,
    Execution in execution_audit
);

/// A record with its fields by name, as its JSON has them.
#[derive(Debug, Clone)]
pub(crate) struct Row<R> {
    pub(crate) record: R,
    fields: Value,
}

/// Values by field; a field without an entry may have any.
pub(crate) type Wanted = BTreeMap<&'static str, Vec<String>>;

impl<R: Modelled> Row<R> {
    pub(crate) async fn every(conn: &mut AsyncPgConnection) -> Vec<Self> {
        let rows = R::every_row(conn).await.into_iter();
        rows.map(|record| Self { fields: serde_json::to_value(&record).unwrap(), record }).collect()
    }

    /// The field as a parameter would write it; `None` when it is null.
    pub(crate) fn text(&self, field: &str) -> Option<String> {
        match &self.fields[field] {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }

    pub(crate) fn matches(&self, wanted: &Wanted) -> bool {
        let time = self.text("start_time").or_else(|| self.text("timestamp")).unwrap();
        wanted.iter().all(|(field, values)| match *field {
            // Timestamps are written with the same number of digits, so that their texts sort as they do.
            "since" => values[0] <= time,
            "until" => time < values[0],
            field => self.text(field).is_some_and(|text| values.contains(&text)),
        })
    }

    /// The order that `sort`, a parameter, asks for.
    pub(crate) fn compare(&self, other: &Self, sort: &str) -> Ordering {
        let (field, descending) = sort.strip_prefix('-').map_or((sort, false), |field| (field, true));
        let by_key = match (self.key(field), other.key(field)) {
            (Some(a), Some(b)) if descending => b.cmp(&a),
            (Some(a), Some(b)) => a.cmp(&b),
            (a, b) => a.is_none().cmp(&b.is_none()),
        };
        let by_id = self.record.id().cmp(&other.record.id());
        by_key.then(if descending { by_id.reverse() } else { by_id })
    }

    /// Numbers are padded, so that their texts sort as they do.
    fn key(&self, field: &str) -> Option<String> {
        self.text(field).map(|text| if field == "duration_ms" { format!("{text:0>20}") } else { text })
    }
}

/// The values that each field of the filter has somewhere in `rows`, and one that it has nowhere.
pub(crate) fn vocabulary<R: Modelled>(
    rows: &[Row<R>],
    fields: &[&'static str],
) -> Vec<(&'static str, Vec<String>)> {
    let values = |field: &&'static str| {
        let seen: BTreeSet<String> = rows.iter().filter_map(|row| row.text(field)).collect();
        let absent = match *field {
            "since" | "until" => {
                return (*field, ["01-02", "01-20", "02-10", "03-01", "03-30"].map(day).to_vec());
            }
            "remediation_id" => "999",
            "phase" | "status" | "severity" | "dry_run" => return (*field, seen.into_iter().collect()),
            _ => "nowhere",
        };
        (*field, seen.into_iter().chain([absent.to_owned()]).collect())
    };
    fields.iter().map(values).collect()
}

fn day(month_and_day: &str) -> String {
    format!("2026-{month_and_day}T00:00:00.000000Z")
}
