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

    /// Every parameter that filters it, but for the ranges of writing, which only some lists may have alone.
    fn parameters() -> Vec<&'static str> {
        let fields = Self::Filter::FIELDS.iter().filter(|field| !WRITTEN.contains(field));
        fields.chain(Self::KEYS).copied().collect()
    }
}

/// The ranges of the times of writing and of changing.
const WRITTEN: &[&str] = &["created_since", "created_until", "updated_since", "updated_until"];

/// Keys of metadata as the seed has them, and some of each suffix.
const REMEDIATION: &[&str] = &[
    "metadata.a",
    "metadata.o'$1\"} k,=",
    "metadata.",
    "metadata.nowhere",
    "cluster.not",
    "cluster.null",
    "cluster.prefix",
    "namespace.not",
    "namespace.null",
    "namespace.prefix",
    "phase.not",
    "severity.not",
    "severity.null",
];

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
    Remediation in remediation_audit with REMEDIATION,
    AiAnalysis in ai_analysis_audit with &["model.not", "analysis_type.prefix"],
    Workflow in workflow_audit with &["status.not", "workflow_name.prefix"],
    Execution in execution_audit with &["namespace.not", "namespace.null", "namespace.prefix"]
);

impl Modelled for Incident {
    const KEYS: &'static [&'static str] = REMEDIATION;

    async fn every_row(conn: &mut AsyncPgConnection) -> Vec<Self> {
        schema::remediation_audit::table.select(Self::as_select()).load(conn).await.unwrap()
    }

    /// With those that filter and sort and are none of its keys.
    fn fields(&self) -> Value {
        let mut fields = serde_json::to_value(self).unwrap();
        fields["created_at"] = Value::String(self.created_at.to_string());
        fields["updated_at"] = Value::String(self.updated_at.to_string());
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
        wanted.iter().all(|(parameter, values)| match *parameter {
            // Timestamps are written with the same number of digits, so that their texts sort as they do.
            "since" => values[0] <= time,
            "until" => time < values[0],
            "created_since" => values[0] <= self.text("created_at").unwrap(),
            "created_until" => self.text("created_at").unwrap() < values[0],
            "updated_since" => values[0] <= self.text("updated_at").unwrap(),
            "updated_until" => self.text("updated_at").unwrap() < values[0],
            "min_duration" => self.took().is_some_and(|took| millis(&values[0]) <= took),
            "max_duration" => self.took().is_some_and(|took| took <= millis(&values[0])),
            metadata if metadata.starts_with("metadata.") => {
                self.text(metadata).is_some_and(|text| values.contains(&text))
            }
            parameter => self.has_what_is_asked(parameter.split('.').next().unwrap(), wanted),
        })
    }

    /// Whether one of the alternatives holds that are asked of the field, if there are any, and nothing that is excluded.
    fn has_what_is_asked(&self, field: &str, wanted: &Wanted) -> bool {
        let text = self.text(field);
        let asked = |suffix: &str| wanted.get(format!("{field}{suffix}").as_str());
        let is_null = asked(".null").map(|values| values[0] == "true");
        let alternatives = [
            asked("").map(|values| text.as_ref().is_some_and(|text| values.contains(text))),
            asked(".prefix").map(|values| {
                text.as_ref()
                    .is_some_and(|text| values.iter().any(|prefix| text.starts_with(prefix.as_str())))
            }),
            is_null.filter(|is_null| *is_null).map(|_| text.is_none()),
        ];
        let alternatives: Vec<bool> = alternatives.into_iter().flatten().collect();
        (alternatives.is_empty() || alternatives.contains(&true))
            && (is_null != Some(false) || text.is_some())
            && !asked(".not").zip(text.as_ref()).is_some_and(|(values, text)| values.contains(text))
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
        let texts = |name: &str| rows.iter().filter_map(|row| row.text(name)).collect::<Vec<_>>().into_iter();
        let seen: BTreeSet<String> = texts(field).collect();
        let absent = match *field {
            "since" | "until" => {
                return (*field, ["01-02", "01-20", "02-10", "03-01", "03-30"].map(day).to_vec());
            }
            "min_duration" | "max_duration" => {
                return (*field, ["000ms", "100ms", "350ms", "600ms", "700ms"].map(str::to_owned).to_vec());
            }
            suffixed if suffixed.ends_with(".null") => {
                return (*field, vec!["true".to_owned(), "false".to_owned()]);
            }
            suffixed if suffixed.ends_with(".prefix") => {
                let begins =
                    texts(suffixed.trim_end_matches(".prefix")).map(|text| text.chars().take(2).collect());
                return (
                    *field,
                    begins.collect::<BTreeSet<String>>().into_iter().chain([String::new()]).collect(),
                );
            }
            suffixed if suffixed.ends_with(".not") => {
                return (
                    *field,
                    texts(suffixed.trim_end_matches(".not")).collect::<BTreeSet<_>>().into_iter().collect(),
                );
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

/// Adds what a list in this order needs: the range of all that was seeded, where the order is that of the last change.
pub(crate) fn narrowed(wanted: &Wanted, sort: &str) -> Wanted {
    let mut wanted = wanted.clone();
    if sort.contains("updated_at") {
        wanted.insert("updated_since", vec![day("01-05")]);
        wanted.insert("updated_until", vec![day("01-31")]);
    }
    wanted
}

/// The smallest value that at least so many in a hundred do not exceed.
pub(crate) fn percentile(sorted: &[i64], hundredths: usize) -> Option<i64> {
    (!sorted.is_empty()).then(|| sorted[(sorted.len() * hundredths).div_ceil(100) - 1])
}
