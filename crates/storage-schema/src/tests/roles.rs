//! The server's role: what it gets, and what it is refused.

use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use storage_testkit::{TestDatabase, with_user};

use crate::roles::change_shared;
use crate::{BootstrapOptions, SchemaError, bootstrap_with, make_role, verify_role};

/// A role of a test's own on its database. Roles belong to the whole server, so it is dropped at the end.
struct Role<'a> {
    database: &'a TestDatabase,
    name: String,
}

impl<'a> Role<'a> {
    fn named(database: &'a TestDatabase, prefix: &str) -> Self {
        Self { database, name: format!("{prefix} of {}", database.name()) }
    }

    /// The name as SQL and URLs take it.
    fn quoted(&self) -> String {
        format!("\"{}\"", self.name)
    }

    async fn make(&self, password: &str) -> crate::RolesReport {
        make_role(self.database.connect().await.unwrap(), &self.name, Some(password)).await.unwrap()
    }

    async fn connect(&self, password: &str) -> AsyncPgConnection {
        let url = with_user(&self.database.url(), &self.name.replace(' ', "%20"), password);
        AsyncPgConnection::establish(&url).await.unwrap()
    }

    async fn drop(self) {
        let name = self.quoted();
        let mut owner = self.database.connect().await.unwrap();
        for statement in [format!("DROP OWNED BY {name}"), format!("DROP ROLE {name}")] {
            change_shared(&mut owner, &statement).await.unwrap();
        }
    }
}

/// What the server does as its role, beyond what the black-box tests run as that role anyway.
const ALLOWED: &[&str] = &[
    "SELECT ensure_audit_partition('remediation_audit', (now() - interval '5 years')::date)",
    "INSERT INTO remediation_audit (name, namespace, phase, action_type) VALUES ('a', 'b', 'pending', 'c')",
    "UPDATE remediation_audit SET phase = 'processing', status = 'running', end_time = NULL, error_message = 'e', metadata = NULL",
    "UPDATE workflow_audit SET phase = 'executing', status = 'running', end_time = NULL, current_step = 0 WHERE phase = 'planning'",
    "DELETE FROM remediation_words; DELETE FROM remediation_text; DELETE FROM remediation_vector; DELETE FROM embedding_vector",
    "SELECT empty_embedding_slot(2::smallint)",
    "DELETE FROM vector_outbox",
    "DELETE FROM idempotency_key",
    "DELETE FROM embedding_set",
    "DELETE FROM remediation_count; DELETE FROM remediation_count_delta; DELETE FROM remediation_count_excess",
    "SELECT nextval('remediation_audit_id_seq')",
    "SELECT id FROM installation",
];

