//! Comparing the counters with the table, and correcting them.
//!
//! Both read one snapshot, which has a record exactly if it has the counter row of the record's write. The difference
//! stays the same whatever is written or folded meanwhile, so appending it corrects the counters without a lock.

use std::time::Duration;

use diesel::QueryResult;
use diesel::sql_types::{BigInt, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use storage_models::Timestamp;
use storage_postgres::{Transaction, statement};

use super::lock;

/// How long a correction may take: as its statements may, see [`allow_long_statements`].
const TIME_LIMIT: Duration = Duration::from_secs(60 * 60);

/// How far the counters of a month are from the table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, diesel::Queryable)]
pub struct Drift {
    /// Kinds whose number is wrong.
    pub kinds: i64,
    /// By how many records they are wrong together.
    pub records: i64,
}

impl Drift {
    /// Whether the counters match the table.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.kinds == 0
    }
}

statement! {
    /// The months that have records or counters, in order. From one month with records to the next by the index on the time,
    /// not by reading the table.
    Months("counters/months.sql") -> Timestamptz {}
}

statement! {
    /// How far a month's counters are from the table.
    FindDrift("counters/drift.sql") -> (BigInt, BigInt) { month: Timestamp => Timestamptz }
}

statement! {
    /// Takes a month up again that was given up.
    TakeUp("counters/take_up.sql") -> () { month: Timestamp => Timestamptz }
}

statement! {
    /// Appends the difference between a month's counters and the table.
    Correct("counters/correct.sql") -> (BigInt, BigInt) { month: Timestamp => Timestamptz }
}

/// Lets this session's statements run for an hour: counting a month of very many records takes longer than anything
/// the service does.
///
/// # Errors
/// When the database does not answer.
pub async fn allow_long_statements(connection: &mut AsyncPgConnection) -> QueryResult<()> {
    connection.batch_execute("SET statement_timeout = '1h'").await
}

/// The months that have records or counters, in order.
///
/// # Errors
/// When the database does not answer.
pub async fn months(connection: &mut AsyncPgConnection) -> QueryResult<Vec<Timestamp>> {
    Months {}.load(connection).await
}

/// How far a month's counters are from the table; a month that was given up has none that could be wrong.
///
/// # Errors
/// When the database does not answer.
pub async fn drift(connection: &mut AsyncPgConnection, month: Timestamp) -> QueryResult<Drift> {
    FindDrift { month }.get_result(connection).await
}

/// Makes a month's counters right, and takes it up again if it was given up; returns how wrong they were.
///
/// # Errors
/// When the database does not answer.
pub async fn correct(connection: &mut AsyncPgConnection, month: Timestamp) -> QueryResult<Drift> {
    Transaction::new("correct counters", TIME_LIMIT)
        .run(connection, async |connection| {
            // Two corrections at once would each append the same difference.
            lock(connection).await?;
            TakeUp { month }.execute(connection).await?;
            Correct { month }.get_result(connection).await
        })
        .await
}
