//! Requests that are repeated.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use diesel::sql_query;
use diesel::sql_types::BigInt;
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use proptest::prelude::*;
use storage_models::Record;
use storage_testkit::{Fault, FaultProxy, TestDatabase};

use super::support::{Bench, connector, patient, remediation, until};
use crate::idempotency::{self, IdempotencyKey, Kept, Keyed, Reply, RequestDigest, Written};
use crate::writer::group::{GroupWork, Item};
use crate::writer::transaction::attempt;
use crate::{WriteError, Writer, WriterSettings};

const RECORDS: &str = "SELECT count(*) AS n FROM remediation_audit";
const KEYS: &str = "SELECT count(*) AS n FROM idempotency_key";
const PAIRS: &str = "SELECT count(*) AS n FROM remediation_audit r \
    JOIN idempotency_key k ON convert_from(k.body, 'UTF8') = r.id || ' ' || r.name";
const BLOCKED: &str = "SELECT count(*) AS n FROM pg_locks l \
    JOIN pg_database d ON d.oid = l.database WHERE d.datname = current_database() AND NOT l.granted";

fn digest(body: &str) -> RequestDigest {
    let mut digest = RequestDigest::default();
    digest.write_str(body).unwrap();
    digest
}

fn key(key: &str, body: &str) -> IdempotencyKey {
    IdempotencyKey::new("anonymous", "POST /audit/remediation", key, digest(body))
}

fn render(record: &Record) -> Reply {
    let (id, name) = match record {
        Record::Remediation(record) => (record.id, record.name.as_str()),
        other => (other.id(), "no remediation"),
    };
    let body = format!("{id} {name}").into_bytes();
    Reply { status: 201, location: Some(format!("/{id}")), etag: Some("\"1\"".to_owned()), body }
}

pub(super) fn keyed(name: &str, body: &str) -> Keyed<Record> {
    Keyed { key: key(name, body), render: Arc::new(render) }
}

fn one_writer() -> WriterSettings {
    WriterSettings { writers: 1, ..patient() }
}

async fn write(bench: &Bench, name: &str, body: &str) -> Result<Written<Record>, WriteError> {
    bench.write_keyed(remediation(body), keyed(name, body)).await
}

fn now(written: Result<Written<Record>, WriteError>) -> Record {
    match written {
        Ok(Written::Now(record)) => record,
        other => panic!("{other:?} was not done now"),
    }
}

/// F10, BR-STORAGE-004: a repeated request is answered as the first was, and stores nothing; also by another replica.
#[tokio::test]
async fn a_repeated_request_gets_the_first_answer_and_stores_nothing() {
    let bench = Bench::new().await;
    let first = render(&now(write(&bench, "k", "a").await));
    assert_eq!(write(&bench, "k", "a").await, Ok(Written::Before(first.clone())));
    let other = Writer::start(connector(&bench.database.server_url().unwrap()), patient(), Arc::default());
    let replayed = other.write(remediation("a"), Some(keyed("k", "a")), bench.size(), bench.deadline()).await;
    assert_eq!(replayed, Ok(Written::Before(first.clone())));
    assert_eq!((bench.count(RECORDS).await, bench.count(KEYS).await), (1, 1));
    let kept = idempotency::find(&mut bench.connect().await, &key("k", "a")).await.unwrap();
    assert_eq!(kept, Some(Kept::Reply(first)));
}

/// F11: another request under the same key is refused, and the first one's record is not shown for it.
#[tokio::test]
async fn another_request_under_the_same_key_is_refused() {
    let bench = Bench::new().await;
    now(write(&bench, "k", "a").await);
    assert_eq!(write(&bench, "k", "b").await, Err(WriteError::KeyReused));
    assert_eq!(bench.count(RECORDS).await, 1);
    let kept = idempotency::find(&mut bench.connect().await, &key("k", "b")).await.unwrap();
    assert_eq!(kept, Some(Kept::Other));
    // Elsewhere the same key is another one.
    let elsewhere = IdempotencyKey::new("anonymous", "POST /audit/workflow", "k", digest("b"));
    let keyed = Keyed { key: elsewhere, render: Arc::new(render) };
    now(bench.write_keyed(remediation("b"), keyed).await);
}

/// F38: duplicates in one group share one row, and a neighbour loses nothing.
#[tokio::test]
async fn twins_in_one_group_share_one_row() {
    let bench = Bench::new().await;
    let mut connection = bench.connect().await;
    let requests = [("k", "a"), ("k", "b"), ("n", "n"), ("k", "a")];
    let records = requests.map(|(_, body)| remediation(body));
    let keys = requests.map(|(name, body)| keyed(name, body));
    let items = records.iter().zip(&keys).map(|(record, key)| Item { record, keyed: Some(key) }).collect();
    let outcomes = attempt(&mut connection, &GroupWork(items), Duration::from_secs(30)).await.unwrap();
    let [
        Ok(Written::Now(first)),
        Err(WriteError::KeyReused),
        Ok(Written::Now(neighbour)),
        Ok(Written::Before(reply)),
    ] = outcomes.as_slice()
    else {
        panic!("{outcomes:?}")
    };
    assert_eq!(reply, &render(first));
    assert_ne!(first.id(), neighbour.id());
    assert_eq!((bench.count(RECORDS).await, bench.count(PAIRS).await), (2, 2));
}

