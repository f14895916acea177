//! The schema against a real PostgreSQL.

mod bootstrap;
mod partitions;
mod roles;
mod sizes;
mod slots;
mod statistics;
mod triggers;
mod verify;

use diesel::sql_types::{Nullable, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

/// The single text value that a query of one row and one column, called `value`, returns.
async fn text(connection: &mut AsyncPgConnection, query: &str) -> Option<String> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Nullable<Text>)]
        value: Option<String>,
    }
    sql_query(query).get_result::<Row>(connection).await.unwrap().value
}