/// Every statement that the server's role must be refused, and what it is told.
const FORBIDDEN: &[(&str, &str)] = &[
    ("DELETE FROM remediation_audit", "permission denied for table remediation_audit"),
    ("DELETE FROM ai_analysis_audit", "permission denied for table ai_analysis_audit"),
    ("DELETE FROM workflow_audit", "permission denied for table workflow_audit"),
    ("DELETE FROM execution_audit", "permission denied for table execution_audit"),
    ("TRUNCATE remediation_audit", "permission denied for table remediation_audit"),
    ("TRUNCATE vector_outbox", "permission denied for table vector_outbox"),
    ("TRUNCATE idempotency_key", "permission denied for table idempotency_key"),
    // Around the parent.
    ("DELETE FROM {partition}", "permission denied for table {partition}"),
    ("UPDATE {partition} SET phase = 'pending'", "permission denied for table {partition}"),
    (
        "INSERT INTO {partition} (name, namespace, phase, action_type) VALUES ('a', 'b', 'pending', 'c')",
        "permission denied for table {partition}",
    ),
    ("SELECT * FROM {partition}", "permission denied for table {partition}"),
    ("ALTER TABLE remediation_audit DETACH PARTITION {partition}", "must be owner of table"),
    // Finished records.
    (
        "UPDATE remediation_audit SET error_message = 'x' WHERE phase = 'completed'",
        "is finished and cannot be changed",
    ),
    (
        "UPDATE remediation_audit SET phase = 'pending' WHERE phase = 'completed'",
        "is finished and cannot be changed",
    ),
    ("UPDATE workflow_audit SET current_step = 1", "is finished and cannot be changed"),
    // What no update of a client changes.
    ("UPDATE remediation_audit SET name = 'x'", "permission denied for table remediation_audit"),
    ("UPDATE remediation_audit SET updated_at = now()", "permission denied for table remediation_audit"),
    ("UPDATE workflow_audit SET workflow_name = 'x'", "permission denied for table workflow_audit"),
    ("UPDATE ai_analysis_audit SET model = 'x'", "permission denied for table ai_analysis_audit"),
    ("UPDATE execution_audit SET status = 'success'", "permission denied for table execution_audit"),
    (
        "INSERT INTO remediation_audit (id, name, namespace, phase, action_type, start_time) \
         SELECT id, name, namespace, phase, action_type, start_time FROM remediation_audit \
         ON CONFLICT (id, start_time) DO UPDATE SET error_message = 'x'",
        "is finished and cannot be changed",
    ),
    (
        "MERGE INTO remediation_audit r USING remediation_audit s ON r.id = s.id WHEN MATCHED THEN DELETE",
        "permission denied for table remediation_audit",
    ),
    // Triggers.
    ("ALTER TABLE remediation_audit DISABLE TRIGGER ALL", "must be owner of table remediation_audit"),
    (
        "ALTER TABLE remediation_audit DISABLE TRIGGER remediation_audit_immutable",
        "must be owner of table remediation_audit",
    ),
    (
        "DROP TRIGGER remediation_audit_immutable ON remediation_audit",
        "must be owner of relation remediation_audit",
    ),
    (
        "CREATE TRIGGER mine BEFORE INSERT ON remediation_audit FOR EACH ROW EXECUTE FUNCTION audit_touch()",
        "permission denied for table remediation_audit",
    ),
    (
        "SET session_replication_role = replica",
        "permission denied to set parameter \"session_replication_role\"",
    ),
    (
        "CREATE OR REPLACE FUNCTION public.audit_refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "permission denied for schema public",
    ),
    (
        "ALTER FUNCTION audit_refuse_change() OWNER TO current_user",
        "must be owner of function audit_refuse_change",
    ),
    ("DROP FUNCTION audit_refuse_change() CASCADE", "must be owner of function audit_refuse_change"),
    (
        "CREATE RULE gone AS ON UPDATE TO remediation_audit DO INSTEAD NOTHING",
        "must be owner of table remediation_audit",
    ),
    // DDL.
    ("ALTER TABLE remediation_audit ADD note text", "must be owner of table remediation_audit"),
    ("ALTER TABLE vector_outbox DROP last_error", "must be owner of table vector_outbox"),
    ("DROP TABLE vector_outbox", "must be owner of table vector_outbox"),
    ("CREATE TABLE public.mine (n integer)", "permission denied for schema public"),
    (
        "CREATE FUNCTION public.mine() RETURNS integer LANGUAGE sql RETURN 1",
        "permission denied for schema public",
    ),
    ("CREATE INDEX mine ON remediation_audit (cluster)", "must be owner of table remediation_audit"),
    ("DROP INDEX remediation_audit_status_idx", "must be owner of index remediation_audit_status_idx"),
    ("CREATE SCHEMA mine", "permission denied for database"),
    ("ALTER EXTENSION vector UPDATE", "must be owner of extension vector"),
    ("DROP EXTENSION vector CASCADE", "must be owner of extension vector"),
    ("REINDEX TABLE vector_outbox", "{reindex}"),
    // What it only reads, and what is none of its business.
    ("UPDATE installation SET id = gen_random_uuid()", "permission denied for table installation"),
    ("DELETE FROM installation", "permission denied for table installation"),
    ("SELECT * FROM __diesel_schema_migrations", "permission denied for table __diesel_schema_migrations"),
    ("DELETE FROM __diesel_schema_migrations", "permission denied for table __diesel_schema_migrations"),
    (
        "SELECT setval('remediation_audit_id_seq', 1)",
        "permission denied for sequence remediation_audit_id_seq",
    ),
    ("ALTER SEQUENCE remediation_audit_id_seq RESTART", "must be owner of sequence remediation_audit_id_seq"),
    // Months and tables that are not for it to make.
    (
        "SELECT ensure_audit_partition('remediation_audit', (now() + interval '2 years')::date)",
        "is outside the accepted range",
    ),
    ("SELECT ensure_audit_partition('pg_class', now()::date)", "no audit table is called pg_class"),
    // The server, its files, other roles.
    ("SELECT * FROM pg_authid", "permission denied for table pg_authid"),
    ("SELECT * FROM pg_hba_file_rules", "permission denied for view pg_hba_file_rules"),
    ("SELECT pg_read_file('postgresql.conf')", "permission denied for function pg_read_file"),
    ("COPY vector_outbox TO PROGRAM 'cat'", "permission denied to COPY to or from an external program"),
    ("COPY vector_outbox FROM '/etc/passwd'", "permission denied to COPY from a file"),
    ("COPY vector_outbox TO '/tmp/x'", "permission denied to COPY to a file"),
    ("SELECT lo_import('/etc/passwd')", "permission denied for function lo_import"),
    ("SELECT pg_reload_conf()", "permission denied for function pg_reload_conf"),
    ("ALTER SYSTEM SET fsync = off", "permission denied to set parameter \"fsync\""),
    ("CREATE ROLE mine", "permission denied to create role"),
    ("CREATE DATABASE mine", "permission denied to create database"),
    ("ALTER ROLE current_user SUPERUSER", "permission denied to alter role"),
    ("SET ROLE {owner}", "permission denied to set role"),
    ("GRANT DELETE ON remediation_audit TO current_user", "no privileges were granted"),
    ("GRANT SELECT ON remediation_audit TO PUBLIC", "no privileges were granted"),
];