/// F35, F13: a key that somebody holds is not waited for; its record leaves the group, and the neighbours are stored.
#[tokio::test]
async fn a_key_in_use_costs_no_neighbour() {
    let bench = Bench::with(one_writer()).await;
    let mut holder = bench.connect().await;
    holder.batch_execute("BEGIN").await.unwrap();
    hold(&mut holder, key("k", "a").lock()).await;
    let (held, neighbour) = tokio::join!(write(&bench, "k", "a"), write(&bench, "n", "n"));
    assert_eq!(held, Err(WriteError::KeyInFlight));
    now(neighbour);
    holder.batch_execute("ROLLBACK").await.unwrap();
    now(write(&bench, "k", "a").await);
    assert_eq!(bench.count(PAIRS).await, 2);
}

async fn hold(connection: &mut AsyncPgConnection, lock: i64) {
    sql_query("SELECT pg_advisory_xact_lock($1)").bind::<BigInt, _>(lock).execute(connection).await.unwrap();
}

/// F35: two replicas' groups take the same keys in opposite orders, again and again: neither waits for the other, no
/// deadlock happens, and each key has one record.
#[tokio::test(flavor = "multi_thread")]
async fn groups_of_two_replicas_with_the_same_keys_do_not_deadlock() {
    const ROUNDS: usize = 30;
    const KEYS_A_ROUND: usize = 20;
    let bench = Bench::new().await;
    let replica = async |is_reversed: bool| {
        let mut connection = bench.connect().await;
        for round in 0..ROUNDS {
            let mut names: Vec<String> = (0..KEYS_A_ROUND).map(|n| format!("{round}-{n}")).collect();
            if is_reversed {
                names.reverse();
            }
            let records: Vec<_> = names.iter().map(|name| remediation(name)).collect();
            let keys: Vec<_> = names.iter().map(|name| keyed(name, name)).collect();
            let items =
                records.iter().zip(&keys).map(|(record, key)| Item { record, keyed: Some(key) }).collect();
            let outcomes =
                attempt(&mut connection, &GroupWork(items), Duration::from_secs(30)).await.unwrap();
            for outcome in outcomes {
                assert!(matches!(outcome, Ok(_) | Err(WriteError::KeyInFlight)), "{outcome:?}");
            }
        }
    };
    tokio::join!(replica(false), replica(true));
    let distinct = "SELECT count(DISTINCT name) AS n FROM remediation_audit";
    assert_eq!(bench.count(RECORDS).await, bench.count(distinct).await);
    assert_eq!(bench.count(PAIRS).await, bench.count(RECORDS).await);
    let deadlocks = "SELECT deadlocks AS n FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(bench.count(deadlocks).await, 0);
}

/// F10: what was refused is not kept: the same key serves once the reason is gone.
#[tokio::test]
async fn a_refused_request_keeps_no_key() {
    let bench = Bench::new().await;
    bench
        .connect()
        .await
        .batch_execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$; \
             CREATE TRIGGER refuse BEFORE INSERT ON remediation_audit FOR EACH ROW EXECUTE FUNCTION refuse()",
        )
        .await
        .unwrap();
    assert!(matches!(write(&bench, "k", "a").await, Err(WriteError::Failed(_))));
    assert_eq!(bench.count(KEYS).await, 0);
    bench.connect().await.batch_execute("DROP TRIGGER refuse ON remediation_audit").await.unwrap();
    now(write(&bench, "k", "a").await);
}

