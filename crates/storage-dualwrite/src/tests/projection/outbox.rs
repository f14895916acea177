//! What a claim costs, counted in pages and not in time: with a deep outbox, and with a snapshot held elsewhere.

use std::time::{Duration, Instant};

use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::Text;
use diesel_async::{AsyncConnection as _, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection as _};
use storage_models::Timestamp;
use uuid::Uuid;

use crate::ServingSet;
use crate::outbox::claim::{TakeInPages, TakeOldest};
use crate::outbox::settle::{Release, Remove};
use crate::outbox::window::Look;
use crate::outbox::{self, Holder, Horizon, Position, Wanted, Window};
use crate::tests::support::{Bench, count};

const LIMIT: i64 = 32;
/// The id of a database's first set.
const SET: i64 = 1;
const WAITING: &str = "SELECT count(*) AS n FROM vector_outbox";

struct Explain<T>(T);

impl<T: QueryFragment<Pg>> QueryFragment<Pg> for Explain<T> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF) ");
        self.0.walk_ast(out.reborrow())
    }
}

impl<T> QueryId for Explain<T> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<T> Query for Explain<T> {
    type SqlType = Text;
}

impl<T> diesel::RunQueryDsl<AsyncPgConnection> for Explain<T> {}

/// The plan of a claim behind this position, which is undone, and how many pages it touched.
async fn cost(connection: &mut AsyncPgConnection, after: Position) -> (u64, String) {
    let claim = TakeOldest {
        after: after.due_at,
        after_id: after.record_id,
        stages: vec![0, 1, 2],
        limit: LIMIT,
        owner: Uuid::new_v4(),
        lease: 30.0,
        set: SET,
    };
    cost_of(connection, claim).await
}

/// The same of a claim of a sweep in these pages.
async fn cost_in_pages(connection: &mut AsyncPgConnection, from: i64, to: i64) -> (u64, String) {
    let claim = TakeInPages {
        from: format!("({from},0)"),
        to: format!("({to},0)"),
        stages: vec![0, 1, 2],
        limit: LIMIT,
        owner: Uuid::new_v4(),
        lease: 30.0,
        set: SET,
    };
    cost_of(connection, claim).await
}

/// Before every row.
fn front() -> Position {
    Position { due_at: Timestamp::from_micros(0).unwrap(), record_id: 0 }
}

/// The plan of a statement, which is undone, and how many pages it touched.
#[expect(clippy::disallowed_methods, reason = "undone in any case")]
async fn cost_of(
    connection: &mut AsyncPgConnection,
    statement: impl QueryFragment<Pg> + Send + Sync,
) -> (u64, String) {
    let mut plan = Vec::new();
    let _undone: Result<(), diesel::result::Error> = connection
        .transaction(async |connection| {
            plan = Explain(statement).load::<String>(connection).await?;
            Err(diesel::result::Error::RollbackTransaction)
        })
        .await;
    let plan = plan.join("\n");
    let buffers = plan.lines().find(|line| line.trim().starts_with("Buffers: shared")).expect(&plan);
    let pages = |kind: &str| -> u64 {
        let found = buffers.split_whitespace().find_map(|word| word.strip_prefix(kind));
        found.map_or(0, |number| number.parse().unwrap())
    };
    (pages("hit=") + pages("read="), plan)
}

/// Rows that are due in another order than they lie in, so that each that a claim passes is a page that it touches.
async fn fill(connection: &mut AsyncPgConnection, from: u32, rows: u32) {
    let fill = format!(
        "INSERT INTO vector_outbox (set_id, record_id, start_time, version, next_attempt_at) \
         SELECT (SELECT id FROM embedding_set WHERE state = 'active'), n, now(), now(), now() - interval '1 hour' + hashint4(n) * interval '1 microsecond' FROM generate_series({from}, {}) AS n",
        from + rows - 1
    );
    connection.batch_execute(&fill).await.unwrap();
}

fn a_holder() -> Holder {
    Holder { owner: Uuid::new_v4(), set: ServingSet { id: SET, slot: 1 } }
}

