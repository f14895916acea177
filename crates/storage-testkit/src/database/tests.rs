//! Tests for databases per test.

use diesel_async::{RunQueryDsl, SimpleAsyncConnection};

use super::{TestDatabase, create_database, drop_database};
use crate::{TestkitError, environment};

#[tokio::test]
async fn a_database_is_a_copy_of_its_template_and_gone_after_the_test() {
    let admin = environment::required(environment::DATABASE_URL).unwrap();
    let template = TestDatabase::create_on(&admin, None).await.unwrap();
    let mut connection = template.connect().await.unwrap();
    connection.batch_execute("CREATE TABLE marker ()").await.unwrap();
    drop(connection);

    let copy = TestDatabase::create_on(&admin, Some(template.name())).await.unwrap();
    let mut connection = copy.connect().await.unwrap();
    diesel::sql_query("SELECT FROM marker").execute(&mut connection).await.unwrap();

    // Dropped while a connection is open, and from inside a runtime.
    let url = copy.url();
    drop(copy);
    drop(connection);
    let gone = super::connect(&url, "copy").await.unwrap_err();
    assert!(matches!(gone, TestkitError::Connect { .. }), "{gone}");
    template.close().await.unwrap();
}

#[tokio::test]
async fn close_names_the_session_that_was_left_open() {
    let database = TestDatabase::empty().await.unwrap();
    let name = database.name().to_owned();
    let admin = environment::required(environment::DATABASE_URL).unwrap();
    let left =
        super::connect(&format!("{}?application_name=forgotten", database.url()), &name).await.unwrap();
    let error = database.close().await.unwrap_err();
    assert!(matches!(error, TestkitError::SessionsLeft { .. }), "{error}");
    assert!(error.to_string().contains("forgotten idle"), "{error}");
    drop(left);
    // The failed close dropped the database by force; dropping it again is fine, and the name is free.
    drop_database(&admin, &name).await.unwrap();
    create_database(&admin, &name, None).await.unwrap();
    drop_database(&admin, &name).await.unwrap();
}
