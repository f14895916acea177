//! Which months are known to have a partition, and making the others on demand.

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use backon::{ConstantBuilder, Retryable};
use chrono::{Datelike, NaiveDate};
use diesel::sql_types::{Bool, Date, Text};
use diesel_async::RunQueryDsl;
use storage_models::{DatabaseFault, RecordType, Timestamp};
use storage_postgres::statement;
use tokio::sync::Mutex;

use super::WriteError;
use crate::Connector;

statement! {
    /// Makes a month's partition unless it is there.
    EnsurePartition("writer/ensure_partition.sql") -> Bool { table: &'static str => Text, month: NaiveDate => Date }
}

type Month = (RecordType, NaiveDate);

/// How often a lock that was not to be had is asked for again.
const LOCK_RETRIES: usize = 3;

/// The pause between these tries.
const LOCK_RETRY_DELAY: Duration = Duration::from_millis(100);

/// A partition is made on a connection of its own, in a transaction of its own, before its record is queued: it
/// never holds up records of other months.
#[derive(Debug)]
pub(super) struct Partitions {
    connector: Connector,
    known: RwLock<HashSet<Month>>,
    maker: Mutex<()>,
}

impl Partitions {
    pub(super) fn new(connector: Connector) -> Self {
        Self { connector, known: RwLock::default(), maker: Mutex::default() }
    }

    /// Returns when the month has a partition.
    pub(super) async fn ensure(&self, record_type: RecordType, time: Timestamp) -> Result<(), WriteError> {
        let day = time.as_datetime().date_naive();
        let month = (record_type, day.with_day(1).unwrap_or(day));
        if self.knows(&month) {
            return Ok(());
        }
        let _one_at_a_time = self.maker.lock().await;
        if self.knows(&month) {
            return Ok(());
        }
        self.make(month).await?;
        self.known.write().unwrap_or_else(PoisonError::into_inner).insert(month);
        Ok(())
    }

    /// Forgets what is known, after the database has said that a partition is missing.
    pub(super) fn forget(&self) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn knows(&self, month: &Month) -> bool {
        self.known.read().unwrap_or_else(PoisonError::into_inner).contains(month)
    }

    async fn make(&self, month: Month) -> Result<(), WriteError> {
        let tries = ConstantBuilder::default()
            .with_delay(LOCK_RETRY_DELAY)
            .with_max_times(LOCK_RETRIES)
            .with_jitter();
        (|| self.try_make(month)).retry(tries).when(|error| *error == MakeError::Locked).await.map_err(|error| {
            let (record_type, month) = month;
            tracing::warn!(table = record_type.table(), %month, error = %error, "a partition could not be created");
            WriteError::Unavailable
        })
    }

    async fn try_make(&self, (record_type, month): Month) -> Result<(), MakeError> {
        let mut connection =
            self.connector.connect().await.map_err(|error| MakeError::Failed(error.to_string()))?;
        match (EnsurePartition { table: record_type.table(), month }).execute(&mut connection).await {
            Ok(_) => Ok(()),
            Err(error) if DatabaseFault::of(&error) == DatabaseFault::LockTimeout => Err(MakeError::Locked),
            Err(error) => Err(MakeError::Failed(error.to_string())),
        }
    }
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum MakeError {
    #[error("the lock on the table could not be taken in time; see pg_locks for the session that holds it")]
    Locked,
    #[error("{0}")]
    Failed(String),
}