/// F04: a keyed request whose client is gone is carried through once its transaction has begun, and a retry gets it.
#[tokio::test]
async fn a_retry_gets_what_its_lost_client_has_stored() {
    let bench = Bench::with(one_writer()).await;
    bench.remediation("warm").await;
    let mut blocker = bench.connect().await;
    blocker.batch_execute("BEGIN; LOCK TABLE vector_outbox IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let begun = Box::pin(write(&bench, "k", "a"));
    match futures_util::future::select(begun, Box::pin(until(&bench, BLOCKED, 1))).await {
        futures_util::future::Either::Right((_, begun)) => drop(begun),
        futures_util::future::Either::Left((outcome, _)) => panic!("not blocked: {outcome:?}"),
    }
    blocker.batch_execute("ROLLBACK").await.unwrap();
    let retried = write(&bench, "k", "a").await;
    assert!(matches!(retried, Ok(Written::Before(_))), "{retried:?}");
    assert_eq!((bench.count(RECORDS).await, bench.count(PAIRS).await), (2, 1));
}

/// F34: the outcome of a commit is unknown to the client; the same request with the same key settles it.
#[tokio::test]
async fn an_unknown_outcome_is_settled_by_repeating_the_request() {
    for has_arrived in [true, false] {
        let database = TestDatabase::create().await.unwrap();
        let proxy = FaultProxy::for_postgres(&database.server_url().unwrap()).await.unwrap();
        let url = proxy.url(&database.server_url().unwrap());
        let settings = WriterSettings {
            writers: 1,
            step_timeout: Duration::from_secs(3),
            settle_timeout: Duration::from_secs(1),
            ..WriterSettings::default()
        };
        let bench = Bench::on(database, &url, settings);
        bench.remediation("warm").await;
        if has_arrived {
            proxy.hang_before_answer("COMMIT");
        } else {
            proxy.cut_after_request("COMMIT");
        }
        let cut = async {
            proxy.wait_for_trigger().await.unwrap();
            proxy.set(Fault::Refuse);
        };
        let (outcome, ()) = tokio::join!(write(&bench, "k", "a"), cut);
        assert_eq!(outcome, Err(WriteError::OutcomeUnknown));
        proxy.set(Fault::Pass);
        proxy.cut_all();
        let repeated = async {
            loop {
                match write(&bench, "k", "a").await {
                    Err(error) if error != WriteError::KeyReused => tokio::task::yield_now().await,
                    outcome => return outcome,
                }
            }
        };
        let settled = tokio::time::timeout(Duration::from_secs(30), repeated).await.unwrap();
        assert_eq!(matches!(settled, Ok(Written::Before(_))), has_arrived, "{settled:?}");
        assert_eq!((bench.count(RECORDS).await, bench.count(PAIRS).await), (2, 1));
    }
}

/// Old keys go, oldest first and only so many at once; young ones stay.
#[tokio::test]
async fn keys_past_their_time_are_removed() {
    let bench = Bench::new().await;
    for name in ["a", "b", "c", "d"] {
        now(write(&bench, name, name).await);
    }
    let mut connection = bench.connect().await;
    connection
        .batch_execute(
            "UPDATE idempotency_key SET created_at = now() - interval '7 days 1 minute' WHERE key IN ('a', 'b'); \
             UPDATE idempotency_key SET created_at = now() - interval '8 days' WHERE key = 'c'",
        )
        .await
        .unwrap();
    let week = Duration::from_secs(7 * 24 * 60 * 60);
    let mut sweep = async || idempotency::remove_older(&mut connection, week, 2).await.unwrap();
    assert_eq!(sweep().await, 2);
    assert_eq!(bench.count("SELECT count(*) AS n FROM idempotency_key WHERE key = 'c'").await, 0);
    assert_eq!((sweep().await, sweep().await), (1, 0));
    assert_eq!(bench.count("SELECT count(*) AS n FROM idempotency_key WHERE key = 'd'").await, 1);
    now(write(&bench, "a", "another").await);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// F10, F11, F38: whatever keys and bodies come together through two replicas, each key has one record: that of
    /// the request which was told so, and all others are told the same or refused.
    #[test]
    fn any_interleaving_gives_each_key_one_record(
        requests in prop::collection::vec((0_u8..6, 0_u8..3, any::<bool>()), 1..60)
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(interleaved(requests));
    }
}

async fn interleaved(requests: Vec<(u8, u8, bool)>) {
    let bench = Bench::new().await;
    let other = Writer::start(connector(&bench.database.server_url().unwrap()), patient(), Arc::default());
    let sends = requests.iter().map(|(name, body, is_other)| {
        let (name, body) = (format!("k{name}"), format!("k{name}-{body}"));
        let writer = if *is_other { &other } else { &bench.writer };
        let (size, deadline) = (bench.size(), bench.deadline());
        async move {
            let outcome = writer.write(remediation(&body), Some(keyed(&name, &body)), size, deadline).await;
            (name, body, outcome)
        }
    });
    let mut stored: HashMap<String, (String, Reply)> = HashMap::new();
    let mut replayed = Vec::new();
    for (name, body, outcome) in futures_util::future::join_all(sends).await {
        match outcome {
            Ok(Written::Now(record)) => {
                assert_eq!(stored.insert(name, (body, render(&record))), None, "a key was written twice");
            }
            Ok(Written::Before(reply)) => replayed.push((name, body, reply)),
            Err(WriteError::KeyReused | WriteError::KeyInFlight) => {}
            Err(error) => panic!("{error}"),
        }
    }
    for (name, body, reply) in replayed {
        assert_eq!(stored[&name], (body, reply));
    }
    let count = i64::try_from(stored.len()).unwrap();
    assert_eq!((bench.count(RECORDS).await, bench.count(PAIRS).await), (count, count));
    // Afterwards every key answers: as it did, or with a refusal.
    for (name, (body, reply)) in stored {
        assert_eq!(write(&bench, &name, &body).await, Ok(Written::Before(reply)));
        assert_eq!(write(&bench, &name, "another").await, Err(WriteError::KeyReused));
    }
    other.stop(Duration::from_secs(5)).await;
}
