//! The similarity from which on incidents are alike, in the set that serves.

use diesel::OptionalExtension;
use diesel::result::Error;
use diesel::sql_types::{Double, Nullable};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use storage_postgres::statement;

statement! {
    /// Measures the similarity that 99 % of the pairs of different incidents do not reach, and stores it with the set: null
    /// while there are fewer than twenty incidents. The sample is two hundred incidents, the first by their keys. Keys are
    /// hashes, so the sample is random, and the same each time.
    Measure("embedding_set/measure_threshold.sql") -> Nullable<Double> {}
}

/// Measures the threshold again and stores it. `None` while there is no set, or while there are too few incidents.
///
/// # Errors
/// When the database does not answer.
pub async fn measure_threshold(connection: &mut AsyncPgConnection) -> Result<Option<f64>, Error> {
    let stored: Option<Option<f64>> = Measure {}.get_result(connection).await.optional()?;
    Ok(stored.flatten())
}
