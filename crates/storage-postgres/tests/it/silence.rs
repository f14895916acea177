//! Connections on which nothing comes back.

use std::time::Duration;

use diesel::QueryResult;
use diesel::result::{DatabaseErrorKind, Error};
use storage_postgres::silence::{answered, limit_of_answer};

#[tokio::test(start_paused = true)]
async fn an_answer_that_never_comes_is_a_lost_connection() {
    let outcome: QueryResult<()> = answered(Duration::from_millis(1_500), std::future::pending()).await;
    let Err(Error::DatabaseError(DatabaseErrorKind::ClosedConnection, words)) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(words.message(), "PostgreSQL was silent for 1.5 s");
}

#[test]
fn postgresql_has_time_to_say_that_it_ended_a_statement() {
    assert!(limit_of_answer(Duration::from_secs(5)) > Some(Duration::from_secs(5)));
    assert_eq!(limit_of_answer(Duration::ZERO), None);
}