/// A finished remediation and a finished workflow.
const RECORDS: &str = "INSERT INTO remediation_audit (name, namespace, phase, action_type, status) \
    VALUES ('a', 'b', 'completed', 'c', 'success'); \
    INSERT INTO workflow_audit (remediation_id, workflow_name, phase, status, step_count) VALUES (1, 'w', 'failed', 'failed', 1)";

/// The server's role may do what the server does.
#[tokio::test(flavor = "multi_thread")]
async fn the_servers_role_may_do_what_the_server_does() {
    let database = TestDatabase::create().await.unwrap();
    let mut server = AsyncPgConnection::establish(&database.server_url().unwrap()).await.unwrap();
    for statement in ALLOWED {
        server.batch_execute(statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
}

/// A client with the server's password cannot remove a record, change a finished one, or get out of its role.
#[tokio::test(flavor = "multi_thread")]
async fn the_servers_role_is_refused_everything_else() {
    let database = TestDatabase::create().await.unwrap();
    let mut owner = database.connect().await.unwrap();
    owner.batch_execute(RECORDS).await.unwrap();
    let partition = "SELECT tableoid::regclass::text AS value FROM remediation_audit LIMIT 1";
    let partition = super::text(&mut owner, partition).await.unwrap();
    let name = super::text(&mut owner, "SELECT quote_ident(current_user) AS value").await.unwrap();
    let version =
        super::text(&mut owner, "SELECT current_setting('server_version_num') AS value").await.unwrap();
    let reindex =
        if version.as_str() < "170000" { "must be owner of table" } else { "permission denied for" };
    let before = fingerprint(&mut owner).await;
    let mut server = AsyncPgConnection::establish(&database.server_url().unwrap()).await.unwrap();
    let fill = |text: &str| {
        text.replace("{partition}", &partition).replace("{owner}", &name).replace("{reindex}", reindex)
    };
    let mut allowed = Vec::new();
    for (statement, refusal) in FORBIDDEN {
        let (statement, refusal) = (fill(statement), fill(refusal));
        let outcome = server.batch_execute(&statement).await;
        let told = outcome.err().map(|error| error.to_string()).unwrap_or_default();
        // A grant of what one may not grant is a warning, and does nothing.
        let is_warning = refusal == "no privileges were granted" && told.is_empty();
        if !told.contains(&refusal) && !is_warning {
            allowed.push(format!("{statement}: {told}"));
        }
    }
    assert_eq!(allowed, Vec::<String>::new());
    assert_eq!(fingerprint(&mut owner).await, before);
    assert_eq!(verify_role(&mut server, None).await.unwrap().differences, []);
}

/// The records and who may do what.
async fn fingerprint(owner: &mut AsyncPgConnection) -> Option<String> {
    let all = "SELECT concat((SELECT string_agg(r::text, ';') FROM remediation_audit r), \
                             (SELECT string_agg(w::text, ';') FROM workflow_audit w), \
                             (SELECT string_agg(concat(relname, relacl), ';' ORDER BY oid) FROM pg_class \
                              WHERE relnamespace = 'public'::regnamespace)) AS value";
    super::text(owner, all).await
}

/// The role is made once, with its password, whatever its name is made of; a new password replaces the old one.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_is_made_once_and_its_password_replaced() {
    let database = TestDatabase::create().await.unwrap();
    let role = Role::named(&database, "o'ne; DROP");
    let first = role.make("first").await;
    assert!(first.created && first.left.is_empty(), "{first:?}");
    let again = role.make("second").await;
    assert!(!again.created && again.mended.is_empty() && again.left.is_empty(), "{again:?}");
    let literal = role.name.replace('\'', "''");
    let stored = format!("SELECT rolpassword AS value FROM pg_authid WHERE rolname = '{literal}'");
    let mut owner = database.connect().await.unwrap();
    let stored = super::text(&mut owner, &stored).await.unwrap();
    assert!(stored.starts_with("SCRAM-SHA-256$"), "{stored}");
    let mut connection = role.connect("second").await;
    connection.batch_execute(ALLOWED[1]).await.unwrap();
    drop(connection);
    role.drop().await;
}

/// What was granted besides is found by name, wherever it comes from, and taken back; what is lacking is granted.
#[tokio::test(flavor = "multi_thread")]
async fn rights_beyond_the_needed_are_named_and_taken_back() {
    let database = TestDatabase::create().await.unwrap();
    let role = Role::named(&database, "role");
    role.make("p").await;
    let (name, mut owner) = (role.quoted(), database.connect().await.unwrap());
    let partition = "SELECT min(inhrelid::regclass::text) AS value FROM pg_inherits WHERE inhparent = 'workflow_audit'::regclass";
    let partition = super::text(&mut owner, partition).await.unwrap();
    for (change, line) in [
        (
            "GRANT DELETE ON remediation_audit TO {role}",
            "extra: right DELETE on table remediation_audit of role",
        ),
        ("GRANT TRUNCATE ON vector_outbox TO PUBLIC", "extra: right TRUNCATE on table vector_outbox of role"),
        ("GRANT UPDATE (id) ON installation TO {role}", "extra: right UPDATE on table installation of role"),
        ("GRANT UPDATE ON workflow_audit TO {role}", "extra: right UPDATE on table workflow_audit of role"),
        (
            "GRANT UPDATE (name) ON remediation_audit TO {role}",
            "extra: right UPDATE on column remediation_audit.name of role",
        ),
        (
            "REVOKE UPDATE (metadata) ON remediation_audit FROM {role}",
            "missing: right UPDATE on column remediation_audit.metadata of role",
        ),
        (
            "GRANT SELECT ON remediation_audit TO {role} WITH GRANT OPTION",
            "extra: right SELECT WITH GRANT OPTION on table remediation_audit of role",
        ),
        ("GRANT DELETE ON {partition} TO {role}", "extra: right DELETE on table {partition} of role"),
        (
            "GRANT SELECT ON __diesel_schema_migrations TO {role}",
            "extra: right SELECT on table __diesel_schema_migrations of role",
        ),
        (
            "GRANT UPDATE ON SEQUENCE remediation_audit_id_seq TO {role}",
            "extra: right UPDATE on sequence remediation_audit_id_seq of role",
        ),
        ("GRANT CREATE ON SCHEMA public TO {role}", "extra: right CREATE on schema public of role"),
        ("ALTER ROLE {role} CREATEDB", "extra: attribute CREATEDB of role"),
        (
            "REVOKE INSERT ON execution_audit FROM {role}",
            "missing: right INSERT on table execution_audit of role",
        ),
        (
            "REVOKE DELETE ON vector_outbox FROM {role}",
            "missing: right DELETE on table vector_outbox of role",
        ),
        (
            "REVOKE USAGE ON SEQUENCE workflow_audit_id_seq FROM {role}",
            "missing: right USAGE on sequence workflow_audit_id_seq of role",
        ),
        (
            "REVOKE EXECUTE ON FUNCTION ensure_audit_partition(text, date) FROM {role}",
            "missing: right EXECUTE on function ensure_audit_partition(text,date) of role",
        ),
    ] {
        let fill = |text: &str| text.replace("{role}", &name).replace("{partition}", &partition);
        owner.batch_execute(&fill(change)).await.unwrap();
        let line = format!("{} {}", fill(line), role.name);
        let found = verify_role(&mut owner, Some(&role.name)).await.unwrap().differences;
        assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), [line], "{change}");
        let report = role.make("p").await;
        assert_eq!((report.mended, report.left), (found, Vec::new()), "{change}");
    }
    role.drop().await;
}

