//! Who owns a queued record, and when.

use std::time::Duration;

use storage_models::{NewExecution, NewRecord, Status, Timestamp};
use tokio::time::Instant;

use super::Job;
use crate::ByteBudget;
use crate::writer::WriteError;

fn record() -> NewRecord {
    NewRecord::Execution(NewExecution {
        remediation_id: 1,
        action_type: "scale".to_owned(),
        target_kind: "Deployment".to_owned(),
        target_name: "api".to_owned(),
        namespace: None,
        status: Status::Pending,
        start_time: Timestamp::now(),
        end_time: None,
        error_message: None,
        dry_run: false,
        recorded_by: "operator".to_owned(),
        correlation_id: None,
        alterations: None,
    })
}

fn far() -> Instant {
    Instant::now() + Duration::from_secs(3600)
}

/// F04: a client that goes away before its transaction begins leaves nothing to be written.
#[tokio::test]
async fn a_record_whose_client_is_gone_is_not_taken() {
    let budget = ByteBudget::new(100);
    let (job, waiter) = Job::new(record(), None, budget.reserve(100).unwrap(), far());
    drop(waiter);
    assert!(job.take(Instant::now()).is_none());
    assert_eq!(budget.free(), 100);
}

/// F04: a passed deadline is answered so only while the record is queued.
#[tokio::test]
async fn a_record_past_its_deadline_is_answered_and_not_taken() {
    let budget = ByteBudget::new(100);
    let deadline = Instant::now();
    let (job, waiter) = Job::new(record(), None, budget.reserve(1).unwrap(), deadline);
    assert!(job.take(deadline).is_none());
    assert_eq!(waiter.outcome(far()).await, Err(WriteError::DeadlinePassed));
}

/// F04: once taken, the client waits for what becomes of the record, whatever its deadline.
#[tokio::test(start_paused = true)]
async fn a_taken_record_is_waited_for_beyond_the_deadline() {
    let budget = ByteBudget::new(100);
    let deadline = Instant::now() + Duration::from_secs(1);
    let (job, waiter) = Job::new(record(), None, budget.reserve(1).unwrap(), deadline);
    let job = job.take(Instant::now()).unwrap();
    let outcome = tokio::spawn(waiter.outcome(deadline));
    tokio::time::advance(Duration::from_secs(60)).await;
    job.answer(Err(WriteError::OutcomeUnknown));
    assert_eq!(outcome.await.unwrap(), Err(WriteError::OutcomeUnknown));
}
