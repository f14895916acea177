//! PostgreSQL lost at the steps of a write that not every write has.

use std::time::Duration;

use storage_models::{NewRecord, NewWorkflow, Status, Timestamp, WorkflowPhase};
use tokio::time::Instant;

use super::idempotency::keyed;
use super::support::{Bench, Loss, patient, remediation};
use crate::idempotency::Written;
use crate::{WriteError, WriterSettings};

const RECORDS: &str = "SELECT count(*) AS n FROM remediation_audit";
const WORKFLOWS: &str = "SELECT count(*) AS n FROM workflow_audit";

pub(super) fn child_of(remediation_id: i64) -> NewRecord {
    NewRecord::Workflow(NewWorkflow {
        remediation_id,
        workflow_name: "restart".to_owned(),
        phase: WorkflowPhase::Executing,
        status: Status::Running,
        start_time: Timestamp::now(),
        end_time: None,
        step_count: 2,
        current_step: 1,
        recorded_by: "operator".to_owned(),
        correlation_id: None,
        alterations: None,
    })
}

/// F05, F34: while parents are looked up, ids drawn, a record of a remediation inserted or answers kept: a lost connection
/// costs another try, silence stores nothing, and with its key the record is there once.
#[tokio::test]
async fn a_record_of_a_remediation_is_stored_once_whatever_is_lost() {
    for step in [
        "WHERE (SELECT true",
        "pg_current_xact_id()",
        "INSERT INTO workflow_audit",
        "INSERT INTO idempotency_key",
    ] {
        for loss in Loss::ALL {
            let settings = WriterSettings { step_timeout: loss.step_timeout(), ..patient() };
            let (bench, proxy) = Bench::behind_proxy(settings).await;
            let parent = bench.remediation("parent").await.id;
            loss.arm(&proxy, step);
            let first = bench.write_keyed(child_of(parent), keyed("k", "body")).await;
            proxy.wait_for_trigger().await.unwrap_or_else(|error| panic!("{step} {loss:?}: {error}"));
            if loss == Loss::Silence {
                assert_eq!(first, Err(WriteError::Unavailable), "{step} {loss:?}");
                assert_eq!(bench.count(WORKFLOWS).await, 0, "{step} {loss:?}");
            } else {
                assert!(matches!(first, Ok(Written::Now(_))), "{step} {loss:?}: {first:?}");
                let again = bench.write_keyed(child_of(parent), keyed("k", "body")).await;
                assert!(matches!(again, Ok(Written::Before(_))), "{step} {loss:?}: {again:?}");
                assert_eq!(bench.count(WORKFLOWS).await, 1, "{step} {loss:?}");
            }
        }
    }
}

/// F21, F37: PostgreSQL lost while a month is given its partition: nothing is stored, and the next write of that month is.
#[tokio::test]
async fn a_partition_whose_making_was_lost_is_made_by_the_next_write() {
    let old = || match remediation("old") {
        NewRecord::Remediation(mut record) => {
            record.start_time = Timestamp::now().checked_add(chrono::TimeDelta::days(-3000)).unwrap();
            NewRecord::Remediation(record)
        }
        other => other,
    };
    for loss in Loss::ALL {
        let (bench, proxy) = Bench::behind_proxy(patient()).await;
        loss.arm(&proxy, "ensure_audit_partition");
        let (deadline, error) = match loss {
            Loss::Silence => (Instant::now() + Duration::from_millis(500), WriteError::DeadlinePassed),
            _ => (bench.deadline(), WriteError::Unavailable),
        };
        assert_eq!(bench.write_until(old(), deadline).await, Err(error), "{loss:?}");
        proxy.wait_for_trigger().await.unwrap();
        assert_eq!(bench.count(RECORDS).await, 1, "{loss:?}");
        bench.write(old()).await.unwrap();
        assert_eq!(bench.count(RECORDS).await, 2, "{loss:?}");
    }
}
