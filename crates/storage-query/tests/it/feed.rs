//! Feeds beside open transactions.

use chrono::TimeDelta;
use diesel_async::AsyncPgConnection;
use futures_util::TryStreamExt as _;
use storage_models::{ErrorCode, Remediation, Timestamp};
use storage_query::{
    AuditFilter as _, CheckedFilter, Cursor, Direction, Feed, FeedEndQuery, FeedFault, ListQuery,
    PageRequest, QueryError, RemediationFilter, Sort, TimeBound,
};
use storage_testkit::TestDatabase;

use crate::support::{connect, database, execute, number};

/// Follows the feed of a table, a few records at a time.
struct Reader {
    conn: AsyncPgConnection,
    cursor: Option<Cursor>,
    seen: Vec<String>,
}

impl Reader {
    async fn new(database: &TestDatabase) -> Self {
        Self { conn: connect(database).await, cursor: None, seen: Vec::new() }
    }

    /// Reads one page, and says whether more follow.
    async fn read(&mut self) -> Result<bool, QueryError> {
        let query = Feed::<Remediation>::new(CheckedFilter::default()).page(PageRequest::new(7, 0).unwrap());
        let query = match &self.cursor {
            Some(cursor) => query.after(cursor),
            None => query,
        };
        let page = query.run(&mut self.conn).await?;
        self.seen.extend(page.records.into_iter().map(|record| record.name));
        self.cursor = page.next_cursor;
        Ok(page.has_more)
    }

    /// Reads until `name` has come, which it must.
    async fn read_to(&mut self, name: &str) {
        while self.seen.last().is_none_or(|last| last != name) {
            self.read().await.unwrap();
        }
    }
}

async fn insert(conn: &mut AsyncPgConnection, name: &str) {
    let sql = format!(
        "INSERT INTO remediation_audit (name, namespace, phase, action_type, start_time)
         VALUES ('{name}', 'ns', 'pending', 'scale', '2026-02-01')"
    );
    execute(conn, &sql).await;
}

/// Goes on when every record is older than the margin that a feed keeps to the present.
async fn pass_the_margin(conn: &mut AsyncPgConnection) {
    let young =
        "SELECT count(*) FROM remediation_audit WHERE created_at >= now() - interval '250 milliseconds'";
    while number(conn, young).await > 0 {}
}

/// F28: of two transactions the earlier commits later. What it adds is not passed over.
#[tokio::test]
async fn the_feed_stops_short_of_an_open_transaction_that_has_written() {
    let (database, mut early) = database().await;
    let (mut late, mut reader) = (connect(&database).await, Reader::new(&database).await);
    insert(&mut late, "before").await;
    pass_the_margin(&mut late).await;
    execute(&mut early, "BEGIN").await;
    insert(&mut early, "early").await;
    insert(&mut late, "late").await;
    pass_the_margin(&mut late).await;
    for _ in 0..3 {
        assert!(!reader.read().await.unwrap(), "nothing can be promised to follow");
    }
    assert_eq!(reader.seen, ["before"]);
    execute(&mut early, "COMMIT").await;
    reader.read_to("late").await;
    assert_eq!(reader.seen, ["before", "early", "late"]);
}

/// F28: a transaction that has begun and not written yet adds records with the time of its beginning.
#[tokio::test]
async fn the_feed_stops_short_of_an_open_transaction_that_may_write() {
    let (database, mut early) = database().await;
    let (mut late, mut reader) = (connect(&database).await, Reader::new(&database).await);
    execute(&mut early, "BEGIN; SELECT 1").await;
    insert(&mut late, "late").await;
    pass_the_margin(&mut late).await;
    reader.read().await.unwrap();
    assert!(reader.seen.is_empty() && reader.cursor.is_none());
    insert(&mut early, "early").await;
    reader.read().await.unwrap();
    assert!(reader.seen.is_empty());
    execute(&mut early, "COMMIT").await;
    reader.read_to("late").await;
    assert_eq!(reader.seen, ["early", "late"]);
}

