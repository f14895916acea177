//! A connection is prepared by any role, and a role with SELECT and nothing else reads everything.

use std::pin::pin;

use diesel_async::{AsyncConnection, AsyncPgConnection};
use futures_util::TryStreamExt as _;
use storage_models::{AiAnalysis, Embedding, Execution, Remediation, Workflow};
use storage_query::{
    AuditRecord, CheckedFilter, ConnectionFault, CountQuery, Feed, GetManyQuery, GetQuery, GroupCountsQuery,
    Grouping, Incident, IncidentsQuery, Interval, LexicalQuery, ListQuery, NearestQuery, SearchRequest,
    StreamQuery, SuccessRateQuery, TimelineQuery, TrendQuery, prepare,
};

use crate::support::{SET, STORE_WORDS, database, execute, now, number, seed};

/// Whether each setting is as it is written here.
async fn assert_settings(conn: &mut AsyncPgConnection, expected: &[(&str, &str)]) {
    for (name, value) in expected {
        let is_set = format!(
            "SELECT count(*) FROM pg_settings WHERE name = '{name}' AND current_setting(name) = '{value}'"
        );
        assert_eq!(number(conn, &is_set).await, 1, "{name} is not {value}");
    }
}

/// What the owner of a connection has limited stays; what nothing limits gets a limit.
#[tokio::test]
async fn a_connection_of_the_owner_lacks_nothing() {
    let (database, _conn) = database().await;
    let mut conn = database.connect().await.unwrap();
    execute(&mut conn, "SET statement_timeout = '60s'; SET timezone = 'Asia/Kathmandu'").await;
    assert_eq!(prepare(&mut conn).await.unwrap(), []);
    assert_settings(
        &mut conn,
        &[
            ("TimeZone", "UTC"),
            ("lc_messages", "C"),
            ("statement_timeout", "1min"),
            ("lock_timeout", "2s"),
            ("idle_in_transaction_session_timeout", "10s"),
            ("client_connection_check_interval", "500ms"),
            ("constraint_exclusion", "off"),
            ("jit", "off"),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_role_with_select_alone_is_told_what_it_could_not_set() {
    let (mut database, mut owner) = database().await;
    // A language that it may not set and need not.
    let language = format!("ALTER DATABASE {} SET lc_messages = 'POSIX'", database.name());
    execute(&mut owner, &language).await;
    let url = database.make_reader().await.unwrap();
    let mut conn = AsyncPgConnection::establish(&url).await.unwrap();
    assert_eq!(prepare(&mut conn).await.unwrap(), [ConnectionFault::HiddenWriters]);
    assert_settings(
        &mut conn,
        &[("lc_messages", "POSIX"), ("statement_timeout", "5s"), ("lock_timeout", "2s")],
    )
    .await;

    execute(&mut conn, "SET search_path = pg_catalog").await;
    let faults = prepare(&mut conn).await.unwrap();
    assert!(matches!(
        faults.as_slice(),
        [
            ConnectionFault::Tables { table: "remediation_audit" },
            ConnectionFault::Pgvector { found: None },
            ConnectionFault::HiddenWriters
        ]
    ));
}

async fn read_all<R: AuditRecord>(conn: &mut AsyncPgConnection) {
    let list = ListQuery::<R>::new(CheckedFilter::default());
    let page = list.run(conn).await.unwrap();
    assert_eq!((page.records.len(), page.total), (100, Some(300)));
    let feed = Feed::<R>::new(CheckedFilter::default()).run(conn).await.unwrap();
    assert_eq!(feed.records.len(), 100);
    assert_eq!(CountQuery::<R>::new(CheckedFilter::default()).run(conn).await.unwrap(), 300);
    let ids: Vec<i64> = page.records.iter().map(|record| record.id()).collect();
    assert_eq!(
        GetManyQuery::<R>::new(ids.clone(), CheckedFilter::default()).run(conn).await.unwrap().records,
        page.records
    );
    assert_eq!(GetQuery::<R>::new(ids[0]).run(conn).await.unwrap().as_ref(), page.records.first());
    let streamed: Vec<R> =
        pin!(StreamQuery::new(CheckedFilter::default()).run(conn)).try_collect().await.unwrap();
    assert_eq!(streamed.len(), 300);
}

/// BR-STORAGE-012: everything that can be asked is answered to a role that may read the tables and do nothing else.
#[tokio::test]
async fn a_role_with_select_alone_reads_everything() {
    let (mut database, mut owner) = database().await;
    seed(&mut owner).await;
    execute(&mut owner, SET).await;
    execute(&mut owner, STORE_WORDS).await;
    drop(owner);
    let url = database.make_reader().await.unwrap();
    let mut conn = AsyncPgConnection::establish(&url).await.unwrap();
    prepare(&mut conn).await.unwrap();

    read_all::<Remediation>(&mut conn).await;
    read_all::<AiAnalysis>(&mut conn).await;
    read_all::<Workflow>(&mut conn).await;
    read_all::<Execution>(&mut conn).await;
    let all = CheckedFilter::default();
    let page = ListQuery::<Incident>::new(all.clone()).run(&mut conn).await.unwrap();
    assert_eq!(page.total, Some(300));
    assert!(TimelineQuery::new(page.records[0].id).run(&mut conn).await.unwrap().is_some());
    assert!(SuccessRateQuery::new(all.clone()).run(&mut conn).await.unwrap().total_count > 0);
    assert!(
        !GroupCountsQuery::new(all.clone(), Grouping::Namespace)
            .run(&mut conn)
            .await
            .unwrap()
            .groups
            .is_empty()
    );
    assert!(
        !TrendQuery::new(all.clone(), Interval::Week, now()).run(&mut conn).await.unwrap().buckets.is_empty()
    );
    let words = LexicalQuery::new("restart-pod", all.clone(), SearchRequest::default()).unwrap();
    assert_eq!(words.run(&mut conn).await.unwrap().hits.len(), 10);
    let vector = Embedding::new(vec![0.5; Embedding::DIMENSION]).unwrap();
    let near = NearestQuery::new(vector, all.clone(), SearchRequest::default());
    assert_eq!(near.run(&mut conn).await.unwrap().hits, []);
    assert_eq!(near.incidents(&mut conn).await.unwrap(), []);
    assert!(IncidentsQuery::new(Vec::new(), all).run(&mut conn).await.unwrap().is_empty());
}
