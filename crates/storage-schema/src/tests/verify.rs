//! Verification names what is wrong.

use std::collections::BTreeMap;

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use storage_models::{RecordType, Timestamp};
use storage_testkit::TestDatabase;

use crate::catalogue::PartRow;
use crate::{Difference, catalogue, expected, verify};

/// What is done to a database, the line that names it, and whether the service does not start with it.
const DRIFT: &[(&str, &str, bool)] = &[
    ("DROP TABLE execution_audit", "missing: table execution_audit", true),
    (
        "ALTER TABLE ai_analysis_audit DROP COLUMN reasoning",
        "missing: column ai_analysis_audit.reasoning",
        true,
    ),
    (
        "ALTER TABLE ai_analysis_audit ALTER model TYPE varchar(300)",
        "differs: column ai_analysis_audit.model is character varying(300) not null, \
         expected character varying(255) not null",
        true,
    ),
    (
        "ALTER TABLE vector_outbox ALTER version DROP NOT NULL",
        "differs: column vector_outbox.version is timestamp with time zone, \
         expected timestamp with time zone not null",
        true,
    ),
    ("ALTER TABLE workflow_audit ADD note text", "extra: column workflow_audit.note", false),
    (
        "ALTER TABLE idempotency_key SET UNLOGGED",
        "differs: table idempotency_key is not permanent, expected permanent",
        false,
    ),
    (
        "CREATE RULE gone AS ON DELETE TO vector_outbox DO INSTEAD NOTHING",
        "differs: table vector_outbox is permanent, with rule gone, expected permanent",
        false,
    ),
    (
        "ALTER TABLE vector_outbox ALTER attempts DROP DEFAULT",
        "missing: default of column vector_outbox.attempts",
        true,
    ),
    (
        "ALTER TABLE vector_outbox ALTER attempts SET DEFAULT 7",
        "differs: default of column vector_outbox.attempts is 7, expected 0",
        false,
    ),
    (
        "ALTER TABLE remediation_audit DROP CONSTRAINT remediation_audit_phase",
        "missing: constraint remediation_audit_phase on remediation_audit",
        true,
    ),
    (
        "ALTER TABLE embedding_set ADD CONSTRAINT positive CHECK (dimension > 0)",
        "extra: constraint positive on embedding_set",
        false,
    ),
    (
        "DROP INDEX remediation_audit_status_idx",
        "missing: index remediation_audit_status_idx on remediation_audit",
        true,
    ),
    (
        "DROP INDEX idempotency_key_created_idx; CREATE INDEX idempotency_key_created_idx ON idempotency_key (status)",
        "differs: index idempotency_key_created_idx on idempotency_key is \
         CREATE INDEX idempotency_key_created_idx ON public.idempotency_key USING btree (status), expected \
         CREATE INDEX idempotency_key_created_idx ON public.idempotency_key USING btree (created_at)",
        false,
    ),
    ("CREATE INDEX more ON execution_audit (target_kind)", "extra: index more on execution_audit", false),
    (
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'vector_outbox_due_idx'::regclass",
        "differs: index vector_outbox_due_idx on vector_outbox is invalid, expected valid",
        true,
    ),
    (
        "UPDATE pg_index SET indisready = false WHERE indexrelid = 'vector_outbox_due_idx'::regclass",
        "differs: index vector_outbox_due_idx on vector_outbox is invalid, expected valid",
        true,
    ),
    (
        "ALTER TABLE workflow_audit DISABLE TRIGGER workflow_audit_touch",
        "differs: trigger workflow_audit_touch on workflow_audit is disabled, expected enabled",
        true,
    ),
    (
        "ALTER TABLE workflow_audit ENABLE REPLICA TRIGGER workflow_audit_touch",
        "differs: trigger workflow_audit_touch on workflow_audit is disabled, expected enabled",
        true,
    ),
    (
        "DROP TRIGGER workflow_audit_immutable ON workflow_audit",
        "missing: trigger workflow_audit_immutable on workflow_audit",
        true,
    ),
    (
        "CREATE OR REPLACE TRIGGER remediation_audit_count_insert AFTER INSERT ON remediation_audit \
             FOR EACH STATEMENT EXECUTE FUNCTION audit_touch()",
        "differs: trigger remediation_audit_count_insert on remediation_audit is \
         CREATE TRIGGER remediation_audit_count_insert AFTER INSERT ON public.remediation_audit \
         FOR EACH STATEMENT EXECUTE FUNCTION audit_touch(), expected \
         CREATE TRIGGER remediation_audit_count_insert AFTER INSERT ON public.remediation_audit \
         REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION remediation_count_inserted()",
        false,
    ),
    (
        "CREATE TRIGGER more BEFORE INSERT ON vector_outbox FOR EACH ROW EXECUTE FUNCTION audit_touch()",
        "extra: trigger more on vector_outbox",
        false,
    ),
    (
        "DROP FUNCTION ensure_audit_partition(text, date)",
        "missing: function ensure_audit_partition(text,date)",
        true,
    ),
    ("DROP FUNCTION audit_query_words(text)", "missing: function audit_query_words(text)", true),
    (
        "UPDATE pg_extension SET extversion = '0.8.3' WHERE extname = 'vector'",
        "differs: extension vector is version 0.8.3, expected version 0.8.4 or later",
        true,
    ),
    (
        "DROP INDEX embedding_vector_hnsw_idx",
        "missing: index embedding_vector_1_vector_idx on embedding_vector_1",
        true,
    ),
    ("DROP TABLE embedding_vector_2", "missing: table embedding_vector_2", true),
    (
        "ALTER TABLE embedding_vector DETACH PARTITION embedding_vector_2; \
         ALTER TABLE embedding_vector ATTACH PARTITION embedding_vector_2 FOR VALUES IN (3)",
        "differs: table embedding_vector_2 is permanent, partition FOR VALUES IN ('3'), \
         expected permanent, partition FOR VALUES IN ('2')",
        false,
    ),
    (
        "CREATE TABLE remediation_audit_rest PARTITION OF remediation_audit DEFAULT",
        "extra: partition remediation_audit_rest of remediation_audit",
        false,
    ),
    (
        "CREATE TABLE execution_audit_2001_02 PARTITION OF execution_audit \
             FOR VALUES FROM ('2001-02-01 00:00:00+00') TO ('2001-02-28 00:00:00+00')",
        "differs: partition execution_audit_2001_02 of execution_audit is \
         FOR VALUES FROM ('2001-02-01 00:00:00+00') TO ('2001-02-28 00:00:00+00'), expected \
         FOR VALUES FROM ('2001-02-01 00:00:00+00') TO ('2001-03-01 00:00:00+00')",
        true,
    ),
];

