//! Comparing the counters with the table, and correcting them.
//!
//! Both read one snapshot, which has a record exactly if it has the counter row of the record's write. The difference
//! stays the same whatever is written or folded meanwhile, so appending it corrects the counters without a lock.

use diesel::sql_types::{BigInt, Timestamptz};
use diesel::{QueryResult, QueryableByName, sql_query};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use storage_models::Timestamp;

use super::lock;

/// How far the counters of a month are from the table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, QueryableByName)]
pub struct Drift {
    /// Kinds whose number is wrong.
    #[diesel(sql_type = BigInt)]
    pub kinds: i64,
    /// By how many records they are wrong together.
    #[diesel(sql_type = BigInt)]
    pub records: i64,
}

impl Drift {
    /// Whether the counters match the table.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.kinds == 0
    }
}

/// The relation `difference`: a month's kinds whose number is wrong, each with the missing number. $1 is the month.
macro_rules! difference {
    () => {
        "difference AS (SELECT month, namespace, status, phase, action_type, severity, sum(records) AS records FROM ( \
            SELECT $1 AS month, namespace, status, phase, action_type, severity, count(*) AS records \
            FROM remediation_audit \
            WHERE start_time >= $1 AND start_time < date_trunc('month', $1 + interval '32 days', 'UTC') \
            GROUP BY namespace, status, phase, action_type, severity \
            UNION ALL \
            SELECT month, namespace, status, phase, action_type, severity, -records FROM remediation_count \
            WHERE month = $1 \
            UNION ALL \
            SELECT month, namespace, status, phase, action_type, severity, -records FROM remediation_count_delta \
            WHERE month = $1) AS either \
         GROUP BY month, namespace, status, phase, action_type, severity HAVING sum(records) <> 0)"
    };
}

macro_rules! summary {
    () => {
        "SELECT count(*) AS kinds, coalesce(sum(abs(records)), 0)::bigint AS records FROM difference"
    };
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
    #[derive(QueryableByName)]
    struct Month {
        #[diesel(sql_type = Timestamptz)]
        month: Timestamp,
    }
    // From one month with records to the next by the index on the time, not by reading the table.
    let rows: Vec<Month> = sql_query(
        "WITH RECURSIVE filled AS ( \
            SELECT date_trunc('month', min(start_time), 'UTC') AS month FROM remediation_audit \
            UNION ALL \
            SELECT (SELECT date_trunc('month', min(start_time), 'UTC') FROM remediation_audit \
                    WHERE start_time >= date_trunc('month', filled.month + interval '32 days', 'UTC')) \
            FROM filled WHERE filled.month IS NOT NULL) \
         SELECT month FROM filled WHERE month IS NOT NULL \
         UNION SELECT month FROM remediation_count UNION SELECT month FROM remediation_count_delta \
         UNION SELECT month FROM remediation_count_excess ORDER BY month",
    )
    .load(connection)
    .await?;
    Ok(rows.into_iter().map(|row| row.month).collect())
}

/// How far a month's counters are from the table; a month that was given up has none that could be wrong.
///
/// # Errors
/// When the database does not answer.
pub async fn drift(connection: &mut AsyncPgConnection, month: Timestamp) -> QueryResult<Drift> {
    sql_query(concat!(
        "WITH ",
        difference!(),
        " ",
        summary!(),
        " WHERE NOT EXISTS (SELECT FROM remediation_count_excess WHERE month = $1)"
    ))
    .bind::<Timestamptz, _>(month)
    .get_result(connection)
    .await
}

/// Makes a month's counters right, and takes it up again if it was given up; returns how wrong they were.
///
/// # Errors
/// When the database does not answer.
pub async fn correct(connection: &mut AsyncPgConnection, month: Timestamp) -> QueryResult<Drift> {
    connection
        .transaction(async |connection| {
            // Two corrections at once would each append the same difference.
            lock(connection).await?;
            sql_query("DELETE FROM remediation_count_excess WHERE month = $1")
                .bind::<Timestamptz, _>(month)
                .execute(connection)
                .await?;
            sql_query(concat!(
                "WITH ",
                difference!(),
                ", appended AS (INSERT INTO remediation_count_delta \
                    (month, namespace, status, phase, action_type, severity, records) \
                    SELECT month, namespace, status, phase, action_type, severity, records FROM difference) ",
                summary!()
            ))
            .bind::<Timestamptz, _>(month)
            .get_result(connection)
            .await
        })
        .await
}
