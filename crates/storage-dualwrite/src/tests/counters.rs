//! The counters behind exact totals: right at every moment, while others write, fold, correct or fail.

use diesel::sql_types::BigInt;
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use storage_models::{
    NewRecord, Phase, Record, RecordUpdate, Remediation, RemediationUpdate, Severity, Status,
};

use super::support::{Bench, count, remediation};
use crate::counters::{Drift, correct, drift, fold, months, tidy};
use crate::idempotency::Written;

const APPENDED: &str = "SELECT count(*) AS n FROM remediation_count_delta";

/// What the counters say, in the snapshot in which the table says the other number.
#[derive(Debug, QueryableByName)]
struct Totals {
    #[diesel(sql_type = BigInt)]
    counted: i64,
    #[diesel(sql_type = BigInt)]
    stored: i64,
    #[diesel(sql_type = BigInt)]
    wrong_kinds: i64,
}

async fn totals(connection: &mut AsyncPgConnection) -> Totals {
    sql_query(
        "WITH counters AS (SELECT * FROM remediation_count UNION ALL SELECT * FROM remediation_count_delta), \
         rows AS (SELECT date_trunc('month', start_time, 'UTC') AS month, namespace, status, phase, action_type, \
                  severity, 1::bigint AS records FROM remediation_audit), \
         wrong AS (SELECT FROM (SELECT * FROM counters UNION ALL \
                  SELECT month, namespace, status, phase, action_type, severity, -records FROM rows) AS either \
                  GROUP BY month, namespace, status, phase, action_type, severity HAVING sum(records) <> 0) \
         SELECT (SELECT coalesce(sum(records), 0)::bigint FROM counters) AS counted, \
                (SELECT count(*) FROM rows) AS stored, (SELECT count(*) FROM wrong) AS wrong_kinds",
    )
    .get_result(connection)
    .await
    .unwrap()
}

async fn assert_exact(connection: &mut AsyncPgConnection, stored: Option<i64>) {
    let totals = totals(connection).await;
    assert_eq!((totals.counted, totals.wrong_kinds), (totals.stored, 0), "{totals:?}");
    assert_eq!(totals.stored, stored.unwrap_or(totals.stored));
}

async fn fold_all(connection: &mut AsyncPgConnection) {
    while fold(connection, 3).await.unwrap() > 0 {}
}

/// One step of a history: a write of some records, alone, together or in a batch, or a change of one, or a fold.
#[derive(Debug, Clone)]
enum Step {
    Write(Vec<usize>),
    Batch(Vec<usize>),
    Update(usize, bool),
    Fold,
}

fn any_step() -> impl Strategy<Value = Step> {
    let kinds = || prop::collection::vec(0_usize..12, 1..8);
    prop_oneof![
        3 => kinds().prop_map(Step::Write),
        2 => kinds().prop_map(Step::Batch),
        3 => (any::<usize>(), any::<bool>()).prop_map(|(which, finishes)| Step::Update(which, finishes)),
        2 => Just(Step::Fold),
    ]
}

/// A record of one of twelve kinds.
fn of_kind(kind: usize) -> NewRecord {
    let NewRecord::Remediation(mut record) = remediation("a") else { panic!("no remediation") };
    record.namespace = ["prod", "dev"][kind % 2].to_owned();
    record.severity = [None, Some(Severity::High), Some(Severity::Info)][kind % 3];
    let days_back = if kind % 4 < 2 { 0 } else { 40 };
    record.start_time = record.start_time.checked_add(chrono::TimeDelta::days(-days_back)).unwrap();
    NewRecord::Remediation(record)
}

/// Does the step; records that may be changed later are pushed to `open`.
async fn take(bench: &Bench, step: &Step, open: &mut Vec<Remediation>) {
    match step {
        Step::Write(kinds) => {
            let writes = kinds.iter().map(|kind| bench.write(of_kind(*kind)));
            for written in futures_util::future::join_all(writes).await {
                let Record::Remediation(record) = written.unwrap() else { panic!("no remediation") };
                open.push(record);
            }
        }
        Step::Batch(kinds) => {
            let records = kinds.iter().map(|kind| of_kind(*kind)).collect();
            bench.writer.write_batch(records, None, bench.size(), bench.deadline()).await.unwrap();
        }
        Step::Update(which, finishes) => {
            if open.is_empty() {
                return;
            }
            let current = open.swap_remove(which % open.len());
            let updated = update(bench, current, *finishes).await;
            open.extend(updated.filter(|_| !finishes));
        }
        Step::Fold => {
            fold(&mut bench.connect().await, 5).await.unwrap();
        }
    }
}

