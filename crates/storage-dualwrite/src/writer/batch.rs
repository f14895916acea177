//! One transaction for a batch: all of its records or none.

use diesel::QueryResult;
use diesel_async::AsyncPgConnection;
use storage_models::{NewRecord, RecordType, Timestamp};

use super::WriteError;
use super::commit_outcome::CommitProbe;
use super::draw::orphans;
use super::error::Orphan;
use super::group::insert_for_ids;
use super::transaction::Work;
use crate::idempotency::{KeyState, KeyStates, Keyed, Written, keep};

/// Records to be stored together.
#[derive(Debug)]
pub(super) struct BatchWork {
    pub(super) records: Vec<NewRecord>,
    pub(super) keyed: Option<Keyed<[i64]>>,
}

impl Work for BatchWork {
    const NAME: &'static str = "write a batch";

    type Output = Result<Written<Vec<i64>>, WriteError>;

    async fn run(
        &self,
        connection: &mut AsyncPgConnection,
    ) -> QueryResult<(Option<CommitProbe>, Self::Output)> {
        if let Some(settled) = settled(connection, self.keyed.as_ref()).await? {
            return Ok((None, settled));
        }
        let records: Vec<&NewRecord> = self.records.iter().collect();
        let missing = orphans(connection, &records).await?;
        if !missing.is_empty() {
            let orphans = records.iter().enumerate().filter_map(|(place, record)| {
                let remediation_id = record.parent().filter(|parent| missing.contains(parent))?;
                Some(Orphan { place, remediation_id })
            });
            return Ok((None, Err(WriteError::ParentsNotFound(orphans.collect()))));
        }
        let inserted = insert_for_ids(connection, &records).await?;
        let ids: Result<Vec<i64>, WriteError> = inserted.outcomes.into_iter().collect();
        if let (Ok(ids), Some(keyed)) = (&ids, &self.keyed) {
            keep(connection, &[(&keyed.key, (keyed.render)(ids))]).await?;
        }
        Ok((inserted.probe, ids.map(Written::Now)))
    }

    fn months(&self) -> Vec<(RecordType, Timestamp)> {
        self.records.iter().map(|record| (record.record_type(), record.partition_time())).collect()
    }

    fn is_in_flight(&self, output: &Self::Output) -> bool {
        matches!(output, Err(WriteError::KeyInFlight))
    }

    fn enqueued(&self, output: &Self::Output) -> usize {
        match output {
            Ok(Written::Now(_)) => {
                self.records.iter().filter(|record| record.record_type() == RecordType::Remediation).count()
            }
            _ => 0,
        }
    }

    fn len(&self) -> usize {
        self.records.len()
    }
}

/// Takes the key of a transaction that has one; the outcome, if the key decides it.
pub(super) async fn settled<K: ?Sized, T>(
    connection: &mut AsyncPgConnection,
    keyed: Option<&Keyed<K>>,
) -> QueryResult<Option<Result<Written<T>, WriteError>>> {
    let Some(keyed) = keyed else { return Ok(None) };
    let states = KeyStates::take(connection, &[&keyed.key]).await?;
    Ok(match states.of(&keyed.key) {
        KeyState::Free => None,
        KeyState::InFlight => Some(Err(WriteError::KeyInFlight)),
        KeyState::Replay(reply) => Some(Ok(Written::Before(reply))),
        KeyState::Reused => Some(Err(WriteError::KeyReused)),
    })
}
