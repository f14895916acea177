//! What a list must answer, worked out in Rust over every row of the table.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use diesel::{QueryDsl as _, SelectableHelper as _};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use storage_models::{AiAnalysis, Execution, Remediation, Workflow, schema};
use storage_query::{AuditFilter as _, Incident, Listed};

/// A record type whose rows can be read without the crate under test.
pub(crate) trait Modelled: Listed {
    /// Parameters that filter it besides its filter's fields.
    const KEYS: &'static [&'static str] = &[];

    async fn every_row(conn: &mut AsyncPgConnection) -> Vec<Self>;

    /// Its fields by name.
    fn fields(&self) -> Value {
        serde_json::to_value(self).unwrap()
    }

    /// Every parameter that filters it.
    fn parameters() -> Vec<&'static str> {
        Self::Filter::FIELDS.iter().chain(Self::KEYS).copied().collect()
    }
}

/// As the seed has them.
const METADATA: &[&str] = &["metadata.a", "metadata.o'$1\"} k,=", "metadata.", "metadata.nowhere"];

macro_rules! modelled {
    ($($record:ident in $table:ident with $keys:expr),+) => {$(
        impl Modelled for $record {
            const KEYS: &'static [&'static str] = $keys;

            async fn every_row(conn: &mut AsyncPgConnection) -> Vec<Self> {
                schema::$table::table.select($record::as_select()).load(conn).await.unwrap()
            }
        }
    )+};
}

modelled!(
    Remediation in remediation_audit with METADATA,
    AiAnalysis in ai_analysis_audit with &[],
    Workflow in workflow_audit with &[],
    Execution in execution_audit with &[]
);

impl Modelled for Incident {
    const KEYS: &'static [&'static str] = METADATA;

    async fn every_row(conn: &mut AsyncPgConnection) -> Vec<Self> {
        schema::remediation_audit::table.select(Self::as_select()).load(conn).await.unwrap()
    }

    /// With those that filter and sort and are none of its keys.
    fn fields(&self) -> Value {
        let mut fields = serde_json::to_value(self).unwrap();
        fields["created_at"] = Value::String(self.created_at.to_string());
        fields
    }
}

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
        rows.map(|record| Self { fields: record.fields(), record }).collect()
    }

    /// The field as a parameter would write it; `None` when it is null.
    pub(crate) fn text(&self, field: &str) -> Option<String> {
        let value = match field.strip_prefix("metadata.") {
            Some(key) => self.fields["metadata"].get(key).unwrap_or(&Value::Null),
            None => &self.fields[field],
        };
        match value {
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
            "min_duration" => self.took().is_some_and(|took| millis(&values[0]) <= took),
            "max_duration" => self.took().is_some_and(|took| took <= millis(&values[0])),
            field => self.text(field).is_some_and(|text| values.contains(&text)),
        })
    }

    fn took(&self) -> Option<i64> {
        self.fields["duration_ms"].as_i64()
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
            "min_duration" | "max_duration" => {
                return (*field, ["000ms", "100ms", "350ms", "600ms", "700ms"].map(str::to_owned).to_vec());
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

/// Of the durations in [`vocabulary`].
fn millis(text: &str) -> i64 {
    text.strip_suffix("ms").unwrap().parse().unwrap()
}