/// BR-STORAGE-003: drift is reported by name, also to a session that shows names and times in its own way.
#[tokio::test]
async fn each_kind_of_drift_is_named() {
    for (change, line, is_fatal) in DRIFT {
        let database = TestDatabase::create().await.unwrap();
        let mut connection = database.connect().await.unwrap();
        connection.batch_execute(change).await.unwrap();
        let own_way =
            "SET search_path = pg_catalog; SET timezone = 'Asia/Kathmandu'; SET datestyle = 'German'";
        connection.batch_execute(own_way).await.unwrap();
        let report = verify(&mut connection).await.unwrap();
        assert!(report.to_string().lines().any(|found| found == *line), "{change}: {report}");
        assert_eq!(report.fatal().count() > 0, *is_fatal, "{report}");
        assert_eq!(report.fatal().count() + report.harmless().count(), report.differences.len());
    }
}

/// A partition's own faults are named with the partition: its part of an index, its copy of a trigger.
#[tokio::test]
async fn a_partition_at_fault_is_named() {
    let database = TestDatabase::create().await.unwrap();
    let mut connection = database.connect().await.unwrap();
    let month = crate::partitions::month_of(Timestamp::now()).format("%Y_%m");
    let (partition, words) = (format!("workflow_audit_{month}"), format!("remediation_words_{month}"));
    for (change, line) in [
        (
            "ALTER TABLE {p} DISABLE TRIGGER workflow_audit_immutable",
            "differs: trigger workflow_audit_immutable on {p} is disabled, expected enabled",
        ),
        (
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{p}_pkey'::regclass",
            "differs: index {p}_pkey on {p} is invalid, expected valid",
        ),
        (
            "DELETE FROM pg_inherits WHERE inhparent = 'workflow_audit_start_time_idx'::regclass \
                 AND inhrelid = (SELECT indexrelid FROM pg_index x JOIN pg_inherits h ON h.inhrelid = x.indexrelid \
                                 WHERE x.indrelid = '{p}'::regclass \
                                   AND h.inhparent = 'workflow_audit_start_time_idx'::regclass)",
            "missing: index workflow_audit_start_time_idx on {p}",
        ),
        (
            "CREATE TRIGGER more BEFORE INSERT ON {p} FOR EACH ROW EXECUTE FUNCTION audit_touch()",
            "extra: trigger more on {p}",
        ),
        ("DROP TABLE {p}", "missing: partition {p}"),
        ("DROP TABLE {words}", "missing: partition {words}"),
    ] {
        let fill = |text: &str| text.replace("{p}", &partition).replace("{words}", &words);
        connection.batch_execute(&fill(change)).await.unwrap();
        let (report, line) = (verify(&mut connection).await.unwrap(), fill(line));
        assert!(report.to_string().lines().any(|found| found == line), "{change}: {report}");
    }
}