async fn prepared(bench: &Bench) -> AsyncPgConnection {
    let mut connection = bench.connect().await;
    outbox::set_up(&mut connection).await.unwrap();
    connection
}

/// Claims as a worker does, and removes what it gets; the rows have no record.
async fn work_off(connection: &mut AsyncPgConnection, horizon: &mut Horizon, limit: i64) {
    let holder = a_holder();
    let window = horizon.next(Wanted::ALL, Instant::now());
    let claim = outbox::take(connection, holder, limit, Duration::from_secs(30), window).await.unwrap();
    let is_full = i64::try_from(claim.leases.len()).unwrap() == limit;
    horizon.note(window, &claim, is_full, Duration::ZERO, Instant::now());
    outbox::discard(connection, holder, &claim.leases).await.unwrap();
}

/// As [`work_off`], in the order of due rows behind this position; returns the last one's.
async fn work_off_in_order(connection: &mut AsyncPgConnection, after: Position) -> Option<Position> {
    let holder = a_holder();
    let window = Window { wanted: Wanted::ALL, look: Look::Oldest(after) };
    let claim = outbox::take(connection, holder, 500, Duration::from_secs(30), window).await.unwrap();
    outbox::discard(connection, holder, &claim.leases).await.unwrap();
    claim.last
}

/// However deep the outbox, a claim brings no more rows than it asks for and touches no more pages.
#[tokio::test]
async fn a_deep_outbox_makes_a_claim_no_dearer() {
    let bench = Bench::new().await;
    let mut connection = prepared(&bench).await;
    fill(&mut connection, 1, 2_000).await;
    let (shallow, _) = cost(&mut connection, front()).await;
    let (shallow_sweep, _) = cost_in_pages(&mut connection, 0, 512).await;
    fill(&mut connection, 10_000, 300_000).await;
    let (deep, plan) = cost(&mut connection, front()).await;
    assert!(plan.contains("Index Scan using vector_outbox_due_idx"), "{plan}");
    assert!(!plan.contains("Sort") && !plan.contains("Seq Scan"), "{plan}");
    assert!(deep <= shallow + 200, "{shallow} pages with 2,000 rows, {deep} with 302,000:\n{plan}");
    let (deep_sweep, plan) = cost_in_pages(&mut connection, 0, 512).await;
    assert!(plan.contains("Tid Range Scan") && !plan.contains("Seq Scan"), "{plan}");
    assert!(deep_sweep <= shallow_sweep + 200, "{shallow_sweep} pages, then {deep_sweep}:\n{plan}");
    let window = Horizon::new(Duration::ZERO).next(Wanted::ALL, Instant::now());
    let claim = outbox::take(&mut connection, a_holder(), LIMIT, Duration::from_secs(30), window).await;
    assert_eq!(claim.unwrap().leases.len(), 32);
}

