//! F34: the answer to COMMIT is lost.

use std::time::Duration;

use diesel_async::SimpleAsyncConnection as _;
use storage_testkit::{Fault, FaultProxy};

use super::support::{Bench, remediation};
use crate::{WriteError, WriterSettings};

const RECORDS: &str = "SELECT count(*) AS n FROM remediation_audit";

async fn behind_a_proxy() -> (Bench, FaultProxy) {
    let settings = WriterSettings {
        writers: 1,
        step_timeout: Duration::from_secs(3),
        settle_timeout: Duration::from_secs(2),
        ..WriterSettings::default()
    };
    Bench::behind_proxy(settings).await
}

/// F34: committed, but the answer was cut off: the record is stored once and acknowledged.
#[tokio::test]
async fn a_commit_whose_answer_is_cut_off_is_found_to_have_happened() {
    let (bench, proxy) = behind_a_proxy().await;
    proxy.cut_before_answer("COMMIT");
    let record = bench.remediation("a").await;
    proxy.wait_for_trigger().await.unwrap();
    assert_eq!(bench.count(RECORDS).await, 2);
    let ids = "SELECT count(*) AS n FROM remediation_audit r JOIN vector_outbox o ON o.record_id = r.id";
    assert_eq!(bench.count(ids).await, 2);
    assert_eq!(record.name, "a");
}

/// F34: COMMIT never reached the server: the group is written again, and stored once.
#[tokio::test]
async fn a_commit_that_never_arrived_is_written_again() {
    let (bench, proxy) = behind_a_proxy().await;
    proxy.cut_after_request("COMMIT");
    bench.remediation("a").await;
    proxy.wait_for_trigger().await.unwrap();
    assert_eq!(bench.count(RECORDS).await, 2);
}

/// F34: a server that hangs after COMMIT is given up, asked anew, and found to have committed.
#[tokio::test]
async fn a_commit_whose_answer_hangs_is_settled_on_another_connection() {
    let (bench, proxy) = behind_a_proxy().await;
    proxy.hang_before_answer("COMMIT");
    bench.remediation("a").await;
    proxy.wait_for_trigger().await.unwrap();
    assert_eq!(bench.count(RECORDS).await, 2);
}

/// F34: when no connection can ask, the client is told that the outcome is unknown, and nothing is claimed.
#[tokio::test]
async fn an_outcome_that_cannot_be_learnt_is_called_unknown() {
    let (bench, proxy) = behind_a_proxy().await;
    proxy.hang_before_answer("COMMIT");
    let cut = async {
        proxy.wait_for_trigger().await.unwrap();
        proxy.set(Fault::Refuse);
    };
    let (outcome, ()) = tokio::join!(bench.write(remediation("a")), cut);
    assert_eq!(outcome, Err(WriteError::OutcomeUnknown));
    assert_eq!(bench.count(RECORDS).await, 2);
}

/// F34: an error that PostgreSQL meets at COMMIT has undone everything: the group is written again, and refused when that
/// does not help.
#[tokio::test]
async fn an_error_at_commit_is_tried_again_or_told() {
    for (failures, outcome, records) in [(1, Ok(()), 1), (1_000, Err(WriteError::Unavailable), 0)] {
        let bench = Bench::new().await;
        let trigger = format!(
            "CREATE SEQUENCE tries; \
             CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN \
                IF nextval('tries') <= {failures} THEN RAISE EXCEPTION 'asked for'; END IF; RETURN NULL; END $$; \
             CREATE CONSTRAINT TRIGGER fail AFTER INSERT ON vector_outbox DEFERRABLE INITIALLY DEFERRED \
                FOR EACH ROW EXECUTE FUNCTION fail()"
        );
        bench.connect().await.batch_execute(&trigger).await.unwrap();
        assert_eq!(bench.write(remediation("a")).await.map(drop), outcome);
        assert_eq!(bench.count(RECORDS).await, records);
    }
}