/// A function that does something else, or is run with other rights, is another function under the same name.
#[tokio::test]
async fn a_function_with_another_body_or_other_rights_is_named() {
    for change in [
        "ALTER FUNCTION ensure_audit_partition(text, date) SECURITY INVOKER",
        "ALTER FUNCTION ensure_audit_partition(text, date) RESET search_path",
        "CREATE OR REPLACE FUNCTION ensure_audit_partition(parent text, month date) RETURNS boolean \
             LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET lock_timeout = '2s' \
             SET timezone = 'UTC' AS 'BEGIN RETURN true; END'",
    ] {
        let database = TestDatabase::create().await.unwrap();
        let mut connection = database.connect().await.unwrap();
        connection.batch_execute(change).await.unwrap();
        let report = verify(&mut connection).await.unwrap();
        let names: Vec<&str> = report.differences.iter().map(Difference::what).collect();
        assert_eq!(names, ["function ensure_audit_partition(text,date)"], "{change}");
    }
}

/// Makes the parts whose expressions PostgreSQL may understand in another form once more, from their own definitions, as
/// `pg_restore` does.
async fn read_again(connection: &mut AsyncPgConnection, parts: &[PartRow]) {
    for PartRow { kind, table_name, name, definition, .. } in parts {
        let again = match kind.as_str() {
            "constraint" if definition.starts_with("CHECK") => {
                format!("ALTER TABLE {table_name} DROP CONSTRAINT {name}, ADD CONSTRAINT {name} {definition}")
            }
            "trigger" => format!("DROP TRIGGER {name} ON {table_name}; {definition}"),
            _ => continue,
        };
        connection.batch_execute(&again).await.unwrap();
    }
}

