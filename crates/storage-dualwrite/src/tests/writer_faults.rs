//! Bad records, conflicts, clients that go away, full queues, stopping.

use std::time::Duration;

use diesel_async::SimpleAsyncConnection;
use tokio::time::Instant;

use super::support::{Bench, patient, remediation, until};
use super::writer_steps::child_of;
use crate::{WriteError, WriterSettings};

const RECORDS: &str = "SELECT count(*) AS n FROM remediation_audit";
const BLOCKED: &str = "SELECT count(*) AS n FROM pg_locks l \
    JOIN pg_database d ON d.oid = l.database WHERE d.datname = current_database() AND NOT l.granted";

fn one_writer() -> WriterSettings {
    WriterSettings { writers: 1, ..patient() }
}

/// A rule that validation cannot foresee.
const REFUSE_BAD: &str = "ALTER TABLE remediation_audit ADD CONSTRAINT no_bad_records CHECK (name <> 'bad')";

/// Counts the statements that insert remediations, whatever becomes of them.
const COUNT_INSERTS: &str = "CREATE SEQUENCE inserts; \
    CREATE FUNCTION count_insert() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN \
        PERFORM nextval('inserts'); RETURN NULL; END $$; \
    CREATE TRIGGER count_insert BEFORE INSERT ON remediation_audit FOR EACH STATEMENT EXECUTE FUNCTION count_insert()";
const INSERTS: &str = "SELECT last_value AS n FROM inserts";

/// BR-STORAGE-005: one record that the database refuses costs no neighbour, and leaves nothing behind.
#[tokio::test]
async fn a_refused_record_costs_no_neighbour() {
    let bench = Bench::with(one_writer()).await;
    bench.connect().await.batch_execute(REFUSE_BAD).await.unwrap();
    let names = ["a", "bad", "b", "c", "bad", "d"];
    let outcomes = futures_util::future::join_all(names.map(|name| bench.write(remediation(name)))).await;
    for (name, outcome) in names.into_iter().zip(outcomes) {
        match outcome {
            Ok(_) => assert_ne!(name, "bad"),
            Err(error) => {
                assert!(matches!(error, WriteError::Refused(_)) && name == "bad", "{name}: {error}")
            }
        }
    }
    assert_eq!(bench.count(RECORDS).await, 4);
    assert_eq!(bench.count("SELECT count(*) AS n FROM vector_outbox").await, 4);
}

/// F57: the one record that is refused is found by halves, not by writing each record again.
#[tokio::test]
async fn a_refused_record_is_found_by_halves() {
    let bench = Bench::with(one_writer()).await;
    bench.remediation("warm").await;
    let mut owner = bench.connect().await;
    owner.batch_execute(REFUSE_BAD).await.unwrap();
    owner.batch_execute(COUNT_INSERTS).await.unwrap();
    let names = (0..64).map(|n| if n == 37 { "bad".to_owned() } else { format!("good {n}") });
    let writes = names.map(|name| bench.write(remediation(&name)));
    let outcomes = futures_util::future::join_all(writes).await;
    let refused = outcomes.iter().filter(|outcome| matches!(outcome, Err(WriteError::Refused(_)))).count();
    assert_eq!((refused, bench.count(RECORDS).await), (1, 64));
    // All at once, and two halves for each of the six times that 64 can be halved.
    assert_eq!(bench.count(INSERTS).await, 13);
}

/// F57: what is no record's fault is told to the whole group after one try, or after the one that helps.
#[tokio::test]
async fn what_no_record_is_to_blame_for_is_not_written_again() {
    for (code, words, expected, tries) in [
        ("insufficient_privilege", "permission denied for table vector_outbox", ExpectedError::Failed, 1),
        ("raise_exception", "asked for", ExpectedError::Failed, 1),
        ("out_of_memory", "out of memory", ExpectedError::Unavailable, 1),
        (
            "invalid_sql_statement_name",
            "prepared statement \"s1\" does not exist",
            ExpectedError::Unavailable,
            2,
        ),
    ] {
        let bench = Bench::with(one_writer()).await;
        bench.remediation("warm").await;
        let mut owner = bench.connect().await;
        owner.batch_execute(COUNT_INSERTS).await.unwrap();
        owner
            .batch_execute(&format!(
                "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                    RAISE EXCEPTION '{words}' USING ERRCODE = '{code}'; END $$; \
                 CREATE TRIGGER fail AFTER INSERT ON remediation_audit FOR EACH STATEMENT EXECUTE FUNCTION fail()"
            ))
            .await
            .unwrap();
        let writes = (0..40).map(|n| bench.write(remediation(&n.to_string())));
        let outcomes = futures_util::future::join_all(writes).await;
        assert!(outcomes.iter().all(|outcome| expected.is(outcome)), "{code}: {outcomes:?}");
        assert_eq!((bench.count(INSERTS).await, bench.count(RECORDS).await), (tries, 1), "{code}");
    }
}