/// F28: a transaction rolled back holds nothing up, and a projector that is just writing vectors hides nothing
/// that was there before it.
#[tokio::test]
async fn rollbacks_and_vectors_hide_nothing() {
    let (database, mut other) = database().await;
    let (mut late, mut reader) = (connect(&database).await, Reader::new(&database).await);
    insert(&mut late, "old").await;
    pass_the_margin(&mut late).await;
    execute(&mut other, "BEGIN").await;
    insert(&mut other, "undone").await;
    execute(&mut other, "ROLLBACK").await;
    execute(
        &mut other,
        "BEGIN; INSERT INTO remediation_words SELECT id, start_time, updated_at, decode(repeat('07', 16), 'hex'), '' FROM remediation_audit",
    )
    .await;
    reader.read().await.unwrap();
    assert_eq!(reader.seen, ["old"]);
    execute(&mut other, "COMMIT").await;
    insert(&mut late, "new").await;
    reader.read_to("new").await;
    assert_eq!(reader.seen, ["old", "new"]);
}

/// The bound is on the page alone: the total counts all that match.
#[tokio::test]
async fn the_total_of_a_feed_counts_what_the_feed_does_not_show_yet() {
    let (database, mut conn) = database().await;
    let mut early = connect(&database).await;
    execute(&mut early, "BEGIN").await;
    insert(&mut early, "early").await;
    insert(&mut conn, "late").await;
    let page = Feed::<Remediation>::new(CheckedFilter::default()).run(&mut conn).await.unwrap();
    assert_eq!((page.records.len(), page.total, page.has_more), (0, Some(1), false));
    for direction in [Direction::Ascending, Direction::Descending] {
        let list = ListQuery::<Remediation>::new(CheckedFilter::default()).sort(Sort::created_at(direction));
        assert_eq!(list.run(&mut conn).await.unwrap().records.len(), 1);
    }
}

/// F28: a feed up to an end that was read before shows nothing that was written after it, and its stream is all of it.
#[tokio::test]
async fn a_feed_may_end_where_it_ended_before() {
    let (database, mut conn) = database().await;
    let mut reader = connect(&database).await;
    for name in ["first", "second"] {
        insert(&mut conn, name).await;
    }
    pass_the_margin(&mut conn).await;
    let end = FeedEndQuery::<Remediation>::new().run(&mut reader).await.unwrap();
    insert(&mut conn, "third").await;
    pass_the_margin(&mut conn).await;
    let feed = Feed::<Remediation>::new(CheckedFilter::default());
    let names = |records: Vec<Remediation>| records.into_iter().map(|it| it.name).collect::<Vec<_>>();
    let ended = feed.clone().up_to(end);
    assert_eq!(names(ended.run(&mut reader).await.unwrap().records), ["first", "second"]);
    assert_eq!(names(ended.stream(&mut reader).try_collect().await.unwrap()), ["first", "second"]);
    let all: Vec<Remediation> = feed.stream(&mut reader).try_collect().await.unwrap();
    assert_eq!(names(all), ["first", "second", "third"]);
}

/// F28: four writers, whose transactions take turns in every order, and a reader that follows them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_follows_many_writers_meets_every_record_once() {
    let (database, mut conn) = database().await;
    let mut writers = Vec::new();
    for writer in 0..4 {
        let mut conn = connect(&database).await;
        writers.push(tokio::spawn(async move {
            for n in 0..60 {
                // Before and after the record, so that transactions end in another order than they begin.
                let idle =
                    |k: i32| "SELECT 1;".repeat(usize::try_from((writer * 7 + n * 5 + k) % 11).unwrap() * 40);
                execute(&mut conn, "BEGIN").await;
                execute(&mut conn, &idle(0)).await;
                insert(&mut conn, &format!("{writer}-{n}")).await;
                execute(&mut conn, &idle(3)).await;
                execute(&mut conn, "COMMIT").await;
            }
        }));
    }
    let mut reader = Reader::new(&database).await;
    while writers.iter().any(|writer| !writer.is_finished()) {
        reader.read().await.unwrap();
    }
    for writer in writers {
        writer.await.unwrap();
    }
    insert(&mut conn, "last").await;
    reader.read_to("last").await;
    assert_eq!(reader.seen.len(), 4 * 60 + 1);
    reader.seen.sort();
    reader.seen.dedup();
    assert_eq!(reader.seen.len(), 4 * 60 + 1);
}