async fn update(bench: &Bench, current: Remediation, finishes: bool) -> Option<Remediation> {
    let update = RemediationUpdate {
        phase: if finishes { Phase::Completed } else { current.phase },
        status: if finishes { Status::Success } else { Status::Pending },
        end_time: None,
        error_message: Some("tried".to_owned()),
        metadata: None,
        alterations: None,
    };
    let current = Record::Remediation(current);
    let update = RecordUpdate::Remediation(update);
    let written = bench.writer.update(&current, update, None, bench.size(), bench.deadline()).await.unwrap();
    match written {
        Written::Now(updated) => match updated.record {
            Record::Remediation(record) => Some(record),
            other => panic!("{other:?} is no remediation"),
        },
        Written::Before(_) => None,
    }
}

/// F01, F02: after every step of any history, each kind's number is what the table holds.
#[test]
fn counters_are_the_table_after_any_history() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let bench = runtime.block_on(Bench::new());
    TestRunner::new(Config::with_cases(24))
        .run(&prop::collection::vec(any_step(), 1..12), |steps| {
            runtime.block_on(async {
                let mut connection = bench.connect().await;
                let mut open = Vec::new();
                for step in &steps {
                    take(&bench, step, &mut open).await;
                    assert_exact(&mut connection, None).await;
                }
            });
            Ok(())
        })
        .unwrap();
    runtime.block_on(async {
        let mut connection = bench.connect().await;
        fold_all(&mut connection).await;
        assert_eq!(count(&mut connection, APPENDED).await, 0);
        assert_exact(&mut connection, None).await;
        for month in months(&mut connection).await.unwrap() {
            assert_eq!(drift(&mut connection, month).await.unwrap(), Drift::default());
        }
    });
}

/// F02, F13: writers, changes and two folders at once; every snapshot agrees with itself, and no writer loses a conflict.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_snapshot_is_exact_while_everybody_writes_and_folds() {
    let bench = Bench::new().await;
    let histories = (0..4_usize).map(async |seed| {
        let mut open = Vec::new();
        for round in 0..15 {
            take(&bench, &Step::Write(vec![seed, seed + round % 8, round % 12]), &mut open).await;
            take(&bench, &Step::Update(round, round % 2 == 0), &mut open).await;
            take(&bench, &Step::Batch(vec![round % 12; 3]), &mut open).await;
        }
    });
    let done = tokio_util::sync::CancellationToken::new();
    let folders = (0..2).map(async |_| {
        let mut connection = bench.connect().await;
        while !done.is_cancelled() {
            fold(&mut connection, 7).await.unwrap();
        }
    });
    let reader = async {
        let mut connection = bench.connect().await;
        let mut reads = 0;
        while !done.is_cancelled() {
            assert_exact(&mut connection, None).await;
            reads += 1;
        }
        reads
    };
    let writing = async {
        futures_util::future::join_all(histories).await;
        done.cancel();
    };
    let ((), _, reads) = tokio::join!(writing, futures_util::future::join_all(folders), reader);
    assert!(reads > 0);
    assert_exact(&mut bench.connect().await, Some(4 * 15 * 6)).await;
}

/// A transaction that is rolled back, by a refused neighbour or by hand, leaves nothing appended.
#[tokio::test]
async fn what_is_rolled_back_is_not_counted() {
    let bench = Bench::new().await;
    let mut connection = bench.connect().await;
    connection
        .batch_execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'full'; END $$; \
             CREATE TRIGGER refuse BEFORE INSERT ON vector_outbox FOR EACH ROW \
             WHEN (NEW.record_id / 8192 % 2 = 0) EXECUTE FUNCTION refuse()",
        )
        .await
        .unwrap();
    let writes = (0..10).map(|kind| bench.write(of_kind(kind)));
    let outcomes = futures_util::future::join_all(writes).await;
    let stored = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert!(stored < 10);
    let batch = (0..10).map(of_kind).collect();
    assert!(bench.writer.write_batch(batch, None, bench.size(), bench.deadline()).await.is_err());
    assert_exact(&mut connection, Some(stored.try_into().unwrap())).await;
}

/// The projector's updates are no news for the counters.
#[tokio::test]
async fn storing_a_vector_appends_nothing() {
    let bench = Bench::new().await;
    bench.remediation("a").await;
    let mut connection = bench.connect().await;
    fold_all(&mut connection).await;
    connection
        .batch_execute("UPDATE remediation_audit SET error_message = 'none of the kinds'' columns'")
        .await
        .unwrap();
    assert_eq!(count(&mut connection, APPENDED).await, 0);
    assert_exact(&mut connection, Some(1)).await;
}

