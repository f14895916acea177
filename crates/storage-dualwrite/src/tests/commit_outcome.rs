//! F34: the answer to COMMIT is lost.

use std::time::Duration;

use storage_testkit::{Fault, FaultProxy, TestDatabase};

use super::support::{Bench, remediation};
use crate::{WriteError, WriterSettings};

const RECORDS: &str = "SELECT count(*) AS n FROM remediation_audit";

async fn behind_a_proxy() -> (Bench, FaultProxy) {
    let database = TestDatabase::create().await.unwrap();
    let proxy = FaultProxy::for_postgres(&database.server_url().unwrap()).await.unwrap();
    let url = proxy.url(&database.server_url().unwrap());
    let settings = WriterSettings {
        writers: 1,
        step_timeout: Duration::from_secs(3),
        settle_timeout: Duration::from_secs(2),
        ..WriterSettings::default()
    };
    let bench = Bench::on(database, &url, settings);
    bench.remediation("warm").await;
    (bench, proxy)
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

/// F34: when nobody can be asked, the client is told that the outcome is unknown, and nothing is claimed.
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
