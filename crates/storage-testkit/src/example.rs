//! The examples in documentation, run against a database.

use std::error::Error;

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection as _};

use crate::TestDatabase;

/// Records that examples find: forty remediations of the last two days, with what belongs to the first of them.
const RECORDS: &str = include_str!("example.sql");

/// Runs an example: `body` gets a connection to a database of its own with some records in it.
///
/// For the last, hidden line of an example in documentation, which `cargo xtask test` then runs. `example.sql`
/// beside this file has the records.
///
/// # Panics
/// When there is no database, or `body` fails.
pub fn example(body: impl AsyncFnOnce(&mut AsyncPgConnection) -> Result<(), Box<dyn Error>>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(run(body)),
        Err(error) => Err(error.into()),
    };
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

async fn run(
    body: impl AsyncFnOnce(&mut AsyncPgConnection) -> Result<(), Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let database = TestDatabase::create().await?;
    let mut connection = database.connect().await?;
    connection.batch_execute(RECORDS).await?;
    connection.batch_execute(crate::STORE_WORDS).await?;
    body(&mut connection).await?;
    drop(connection);
    database.close().await?;
    Ok(())
}