/// What an operator deletes by hand is counted too.
#[tokio::test]
async fn deleted_records_are_not_counted_any_more() {
    let bench = Bench::new().await;
    let batch = (0..10).map(of_kind).collect();
    bench.writer.write_batch(batch, None, bench.size(), bench.deadline()).await.unwrap();
    let mut connection = bench.connect().await;
    connection.batch_execute("DELETE FROM remediation_audit WHERE namespace = 'prod'").await.unwrap();
    assert_exact(&mut connection, Some(5)).await;
}

/// Wrong counters are found, and made right under writers, by two who correct at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_counters_are_found_and_corrected_while_others_write() {
    let bench = Bench::new().await;
    take(&bench, &Step::Write((0..12).collect()), &mut Vec::new()).await;
    let mut connection = bench.connect().await;
    fold_all(&mut connection).await;
    connection
        .batch_execute(
            "UPDATE remediation_count SET records = records + 5 WHERE namespace = 'prod' AND severity IS NULL; \
             DELETE FROM remediation_count WHERE namespace = 'dev'",
        )
        .await
        .unwrap();
    let wrong = totals(&mut connection).await;
    let months = months(&mut connection).await.unwrap();
    let mut found = 0;
    for month in &months {
        found += drift(&mut connection, *month).await.unwrap().kinds;
    }
    assert!(wrong.wrong_kinds > 0 && found == wrong.wrong_kinds, "{found} {wrong:?}");

    let correcting = async || {
        let mut connection = bench.connect().await;
        let mut corrected = 0;
        for month in &months {
            corrected += correct(&mut connection, *month).await.unwrap().kinds;
            fold(&mut connection, 4).await.unwrap();
        }
        corrected
    };
    let writing = async {
        let mut open = Vec::new();
        for round in 0..10 {
            take(&bench, &Step::Write(vec![round, round % 5]), &mut open).await;
        }
    };
    let (first, second, ()) = tokio::join!(correcting(), correcting(), writing);
    assert_eq!(first + second, found);
    assert_exact(&mut connection, Some(32)).await;
}

/// A month with too many kinds is given up, stays so while records come, and can be taken up again.
#[tokio::test]
async fn a_month_of_too_many_kinds_is_given_up_until_it_is_corrected() {
    let bench = Bench::new().await;
    let mut connection = bench.connect().await;
    take(&bench, &Step::Write(vec![0, 1, 4, 5]), &mut Vec::new()).await;
    fold_all(&mut connection).await;
    assert_eq!(tidy(&mut connection, 100).await.unwrap(), 0);
    assert_eq!(tidy(&mut connection, 2).await.unwrap(), 1);
    take(&bench, &Step::Write(vec![0, 1]), &mut Vec::new()).await;
    fold_all(&mut connection).await;
    assert_eq!(count(&mut connection, "SELECT count(*) AS n FROM remediation_count").await, 0);
    let month = months(&mut connection).await.unwrap()[0];
    assert!(drift(&mut connection, month).await.unwrap().is_none());
    assert_eq!(correct(&mut connection, month).await.unwrap().records, 6);
    assert_exact(&mut connection, Some(6)).await;
}

/// Kinds that are left at zero go.
#[tokio::test]
async fn counters_of_no_record_are_dropped() {
    let bench = Bench::new().await;
    let mut connection = bench.connect().await;
    let record = bench.remediation("a").await;
    fold_all(&mut connection).await;
    update(&bench, record, true).await;
    fold_all(&mut connection).await;
    assert_eq!(count(&mut connection, "SELECT count(*) AS n FROM remediation_count").await, 2);
    tidy(&mut connection, 100).await.unwrap();
    assert_eq!(count(&mut connection, "SELECT count(*) AS n FROM remediation_count").await, 1);
    assert_exact(&mut connection, Some(1)).await;
}

/// Of any number of replicas one folds at a time, and the others do not wait for it.
#[tokio::test]
async fn a_fold_beside_another_one_does_nothing() {
    let bench = Bench::new().await;
    bench.remediation("a").await;
    let mut other = bench.connect().await;
    let key = i64::from_be_bytes(*b"dscounts");
    other.batch_execute(&format!("SELECT pg_advisory_lock({key})")).await.unwrap();
    let mut connection = bench.connect().await;
    assert_eq!(fold(&mut connection, 10).await.unwrap(), 0);
    assert_eq!(count(&mut connection, APPENDED).await, 1);
    other.batch_execute(&format!("SELECT pg_advisory_unlock({key})")).await.unwrap();
    assert_eq!(fold(&mut connection, 10).await.unwrap(), 1);
}