/// The file of definitions is what the migrations make. Written anew when UPDATE_DOCS is set.
#[tokio::test(flavor = "multi_thread")]
async fn the_definitions_are_those_of_the_migrations() {
    let database = TestDatabase::empty().await.unwrap();
    crate::bootstrap(&database.url()).await.unwrap();
    let mut connection = database.connect().await.unwrap();
    let names: Vec<&str> = expected::TABLES.iter().map(|table| table.name).collect();
    connection.batch_execute("BEGIN").await.unwrap();
    catalogue::show_as_expected(&mut connection).await.unwrap();
    let mut parts = catalogue::parts(&mut connection, &names).await.unwrap();
    // The order of a database's own collation is another.
    parts.sort_by_key(|part| (part.table_name.clone(), part.kind.clone(), part.name.clone()));
    read_again(&mut connection, &parts).await;
    let restored = catalogue::parts(&mut connection, &names).await.unwrap();
    let line = |part: &PartRow| {
        let PartRow { kind, table_name, name, definition, .. } = part;
        let is_same = |it: &&PartRow| (&it.kind, &it.table_name, &it.name) == (kind, table_name, name);
        let restored = &restored.iter().find(is_same).unwrap().definition;
        assert!(!definition.contains(['\t', '\n']) && !restored.contains(['\t', '\n']), "{definition}");
        let restored = if restored == definition { String::new() } else { format!("\t{restored}") };
        format!("{kind}\t{table_name}\t{name}\t{definition}{restored}\n")
    };
    let found: String = parts.iter().map(line).collect();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/definitions.txt");
        std::fs::write(path, found).unwrap();
    } else {
        assert_eq!(found, expected::DEFINITIONS, "UPDATE_DOCS=1 writes the file anew");
    }
}

/// Zero drift between what diesel believes and what the migrations make.
#[tokio::test]
async fn the_diesel_tables_are_the_migrated_tables() {
    let database = TestDatabase::create().await.unwrap();
    let mut connection = database.connect().await.unwrap();
    let is_whole = |table: &&expected::Table| table.rights != expected::Rights::None;
    let names: Vec<&str> = expected::TABLES.iter().filter(is_whole).map(|table| table.name).collect();
    let mut migrated: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in catalogue::columns(&mut connection, &names).await.unwrap() {
        let column = format!("{} {}", row.name, as_diesel(&row.sql_type, row.nullable));
        migrated.entry(row.table_name).or_default().push(column);
    }
    assert_eq!(declared(include_str!("../../../storage-models/src/schema.rs")), migrated);
}

/// The fields of each record type are the columns of its table: name, order, type, nullability. Those that are called
/// indexed are those that an index begins with.
#[tokio::test]
async fn the_fields_of_records_are_the_migrated_columns() {
    let database = TestDatabase::create().await.unwrap();
    let mut connection = database.connect().await.unwrap();
    for record_type in RecordType::ALL {
        let fields = record_type.fields();
        let rows = catalogue::columns(&mut connection, &[record_type.table()]).await.unwrap();
        let columns = rows.iter().filter(|row| record_type.field(&row.name).is_some());
        let found: Vec<_> =
            columns.map(|row| (row.name.as_str(), row.sql_type.clone(), row.nullable)).collect();
        let table = expected::TABLES.iter().find(|table| table.name == record_type.table()).unwrap();
        let wanted: Vec<_> = table
            .columns()
            .map(|column| (column.name, column.sql_type.to_string(), column.nullable))
            .take(fields.len())
            .collect();
        assert_eq!(found, wanted, "{record_type}");

        let begins_with = |definition: &str, name: &str| {
            let (_, keys) = definition.split_once("USING btree (").unwrap_or_default();
            let first = keys.split([',', ' ', ')']).next().unwrap_or_default();
            first.trim_matches('"') == name
        };
        let parts = catalogue::parts(&mut connection, &[record_type.table()]).await.unwrap();
        let indexes: Vec<_> = parts.iter().filter(|part| part.kind == "index").collect();
        for field in fields {
            let is_indexed = indexes.iter().any(|index| begins_with(&index.definition, field.name));
            assert_eq!(field.is_indexed, is_indexed, "{}.{}", record_type.table(), field.name);
        }
    }
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
        "tsvector" => "WordsSql",
        varchar if varchar.starts_with("character varying") => "VarChar",
        other => other,
    };
    if nullable { format!("Nullable<{name}>") } else { name.to_owned() }
}
