//! Statements of the query crate, run by hand.

use anyhow::{Context as _, Result, bail};
use diesel::QueryableByName;
use diesel::sql_types::Text;
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};
use storage_query::{Bind, BoundSql};

/// The statement with its values written into it, as a person would type it.
pub(super) fn typed(sql: &BoundSql) -> Result<String> {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let mut text = sql.text.clone();
    // From the last, so that `$1` is not taken for the beginning of `$10`.
    for (place, bind) in sql.binds.iter().enumerate().rev() {
        let value = match bind {
            Bind::BigInt(value) => value.to_string(),
            Bind::Bool(value) => value.to_string(),
            Bind::Text(value) => quoted(value),
            Bind::TextArray(values) => {
                format!("ARRAY[{}]", values.iter().map(|it| quoted(it)).collect::<Vec<_>>().join(", "))
            }
            Bind::Timestamptz(value) => format!("{}::timestamptz", quoted(&value.to_string())),
            other => bail!("cannot write a value of this type: {other:?}"),
        };
        text = text.replace(&format!("${}", place + 1), &value);
    }
    Ok(text)
}

/// A line of a plan.
#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    line: String,
}

/// What a statement cost PostgreSQL, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Cost {
    pub(super) planning: f64,
    pub(super) execution: f64,
}

/// What a run of the statement costs.
pub(super) async fn cost(connection: &mut AsyncPgConnection, mut sql: BoundSql) -> Result<Cost> {
    sql.text.insert_str(0, "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY ON) ");
    let lines: Vec<Line> = sql.into_query().load(connection).await?;
    let told = |name: &str| {
        let line = lines.iter().rev().find_map(|row| row.line.strip_prefix(name));
        let number = line.and_then(|line| line.trim().strip_suffix(" ms")).map(str::parse);
        Ok::<f64, anyhow::Error>(number.with_context(|| format!("the plan does not tell its {name}"))??)
    };
    Ok(Cost { planning: told("Planning Time:")?, execution: told("Execution Time:")? })
}

/// The indexes that a statement used, and the tables that it read without an index; partitions count under their
/// table's name.
pub(super) async fn read_through(connection: &mut AsyncPgConnection, mut sql: BoundSql) -> Result<String> {
    sql.text.insert_str(0, "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ");
    let lines: Vec<Line> = sql.into_query().load(connection).await?;
    let mut found: Vec<String> = Vec::new();
    for line in lines.iter().filter_map(|row| scanned(&row.line)) {
        if !found.contains(&line) {
            found.push(line);
        }
    }
    Ok(found.join(", "))
}

/// The index or the table that a line of a plan reads, unless nothing came of it.
fn scanned(line: &str) -> Option<String> {
    let is_idle = line.contains("never executed") || line.contains("actual rows=0 ");
    let (prefix, rest) = [
        ("", "Index Scan using "),
        ("", "Index Scan Backward using "),
        ("", "Index Only Scan using "),
        ("", "Index Only Scan Backward using "),
        ("", "Bitmap Index Scan on "),
        ("all of ", "Seq Scan on "),
    ]
    .into_iter()
    .find_map(|(prefix, scan)| Some((prefix, line.split_once(scan)?.1)))?;
    let name = rest.split_whitespace().next()?;
    (!is_idle).then(|| format!("{prefix}{}", without_month(name)))
}

/// `remediation_audit_2026_03_start_time_id_idx` without its month.
fn without_month(name: &str) -> String {
    let is_number = |part: &&str| part.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = name.split('_').collect();
    let is_month = |at: usize| {
        let (year, month) = (parts.get(at), parts.get(at + 1));
        year.filter(|it| it.len() == 4 && is_number(it))
            .and(month.filter(|it| it.len() == 2 && is_number(it)))
            .is_some()
    };
    match (0..parts.len()).find(|at| is_month(*at)) {
        Some(at) => parts
            .iter()
            .enumerate()
            .filter(|(n, _)| *n != at && *n != at + 1)
            .map(|(_, it)| *it)
            .collect::<Vec<_>>()
            .join("_"),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use storage_query::{Bind, BoundSql};

    use super::{scanned, typed};

    #[test]
    fn values_are_written_where_they_are_bound() {
        let binds = (1..=10).map(Bind::BigInt).chain([Bind::Text("it's".to_owned())]).collect();
        let text = "a = $1 AND b = $10 AND c = $11".to_owned();
        assert_eq!(typed(&BoundSql { text, binds }).unwrap(), "a = 1 AND b = 10 AND c = 'it''s'");
    }

    #[test]
    fn lines_of_plans_tell_what_is_read() {
        for (line, expected) in [
            (
                "  ->  Index Scan using remediation_audit_2026_03_start_time_id_idx on remediation_audit_2026_03 (actual rows=101 loops=1)",
                Some("remediation_audit_start_time_id_idx"),
            ),
            (
                "  ->  Seq Scan on remediation_count (actual rows=960 loops=1)",
                Some("all of remediation_count"),
            ),
            (
                "  ->  Bitmap Index Scan on remediation_count_kind_idx (actual rows=24 loops=1)",
                Some("remediation_count_kind_idx"),
            ),
            ("  ->  Seq Scan on remediation_audit_2026_02 (never executed)", None),
            ("  ->  Seq Scan on remediation_count_delta (actual rows=0 loops=1)", None),
            ("  Sort Key: start_time", None),
        ] {
            assert_eq!(scanned(line).as_deref(), expected, "{line}");
        }
    }
}