/// F57: the role may have errors told in English. One that may not is told of and can run all the same, since only an
/// administrator can grant it; `schema roles` does when it may.
#[tokio::test(flavor = "multi_thread")]
async fn the_right_to_fix_the_language_is_granted_and_its_lack_is_no_reason_not_to_start() {
    let database = TestDatabase::create().await.unwrap();
    let role = Role::named(&database, "language");
    role.make("p").await;
    role.connect("p").await.batch_execute("SET lc_messages = 'C'").await.unwrap();
    let mut owner = database.connect().await.unwrap();
    let revoke = format!("REVOKE SET ON PARAMETER lc_messages FROM {}", role.quoted());
    change_shared(&mut owner, &revoke).await.unwrap();
    role.connect("p").await.batch_execute("SET lc_messages = 'C'").await.unwrap_err();
    let found = verify_role(&mut owner, Some(&role.name)).await.unwrap().differences;
    let told = format!(
        "differs: right SET on parameter lc_messages of role {} is not granted, expected granted",
        role.name
    );
    assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), [told]);
    assert!(!found.iter().any(crate::Difference::is_fatal));
    let report = role.make("p").await;
    assert_eq!((report.mended, report.left), (found, Vec::new()));
    role.drop().await;
}

/// A membership is somebody's decision: it is named and left to them.
#[tokio::test(flavor = "multi_thread")]
async fn a_membership_is_named_and_left() {
    let database = TestDatabase::create().await.unwrap();
    let role = Role::named(&database, "member");
    role.make("p").await;
    let (name, mut owner) = (role.quoted(), database.connect().await.unwrap());
    owner.batch_execute(&format!("GRANT pg_read_all_stats, pg_write_all_data TO {name}")).await.unwrap();
    let report = role.make("p").await;
    let left: Vec<String> = report.left.iter().map(ToString::to_string).collect();
    assert!(
        left.contains(&format!("extra: membership of role {} in pg_write_all_data", role.name)),
        "{left:?}"
    );
    assert!(
        left.contains(&format!("extra: right DELETE on table remediation_audit of role {}", role.name)),
        "{left:?}"
    );
    assert!(!left.iter().any(|line| line.contains("pg_read_all_stats")), "{left:?}");
    role.drop().await;
}