/// What the clients of a group that was not written are told.
#[derive(Debug, Clone, Copy)]
enum ExpectedError {
    Failed,
    Unavailable,
}

impl ExpectedError {
    fn is<T>(self, outcome: &Result<T, WriteError>) -> bool {
        match self {
            Self::Failed => matches!(outcome, Err(WriteError::Failed(_))),
            Self::Unavailable => matches!(outcome, Err(WriteError::Unavailable)),
        }
    }
}

/// BR-STORAGE-005: one writer's connection is stuck, and the other writes what comes meanwhile.
#[tokio::test]
async fn records_pass_a_transaction_that_is_stuck() {
    let bench = Bench::with(patient()).await;
    let mut holder = bench.connect().await;
    holder
        .batch_execute(
            "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                PERFORM pg_advisory_xact_lock(1); RETURN NEW; END $$; \
             CREATE TRIGGER wait BEFORE INSERT ON remediation_audit FOR EACH ROW WHEN (NEW.name = 'stuck') \
                EXECUTE FUNCTION wait(); \
             SELECT pg_advisory_lock(1)",
        )
        .await
        .unwrap();
    let others = async {
        until(&bench, BLOCKED, 1).await;
        for name in ["a", "b", "c"] {
            bench.remediation(name).await;
        }
        assert_eq!(bench.count(RECORDS).await, 3);
        holder.batch_execute("SELECT pg_advisory_unlock(1)").await.unwrap();
    };
    let (stuck, ()) = tokio::join!(bench.write(remediation("stuck")), others);
    stuck.unwrap();
    assert_eq!(bench.count(RECORDS).await, 4);
}

/// BR-STORAGE-002: when the outbox row cannot be stored, neither is the record.
#[tokio::test]
async fn a_record_without_its_outbox_row_is_not_stored() {
    let bench = Bench::new().await;
    bench
        .connect()
        .await
        .batch_execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'full'; END $$; \
             CREATE TRIGGER refuse BEFORE INSERT ON vector_outbox FOR EACH ROW EXECUTE FUNCTION refuse()",
        )
        .await
        .unwrap();
    assert!(matches!(bench.write(remediation("a")).await, Err(WriteError::Failed(_))));
    assert_eq!(bench.count(RECORDS).await, 0);
}

/// BR-STORAGE-002: what the database keeps out without an error, a record or its outbox row, is not acknowledged.
#[tokio::test]
async fn what_was_not_stored_is_not_acknowledged() {
    for (table, condition) in [
        ("remediation_audit", "NEW.name = 'b'"),
        ("vector_outbox", "NEW.record_id / 8192 % 2 = 0"),
        ("workflow_audit", "true"),
    ] {
        let bench = Bench::with(one_writer()).await;
        let parent = bench.remediation("parent").await.id;
        let swallow = format!(
            "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$; \
             CREATE TRIGGER swallow BEFORE INSERT ON {table} FOR EACH ROW WHEN ({condition}) \
                EXECUTE FUNCTION swallow()"
        );
        bench.connect().await.batch_execute(&swallow).await.unwrap();
        let records = if table == "workflow_audit" {
            vec![child_of(parent)]
        } else {
            vec![remediation("a"), remediation("b")]
        };
        let writes = records.into_iter().map(|record| bench.write(record));
        for outcome in futures_util::future::join_all(writes).await {
            assert!(matches!(outcome, Err(WriteError::Failed(_))), "{table}: {outcome:?}");
        }
        assert_eq!(bench.count(RECORDS).await, 1, "{table}");
    }
}

