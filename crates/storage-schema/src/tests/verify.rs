//! Verification names what is wrong.

use std::collections::BTreeMap;

use diesel_async::SimpleAsyncConnection;
use storage_testkit::TestDatabase;

use crate::{catalogue, expected, verify};

/// BR-STORAGE-003: drift is reported by name.
#[tokio::test]
async fn each_kind_of_drift_is_named() {
    for (change, line) in [
        ("DROP TABLE execution_audit", "missing: table execution_audit"),
        (
            "ALTER TABLE ai_analysis_audit DROP COLUMN reasoning",
            "missing: column ai_analysis_audit.reasoning",
        ),
        (
            "ALTER TABLE ai_analysis_audit ALTER model TYPE varchar(300)",
            "differs: column ai_analysis_audit.model is character varying(300) not null, \
             expected character varying(255) not null",
        ),
        (
            "ALTER TABLE vector_outbox ALTER version DROP NOT NULL",
            "differs: column vector_outbox.version is timestamp with time zone, \
             expected timestamp with time zone not null",
        ),
        ("ALTER TABLE workflow_audit ADD note text", "extra: column workflow_audit.note"),
        (
            "DROP INDEX remediation_audit_status_idx",
            "missing: index remediation_audit_status_idx on remediation_audit",
        ),
        (
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'vector_outbox_due_idx'::regclass",
            "differs: index vector_outbox_due_idx on vector_outbox is invalid or disabled, expected valid and enabled",
        ),
        (
            "ALTER TABLE workflow_audit DISABLE TRIGGER workflow_audit_touch",
            "differs: trigger workflow_audit_touch on workflow_audit is invalid or disabled, \
             expected valid and enabled",
        ),
        (
            "DROP FUNCTION ensure_audit_partition(text, date)",
            "missing: function ensure_audit_partition(text,date)",
        ),
        ("DROP FUNCTION audit_word_query(text,boolean)", "missing: function audit_word_query(text,boolean)"),
        (
            "UPDATE pg_extension SET extversion = '0.7.4' WHERE extname = 'vector'",
            "differs: extension vector is version 0.7.4, expected version 0.8 or later",
        ),
    ] {
        let database = TestDatabase::create().await.unwrap();
        let mut connection = database.connect().await.unwrap();
        connection.batch_execute(change).await.unwrap();
        let report = verify(&mut connection).await.unwrap();
        assert!(report.to_string().lines().any(|found| found == line), "{change}: {report}");
        assert_eq!(report.fatal().count() == 0, line.starts_with("extra"), "{report}");
    }
}

/// Zero drift between what diesel believes and what the migrations make.
#[tokio::test]
async fn the_diesel_tables_are_the_migrated_tables() {
    let database = TestDatabase::create().await.unwrap();
    let mut connection = database.connect().await.unwrap();
    let names: Vec<&str> = expected::TABLES.iter().map(|table| table.name).collect();
    let mut migrated: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in catalogue::columns(&mut connection, &names).await.unwrap() {
        let column = format!("{} {}", row.name, as_diesel(&row.sql_type, row.nullable));
        migrated.entry(row.table_name).or_default().push(column);
    }
    assert_eq!(declared(include_str!("../../../storage-models/src/schema.rs")), migrated);
}

/// The columns of each `table!` in the source, as `name Type`.
fn declared(source: &str) -> BTreeMap<String, Vec<String>> {
    let mut tables = BTreeMap::new();
    let mut current = None;
    for line in source.lines().map(str::trim) {
        if let Some((name, _)) = line.split_once(" (").filter(|_| line.ends_with(") {")) {
            current = Some(name.to_owned());
        } else if let (Some(table), Some((column, sql_type))) = (&current, line.split_once(" -> ")) {
            let columns: &mut Vec<String> = tables.entry(table.clone()).or_default();
            columns.push(format!("{column} {}", sql_type.trim_end_matches(',')));
        }
    }
    tables
}

fn as_diesel(sql_type: &str, nullable: bool) -> String {
    let name = match sql_type {
        "bigint" => "BigInt",
        "integer" => "Integer",
        "smallint" => "SmallInt",
        "double precision" => "Double",
        "boolean" => "Bool",
        "text" => "Text",
        "jsonb" => "Jsonb",
        "bytea" => "Binary",
        "uuid" => "Uuid",
        "timestamp with time zone" => "Timestamptz",
        "vector(384)" => "VectorSql",
        varchar if varchar.starts_with("character varying") => "VarChar",
        other => other,
    };
    if nullable { format!("Nullable<{name}>") } else { name.to_owned() }
}