/// A bootstrap gives an existing role its rights on what is new, and makes none.
#[tokio::test(flavor = "multi_thread")]
async fn a_bootstrap_grants_to_the_role_that_is_there() {
    let database = TestDatabase::empty().await.unwrap();
    let role = Role::named(&database, "app");
    let options = BootstrapOptions { server_role: Some(role.name.clone()), ..BootstrapOptions::default() };
    assert_eq!(bootstrap_with(database.connect().await.unwrap(), &options).await.unwrap().role, None);
    let mut owner = database.connect().await.unwrap();
    owner.batch_execute(&format!("CREATE ROLE {} LOGIN", role.quoted())).await.unwrap();

    let granted = bootstrap_with(database.connect().await.unwrap(), &options).await.unwrap().role.unwrap();
    assert!(!granted.created && !granted.mended.is_empty() && granted.left.is_empty(), "{granted:?}");
    assert_eq!(
        bootstrap_with(database.connect().await.unwrap(), &options).await.unwrap().role,
        Some(crate::RolesReport::default())
    );
    role.drop().await;
}

/// From an owner or a superuser nothing can be kept, so neither is taken for the server's role.
#[tokio::test(flavor = "multi_thread")]
async fn the_owner_is_not_taken_for_the_servers_role() {
    let database = TestDatabase::create().await.unwrap();
    let mut owner = database.connect().await.unwrap();
    let name = super::text(&mut owner, "SELECT current_user::text AS value").await.unwrap();
    let refused = make_role(database.connect().await.unwrap(), &name, None).await;
    assert!(matches!(refused, Err(SchemaError::Unrestricted { .. })), "{refused:?}");
    assert_eq!(verify_role(&mut owner, None).await.unwrap().unrestricted, Some("is a superuser"));
    let role = Role::named(&database, "owner");
    role.make("p").await;
    owner.batch_execute(&format!("ALTER TABLE execution_audit OWNER TO {}", role.quoted())).await.unwrap();
    let refused = make_role(database.connect().await.unwrap(), &role.name, None).await.unwrap_err();
    assert!(refused.to_string().contains("owns the tables"), "{refused}");
    role.drop().await;
}

/// An owner that may not make roles is told what an administrator must run; no message holds a password.
#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_cannot_be_made_is_explained() {
    let database = TestDatabase::create().await.unwrap();
    let role = Role::named(&database, "none");
    role.make("first").await;
    let url = with_user(&database.url(), &role.name.replace(' ', "%20"), "first");
    let owner = AsyncPgConnection::establish(&url).await.unwrap();
    let error = make_role(owner, "another", Some("geheim")).await.unwrap_err();
    let told = format!("{error} {error:?}");
    assert!(told.contains("CREATE ROLE another LOGIN;") && !told.contains("geheim"), "{told}");
    role.drop().await;
}