/// F13: a transaction that loses against another one is run again, unseen by the client.
#[tokio::test]
async fn conflicts_are_retried() {
    for code in ["serialization_failure", "deadlock_detected"] {
        let bench = Bench::new().await;
        let text =
            if code == "deadlock_detected" { "deadlock detected" } else { "could not serialize access" };
        let trigger = format!(
            "CREATE SEQUENCE tries; CREATE FUNCTION conflict() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN \
                IF nextval('tries') < 3 THEN RAISE EXCEPTION '{text}' USING ERRCODE = '{code}'; END IF; \
                RETURN NEW; END $$; \
             CREATE TRIGGER conflict BEFORE INSERT ON remediation_audit FOR EACH ROW EXECUTE FUNCTION conflict()"
        );
        bench.connect().await.batch_execute(&trigger).await.unwrap();
        bench.write(remediation("a")).await.unwrap();
        assert_eq!(bench.count(RECORDS).await, 1, "{code}");
    }
}

/// F04: a record given up while it is queued is not stored; one whose transaction has begun is, exactly once.
#[tokio::test]
async fn a_client_that_goes_away_leaves_nothing_or_exactly_one_row() {
    let bench = Bench::with(one_writer()).await;
    bench.remediation("warm").await;
    let mut blocker = bench.connect().await;
    blocker.batch_execute("BEGIN; LOCK TABLE vector_outbox IN ACCESS EXCLUSIVE MODE").await.unwrap();

    let begun = Box::pin(bench.write(remediation("begun")));
    let queued = Box::pin(bench.write(remediation("queued")));
    let late = bench.write_until(remediation("late"), Instant::now() + Duration::from_millis(200));
    // Drives the first write into its transaction, where it waits for the lock, before the others are queued.
    let begun = match futures_util::future::select(begun, Box::pin(until(&bench, BLOCKED, 1))).await {
        futures_util::future::Either::Right((_, begun)) => begun,
        futures_util::future::Either::Left((outcome, _)) => panic!("not blocked: {outcome:?}"),
    };
    let (late, queued) = match futures_util::future::select(Box::pin(late), queued).await {
        futures_util::future::Either::Left((late, queued)) => (late, queued),
        futures_util::future::Either::Right((outcome, _)) => panic!("not blocked: {outcome:?}"),
    };
    assert_eq!(late, Err(WriteError::DeadlinePassed));
    drop((begun, queued));
    blocker.batch_execute("ROLLBACK").await.unwrap();

    bench.remediation("after").await;
    assert_eq!(bench.count(RECORDS).await, 3);
    let names = "SELECT count(*) AS n FROM remediation_audit WHERE name IN ('queued', 'late')";
    assert_eq!(bench.count(names).await, 0);
}

/// A full queue refuses at once instead of letting clients wait.
#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let settings = WriterSettings { writers: 1, queue_records: 1, ..patient() };
    let bench = Bench::with(settings).await;
    bench.remediation("warm").await;
    let mut blocker = bench.connect().await;
    blocker.batch_execute("BEGIN; LOCK TABLE vector_outbox IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let others = async {
        until(&bench, BLOCKED, 1).await;
        // The writer is busy and the queue has room for one: whichever comes second is refused, at once.
        let writes = [bench.write(remediation("b")), bench.write(remediation("c"))].map(Box::pin);
        let (first, _, waiting) = futures_util::future::select_all(writes).await;
        assert_eq!(first, Err(WriteError::QueueFull));
        blocker.batch_execute("ROLLBACK").await.unwrap();
        futures_util::future::join_all(waiting).await
    };
    let (begun, queued) = tokio::join!(bench.write(remediation("a")), others);
    assert!(begun.is_ok() && queued.iter().all(Result::is_ok), "{begun:?} {queued:?}");
}

/// F16: stopping writes what is queued and takes nothing more.
#[tokio::test]
async fn stopping_drains_the_queue() {
    let bench = Bench::new().await;
    bench.remediation("warm").await;
    let writes = futures_util::future::join_all((0..50).map(|n| bench.write(remediation(&n.to_string()))));
    let stop = async {
        tokio::task::yield_now().await;
        bench.writer.stop(Duration::from_secs(20)).await
    };
    let (outcomes, in_time) = tokio::join!(writes, stop);
    assert!(in_time);
    let stored = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert!(
        outcomes.iter().all(|outcome| outcome.is_ok() || *outcome == Err(WriteError::Stopping)),
        "{outcomes:?}"
    );
    assert_eq!(bench.count(RECORDS).await, i64::try_from(stored).unwrap() + 1);
    assert_eq!(bench.write(remediation("late")).await, Err(WriteError::Stopping));
}