async fn fault(conn: &mut AsyncPgConnection) -> Option<FeedFault> {
    let filter = RemediationFilter::default().check("2026-03-01T00:00:00Z".parse().unwrap()).unwrap();
    match Feed::<Remediation>::new(filter).run(conn).await {
        Ok(_) => None,
        Err(error @ QueryError::Feed(fault)) => {
            let is_hidden = fault == FeedFault::HiddenWriter;
            assert_eq!(error.code() == ErrorCode::Unavailable, is_hidden);
            Some(fault)
        }
        Err(other) => panic!("{other}"),
    }
}

/// F28: who may not see when a writer began is told so, rather than shown a list that may miss records.
#[tokio::test]
async fn a_writer_that_the_reader_may_not_see_is_an_obstacle() {
    let (database, mut writer) = database().await;
    let mut reader = connect(&database).await;
    // A role that every server has: it reads all tables and sees the activity of no other role.
    execute(&mut reader, "SET ROLE pg_read_all_data").await;
    assert_eq!(fault(&mut reader).await, None);
    execute(&mut writer, "BEGIN; SELECT count(*) FROM remediation_audit").await;
    assert_eq!(fault(&mut reader).await, None);
    insert(&mut writer, "hidden").await;
    assert_eq!(fault(&mut reader).await, Some(FeedFault::HiddenWriter));
    execute(&mut writer, "COMMIT").await;
    assert_eq!(fault(&mut reader).await, None);
}

/// F28: within a transaction the feed may be read on, unless its snapshot stands still.
#[tokio::test]
async fn a_feed_needs_a_snapshot_of_its_own() {
    let (_database, mut conn) = database().await;
    for (level, expected) in [
        ("READ COMMITTED", None),
        ("REPEATABLE READ", Some(FeedFault::FixedSnapshot)),
        ("SERIALIZABLE", Some(FeedFault::FixedSnapshot)),
    ] {
        execute(&mut conn, &format!("BEGIN ISOLATION LEVEL {level}")).await;
        assert_eq!(fault(&mut conn).await, expected, "{level}");
        execute(&mut conn, "ROLLBACK").await;
    }
}

/// F28: PostgreSQL shows one transaction the same activity to its end; a writer that came later counts too.
#[tokio::test]
async fn a_reader_in_a_transaction_does_not_trust_what_it_saw_before() {
    let (database, mut early) = database().await;
    let (mut late, mut reader) = (connect(&database).await, Reader::new(&database).await);
    execute(&mut reader.conn, "BEGIN").await;
    reader.read().await.unwrap();
    execute(&mut early, "BEGIN").await;
    insert(&mut early, "early").await;
    insert(&mut late, "late").await;
    pass_the_margin(&mut late).await;
    reader.read().await.unwrap();
    assert!(reader.seen.is_empty());
    execute(&mut early, "COMMIT").await;
    execute(&mut reader.conn, "COMMIT").await;
    reader.read_to("late").await;
    assert_eq!(reader.seen, ["early", "late"]);
}

/// F49: a reader whose beginning moves along meets every record once, and none twice.
#[tokio::test]
async fn a_feed_whose_beginning_moves_along_misses_nothing() {
    let (database, mut conn) = database().await;
    let mut reader = connect(&database).await;
    let (mut seen, mut cursor, mut last) = (Vec::<String>::new(), None::<Cursor>, None);
    for round in 0..4 {
        for n in 0..5 {
            insert(&mut conn, &format!("{round}-{n}")).await;
        }
        pass_the_margin(&mut conn).await;
        loop {
            let mut filter = RemediationFilter::default().created_since(TimeBound::Ago(TimeDelta::hours(1)));
            if let Some(last) = last {
                filter = filter.created_since(TimeBound::At(last));
            }
            let query = Feed::<Remediation>::new(filter.check(Timestamp::now()).unwrap())
                .page(PageRequest::new(3, 0).unwrap());
            let query = match &cursor {
                Some(cursor) => query.after(cursor),
                None => query,
            };
            let page = query.run(&mut reader).await.unwrap();
            last = page.records.last().map(|record| record.created_at).or(last);
            seen.extend(page.records.into_iter().map(|record| record.name));
            cursor = page.next_cursor.or(cursor);
            if !page.has_more && seen.last() == Some(&format!("{round}-4")) {
                break;
            }
        }
    }
    let expected: Vec<_> = (0..4).flat_map(|round| (0..5).map(move |n| format!("{round}-{n}"))).collect();
    assert_eq!(seen, expected);
}
