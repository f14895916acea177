//! Everything that writes, behind the one trait that the handlers see.

use std::sync::Arc;

use async_trait::async_trait;
use storage_dualwrite::idempotency::{IdempotencyKey, KeptAnswers, Keyed, Written};
use storage_dualwrite::{ProjectionWaits, Reservation, StrictWriter, Updated, WriteError, Writer};
use storage_models::{NewRecord, Record, RecordUpdate, Timestamp};
use tokio::time::Instant;

use super::edge::AuditWriter;

/// The real writers.
#[derive(Debug, Clone)]
pub(crate) struct WritePath {
    pub(crate) writer: Writer,
    pub(crate) strict: StrictWriter,
    pub(crate) waits: Arc<ProjectionWaits>,
    pub(crate) kept: Arc<KeptAnswers>,
}

#[async_trait(?Send)]
impl AuditWriter for WritePath {
    async fn write(
        &self,
        record: NewRecord,
        keyed: Option<Keyed<Record>>,
        size: Reservation,
        deadline: Instant,
    ) -> Result<Written<Record>, WriteError> {
        self.writer.write(record, keyed, size, deadline).await
    }

    async fn write_strict(
        &self,
        record: NewRecord,
        keyed: Option<Keyed<Record>>,
        size: Reservation,
        deadline: Instant,
    ) -> Result<Written<Record>, WriteError> {
        self.strict.write(record, keyed, size, deadline).await
    }

    async fn write_batch(
        &self,
        records: Vec<NewRecord>,
        keyed: Option<Keyed<[i64]>>,
        size: Reservation,
        deadline: Instant,
    ) -> Result<Written<Vec<i64>>, WriteError> {
        self.writer.write_batch(records, keyed, size, deadline).await
    }

    async fn update(
        &self,
        current: &Record,
        update: RecordUpdate,
        keyed: Option<Keyed<Updated>>,
        size: Reservation,
        deadline: Instant,
    ) -> Result<Written<Updated>, WriteError> {
        self.writer.update(current, update, keyed, size, deadline).await
    }

    async fn until_synced(&self, versions: Vec<(i64, Timestamp)>, until: Instant) -> bool {
        self.waits.wait(versions, until).await
    }

    async fn amend(&self, key: &IdempotencyKey, body: &[u8], until: Instant) -> bool {
        self.kept.amend(key, body, until).await
    }

    fn is_up(&self) -> bool {
        self.writer.is_up()
    }
}