/// F27, F54: with a snapshot held elsewhere, no vacuum removes what is done; neither a claim nor a piece of a sweep reads it
/// all again, however much it is.
#[tokio::test]
async fn a_held_snapshot_makes_a_claim_no_dearer() {
    let bench = Bench::new().await;
    let mut connection = prepared(&bench).await;
    let mut holder = bench.connect().await;
    holder
        .batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM vector_outbox")
        .await
        .unwrap();
    fill(&mut connection, 1, 20_000).await;
    let (fresh, _) = cost(&mut connection, front()).await;

    let mut behind = front();
    while count(&mut connection, WAITING).await > 10_000 {
        behind = work_off_in_order(&mut connection, behind).await.unwrap();
    }
    let (half_done, plan) = cost(&mut connection, behind).await;
    let (from_front, passed) = cost(&mut connection, front()).await;
    assert!(
        from_front > 10 * fresh,
        "the snapshot holds what is done: {from_front} pages from the front, {fresh} at first:\n{passed}"
    );
    assert!(half_done <= 2 * fresh, "{fresh} pages at first, {half_done} half done:\n{plan}");

    while let Some(last) = work_off_in_order(&mut connection, behind).await {
        behind = last;
    }
    assert_eq!(count(&mut connection, WAITING).await, 0);
    let (all_done, plan) = cost(&mut connection, behind).await;
    assert!(all_done < 20, "{all_done} pages when nothing is due:\n{plan}");

    // A hundred thousand that are done, and one that waits behind them.
    connection
        .batch_execute(
            "INSERT INTO vector_outbox (set_id, record_id, start_time, version) \
             SELECT (SELECT id FROM embedding_set WHERE state = 'active'), n, now(), now() FROM generate_series(100000, 200000) AS n; \
             DELETE FROM vector_outbox; \
             INSERT INTO vector_outbox (set_id, record_id, start_time, version) SELECT id, 1, now(), now() FROM embedding_set",
        )
        .await
        .unwrap();
    let pages = "SELECT pg_relation_size('vector_outbox') / 8192 AS n";
    let pages = count(&mut connection, pages).await;
    assert!(pages > 2_000, "{pages} pages");
    let (from_front, _) = cost(&mut connection, front()).await;
    assert!(
        from_front > u64::try_from(pages).unwrap(),
        "a claim from the front would read all: {from_front} pages"
    );
    let (swept, plan) = cost_in_pages(&mut connection, 0, 512).await;
    println!("{from_front} pages from the front, {swept} in a piece of a sweep");
    assert!(swept < 600, "{swept} pages for a piece of 512 out of {pages}:\n{plan}");
    let mut found = 0;
    let mut horizon = Horizon::new(Duration::ZERO);
    while found == 0 {
        let window = horizon.next(Wanted::ALL, Instant::now());
        let claim =
            outbox::take(&mut connection, a_holder(), 500, Duration::from_secs(30), window).await.unwrap();
        found = claim.leases.len();
        horizon.note(window, &claim, false, Duration::ZERO, Instant::now());
    }
    assert_eq!(found, 1);
    holder.batch_execute("ROLLBACK").await.unwrap();
}

/// F27: vacuum finds the outbox empty and cannot shorten it, so PostgreSQL takes it to be empty when it is deep. Claims
/// and settlements go by their keys all the same.
#[tokio::test]
async fn statistics_that_call_a_deep_outbox_empty_make_nothing_dearer() {
    let bench = Bench::new().await;
    let mut connection = prepared(&bench).await;
    let mut holder = bench.connect().await;
    fill(&mut connection, 1, 20_000).await;
    holder
        .batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM vector_outbox")
        .await
        .unwrap();
    let mut horizon = Horizon::new(Duration::from_secs(3600));
    while count(&mut connection, WAITING).await > 0 {
        work_off(&mut connection, &mut horizon, 500).await;
    }
    connection.batch_execute("VACUUM vector_outbox").await.unwrap();
    let believed =
        "SELECT reltuples::bigint AS n FROM pg_class WHERE relname = 'vector_outbox' AND relpages > 100";
    assert_eq!(count(&mut connection, believed).await, 0);
    fill(&mut connection, 100_000, 20_000).await;

    let front = Window { wanted: Wanted::ALL, look: Look::Oldest(front()) };
    let (holder, set) = (a_holder(), SET);
    let owner = holder.owner;
    let taken = outbox::take(&mut connection, holder, LIMIT, Duration::from_secs(30), front).await.unwrap();
    let (ids, versions): (Vec<_>, Vec<_>) =
        taken.leases.iter().map(|lease| (lease.record_id, lease.version)).unzip();
    assert_eq!(ids.len(), 32);
    let costs = [
        cost(&mut connection, taken.last.unwrap()).await,
        cost_in_pages(&mut connection, 0, 512).await,
        cost_of(
            &mut connection,
            Release { ids: ids.clone(), versions: versions.clone(), stage: 1, owner, set },
        )
        .await,
        cost_of(&mut connection, Remove { ids, versions, owner, set }).await,
    ];
    for (pages, plan) in costs {
        assert!(pages < 1_000, "{pages} pages:\n{plan}");
    }
}
