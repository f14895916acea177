//! The commands that make the schema and the service's role, and compare them.

use std::process::Output;

use diesel_async::SimpleAsyncConnection as _;
use storage_testkit::{ServiceProcess, TestDatabase, environment, with_user};

use crate::support::{Service, client, eventually, options};

/// Runs `datastorage schema ACTION` as the role of `url`, with the owner's address when there is one; the exit code, and
/// what was said.
async fn schema(action: &str, url: &str, owner: Option<&str>) -> (Option<i32>, String) {
    let bin = environment::required(environment::SERVICE_BIN).unwrap();
    let mut command = tokio::process::Command::new(bin);
    command.args(["schema", action, "--database-url", url]).env_remove("DATASTORAGE__SCHEMA__OWNER_URL");
    command.envs(owner.map(|owner| ("DATASTORAGE__SCHEMA__OWNER_URL", owner)));
    let Output { status, stdout, stderr } = command.output().await.unwrap();
    (status.code(), format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)))
}

/// From nothing to a service that runs as its own role, by the commands alone; what is changed by hand is named, and
/// mended.
#[tokio::test]
async fn the_services_role_is_made_verified_and_mended_by_commands() {
    let database = TestDatabase::empty().await.unwrap();
    let (role, owner) = (format!("app_{}", database.name()), database.url());
    let url = with_user(&owner, &role, "a-password");
    let run = async |action| schema(action, &url, Some(&owner)).await;
    let (code, told) = run("bootstrap").await;
    assert!(code == Some(0) && !told.contains("rights"), "{told}");

    let (code, told) = run("roles").await;
    assert!(code == Some(0) && told.contains(&format!("role {role} made")), "{told}");
    let (code, told) = run("roles").await;
    assert!(code == Some(0) && told.contains(&format!("role {role} exists\n0 rights changed")), "{told}");
    assert_eq!(run("verify").await, (Some(0), "the schema is as expected\n".to_owned()));

    let mut connection = database.connect().await.unwrap();
    let change = format!(
        "GRANT DELETE ON remediation_audit TO {role}; REVOKE INSERT ON vector_outbox FROM {role}; \
         ALTER TABLE workflow_audit DISABLE TRIGGER workflow_audit_immutable"
    );
    connection.batch_execute(&change).await.unwrap();
    let (code, told) = run("verify").await;
    for line in [
        "differs: trigger workflow_audit_immutable on workflow_audit is disabled, expected enabled"
            .to_owned(),
        format!("extra: right DELETE on table remediation_audit of role {role}"),
        format!("missing: right INSERT on table vector_outbox of role {role}"),
    ] {
        assert!(code == Some(1) && told.lines().any(|told| told == line), "{line}: {told}");
    }
    connection
        .batch_execute("ALTER TABLE workflow_audit ENABLE TRIGGER workflow_audit_immutable")
        .await
        .unwrap();

    let (code, told) = run("bootstrap").await;
    assert!(code == Some(0) && told.contains("2 rights changed"), "{told}");
    assert_eq!(run("verify").await.0, Some(0));
    let process = ServiceProcess::start(&url, options()).await.unwrap();
    let service = Service { process, client: client(), database };
    service.remediation("first").await;
    service.embedded().await;
    drop_role(&service.database, &role).await;
}

/// F57: a role that may not have errors told in English is named by `schema verify`, and its service starts and says what an
/// administrator must run.
#[tokio::test]
async fn a_start_without_the_right_to_fix_the_language_says_so() {
    let database = TestDatabase::create().await.unwrap();
    let (role, owner) = (format!("app_{}", database.name()), database.url());
    let url = with_user(&owner, &role, "a-password");
    assert_eq!(schema("roles", &url, Some(&owner)).await.0, Some(0));
    change_shared(&database, &format!("REVOKE SET ON PARAMETER lc_messages FROM {role}")).await;

    let (code, told) = schema("verify", &url, Some(&owner)).await;
    let line = format!("right SET on parameter lc_messages of role {role} is not granted, expected granted");
    assert!(code == Some(1) && told.contains(&line), "{told}");
    let process = ServiceProcess::start(&url, options()).await.unwrap();
    let log = process.logs();
    assert!(log.contains(&line) && log.contains("GRANT SET ON PARAMETER lc_messages TO"), "{log}");
    let service = Service { process, client: client(), database };
    service.remediation("first").await;
    drop_role(&service.database, &role).await;
}

async fn drop_role(database: &TestDatabase, role: &str) {
    change_shared(database, &format!("DROP OWNED BY {role}")).await;
    change_shared(database, &format!("DROP ROLE {role}")).await;
}

/// Changes what belongs to the whole server. Of two tests that do so at once, PostgreSQL fails one.
async fn change_shared(database: &TestDatabase, statement: &str) {
    let change = async || database.connect().await.unwrap().batch_execute(statement).await.is_ok();
    eventually(statement, change).await;
}

/// A role that lacks a right ends the start with the right's name; one that has too much is told in the log.
#[tokio::test]
async fn a_right_that_is_lacking_ends_the_start() {
    let database = TestDatabase::create().await.unwrap();
    let url = database.server_url().unwrap();
    let role = url.split_once("://").unwrap().1.split_once(':').unwrap().0.to_owned();
    let mut connection = database.connect().await.unwrap();
    connection.batch_execute(&format!("GRANT DELETE ON remediation_audit TO {role}")).await.unwrap();
    let started = ServiceProcess::start(&url, options()).await.unwrap();
    let extra = format!("extra: right DELETE on table remediation_audit of role {role}");
    assert!(started.logs().contains(&extra), "{}", started.logs());
    drop(started);

    connection
        .batch_execute(&format!("REVOKE USAGE ON SEQUENCE workflow_audit_id_seq FROM {role}"))
        .await
        .unwrap();
    let mut refused = ServiceProcess::spawn(&url, options()).unwrap();
    let status = refused.wait_exit(std::time::Duration::from_secs(45)).await.unwrap();
    let log = refused.logs();
    assert_eq!(status.code(), Some(78), "{log}");
    let missing = format!("missing: right USAGE on sequence workflow_audit_id_seq of role {role}");
    assert!(log.contains(&missing) && log.contains("schema roles"), "{log}");
}

/// What cannot be restricted is not taken for the service's role, and says which setting to change.
#[tokio::test]
async fn the_owner_is_refused_as_the_services_role() {
    let database = TestDatabase::create().await.unwrap();
    let (code, told) = schema("roles", &database.url(), Some(&database.url())).await;
    assert!(code == Some(78) && told.contains("superuser") && told.contains("database.user"), "{told}");
    let (code, told) = schema("roles", &database.url(), None).await;
    assert!(code == Some(78) && told.contains("schema.owner_url"), "{told}");
    // Two roles in the settings, and one that may do everything: that is a difference.
    let (code, told) = schema("verify", &database.url(), Some(&database.url())).await;
    assert!(code == Some(1) && told.contains("which is a superuser"), "{told}");
    let (code, told) = schema("verify", &database.url(), None).await;
    assert!(code == Some(0) && told.contains("the schema is as expected"), "{told}");
}
