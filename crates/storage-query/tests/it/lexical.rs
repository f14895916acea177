//! Search by words against a migrated database.

use diesel_async::AsyncPgConnection;
use storage_query::{AuditFilter as _, LexicalHit, LexicalQuery, RemediationFilter, SearchRequest, Valid};
use storage_testkit::TestDatabase;

use crate::support::{ENQUEUE_WORDLESS, SET, STORE_WORDS, database, execute, now, number};

/// Records by name, each as (name, target, alert, action, error); the words of every other one are stored.
const RECORDS: &[(&str, &str, &str, &str, &str)] = &[
    (
        "rem-1",
        "checkout-api-7d9f8b6c5-x2x4z",
        "KubePodCrashLooping",
        "restart-pod",
        "back-off 5m0s restarting failed container=checkout-api pod=checkout-api-7d9f8b6c5-x2x4z_shop",
    ),
    (
        "rem-2",
        "checkout-api-7d9f8b6c5-k8s9z",
        "KubePodNotReady",
        "restart-pod",
        "readiness probe failed: HTTP 503",
    ),
    ("rem-3", "ledger-db", "KubePersistentVolumeFillingUp", "expand-volume", "no space left on device"),
    (
        "rem-4",
        "payments.svc",
        "CoreDNSErrors",
        "restart-coredns",
        "dial tcp: lookup payments.svc: no such host",
    ),
    ("rem-5", "edge-gateway", "HTTPServerErrors", "rollback-release", "x509: certificate has expired <nil>"),
    ("rem-6", "it's\\odd", "A&B|C!", "scale", "'quoted' (a | b) & !c:* \\ end"),
    ("rem-77", "n", "a", "scale", ""),
    ("rem-7", "n", "a", "scale", ""),
];

async fn seeded() -> (TestDatabase, AsyncPgConnection) {
    let (database, mut conn) = database().await;
    execute(&mut conn, SET).await;
    for (n, (name, target, alert, action, error)) in RECORDS.iter().enumerate() {
        let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
        execute(
            &mut conn,
            &format!(
                "INSERT INTO remediation_audit (name, namespace, phase, action_type, target_name, alert_name, \
                     error_message, start_time) \
                 VALUES ({}, 'ns-{}', 'pending', {}, {}, {}, {}, '2026-01-01'::timestamptz + {n} * interval '1 h')",
                quoted(name),
                n % 3,
                quoted(action),
                quoted(target),
                quoted(alert),
                quoted(error),
            ),
        )
        .await;
    }
    let words_of_half = format!("{STORE_WORDS}; DELETE FROM remediation_words WHERE record_id % 2 = 0");
    execute(&mut conn, &words_of_half).await;
    execute(&mut conn, ENQUEUE_WORDLESS).await;
    (database, conn)
}

async fn hits(conn: &mut AsyncPgConnection, words: &str, filter: RemediationFilter) -> Vec<LexicalHit> {
    let filter = filter.check(now()).unwrap();
    LexicalQuery::new(words, filter, SearchRequest::default()).unwrap().run(conn).await.unwrap().hits
}

async fn names(conn: &mut AsyncPgConnection, words: &str) -> Vec<String> {
    let hits = hits(conn, words, RemediationFilter::default()).await;
    hits.into_iter().map(|hit| hit.record.name).collect()
}

/// BR-STORAGE-016: exact identifiers, the words in them, and the words of errors find their record, whether
/// its words are stored or not.
#[tokio::test]
async fn identifiers_and_errors_are_found_whole_and_by_their_words() {
    let (_database, mut conn) = seeded().await;
    let mut wrong = Vec::new();
    for (words, expected) in [
        ("checkout-api-7d9f8b6c5-x2x4z", &["rem-1"][..]),
        ("CHECKOUT-API-7D9F8B6C5-K8S9Z", &["rem-2"]),
        ("checkout-api-7d9f8b6c5", &["rem-1", "rem-2"]),
        ("checkout-api-7d9f8b6c5-x2", &["rem-1"]),
        ("KubePodCrashLooping", &["rem-1"]),
        ("kubepodcrashlooping", &["rem-1"]),
        ("kubepodcrash", &["rem-1"]),
        ("crash looping pod", &["rem-1"]),
        ("restart-pod", &["rem-1", "rem-2"]),
        ("pod restart", &["rem-1", "rem-2"]),
        ("restart coredns", &["rem-4"]),
        ("payments.svc", &["rem-4"]),
        ("payments svc", &["rem-4"]),
        ("http server errors", &["rem-5"]),
        ("no space left on dev", &["rem-3"]),
        ("no space left on device please", &[]),
        ("x509: certificate has expired <nil>", &["rem-5"]),
        ("dial tcp: lookup payments.svc: no such host", &["rem-4"]),
        ("space  \t left", &["rem-3"]),
        ("it's\\odd", &["rem-6"]),
        ("A&B|C!", &["rem-6"]),
        ("'quoted' (a | b) & !c:* \\ end", &["rem-6"]),
        ("!quoted", &["rem-6"]),
        ("pod | device", &[]),
        ("restarted", &[]),
        ("", &[]),
        (" - :*&|!() ", &[]),
    ] {
        let found = names(&mut conn, words).await;
        if found != expected {
            wrong.push((words, found));
        }
    }
    assert_eq!(wrong, []);
}

/// An exact name comes before those that only begin like it, though they are newer.
#[tokio::test]
async fn exact_names_come_before_begun_ones() {
    let (_database, mut conn) = seeded().await;
    assert_eq!(names(&mut conn, "rem-7").await[..2], ["rem-7", "rem-77"]);
    execute(
        &mut conn,
        "UPDATE remediation_audit SET start_time = start_time + interval '1 day' WHERE name = 'rem-77'",
    )
    .await;
    execute(&mut conn, STORE_WORDS).await;
    assert_eq!(names(&mut conn, "rem-7").await[..2], ["rem-7", "rem-77"]);
    let ranks: Vec<f64> =
        hits(&mut conn, "rem-7", RemediationFilter::default()).await.iter().map(|hit| hit.rank).collect();
    assert!(ranks.iter().all(|rank| *rank > 0.0) && ranks[0] > ranks[1], "{ranks:?}");
}

/// F22: the filter and the words hold together, and equally good hits come newest first.
#[tokio::test]
async fn a_filter_narrows_the_words() {
    let (_database, mut conn) = seeded().await;
    let found = hits(&mut conn, "rem", RemediationFilter::default().namespace("ns-0")).await;
    let names: Vec<_> = found.iter().map(|hit| hit.record.name.as_str()).collect();
    assert_eq!(names, ["rem-77", "rem-4", "rem-1"]);
    let none = hits(&mut conn, "checkout", RemediationFilter::default().namespace("ns-2")).await;
    assert_eq!(none, []);
}

/// A record is found by what it says now, and only by that, whatever the words are of that are stored.
#[tokio::test]
async fn a_changed_record_is_found_by_its_new_words() {
    let (_database, mut conn) = seeded().await;
    for name in ["rem-1", "rem-2"] {
        execute(
            &mut conn,
            &format!("UPDATE remediation_audit SET error_message = 'evicted by taint' WHERE name = '{name}'"),
        )
        .await;
    }
    execute(&mut conn, ENQUEUE_WORDLESS).await;
    for store in ["", STORE_WORDS] {
        execute(&mut conn, store).await;
        assert_eq!(names(&mut conn, "evicted by taint").await, ["rem-2", "rem-1"]);
        assert_eq!(names(&mut conn, "readiness").await, [""; 0]);
    }
}

/// Messages beyond what is indexed, words too long for an index, and texts at the limit do no harm.
#[tokio::test]
async fn long_texts_are_searched_as_far_as_they_are_indexed() {
    let (_database, mut conn) = seeded().await;
    let long = format!("{} needle {} hay", "x".repeat(900), "ß".repeat(60_000));
    execute(
        &mut conn,
        &format!("UPDATE remediation_audit SET error_message = '{long}' WHERE name IN ('rem-3', 'rem-4')"),
    )
    .await;
    execute(&mut conn, ENQUEUE_WORDLESS).await;
    assert_eq!(names(&mut conn, "needle").await, ["rem-4", "rem-3"]);
    assert_eq!(names(&mut conn, "hay").await, [""; 0]);
    for words in
        ["x".repeat(1_000), "\u{1F680}".repeat(1_000), "a ".repeat(500), "a-".repeat(500), "'\\".repeat(500)]
    {
        names(&mut conn, &words).await;
    }
}

/// Of the records whose words are not stored the newest 500 are looked at, and the answer says when there were more. Those
/// that wait for the embedder alone, and those whose words were refused, are not among them.
#[tokio::test]
async fn so_many_waiting_records_are_looked_at_and_no_more() {
    let (_database, mut conn) = database().await;
    execute(&mut conn, SET).await;
    let many = "INSERT INTO remediation_audit (name, namespace, phase, action_type, start_time) \
                SELECT 'wait-' || n, 'ns', 'pending', 'scale', '2026-01-01' FROM generate_series(1, 500) AS n";
    execute(&mut conn, &format!("{many}; {ENQUEUE_WORDLESS}")).await;
    let search = async |conn: &mut AsyncPgConnection, words: &str| {
        let query = LexicalQuery::new(words, Valid::default(), SearchRequest::default()).unwrap();
        let found = query.run(conn).await.unwrap();
        (found.hits.len(), found.is_behind)
    };
    assert_eq!(search(&mut conn, "wait-1").await, (10, false));
    let one_more = "INSERT INTO remediation_audit (name, namespace, phase, action_type, start_time) \
                    VALUES ('newest', 'ns', 'pending', 'scale', '2026-02-01')";
    execute(&mut conn, &format!("{one_more}; {ENQUEUE_WORDLESS}")).await;
    execute(
        &mut conn,
        "UPDATE vector_outbox SET enqueued_at = now() + interval '1 h' WHERE start_time >= '2026-02-01'",
    )
    .await;
    assert_eq!(search(&mut conn, "newest").await, (1, true));
    for beside in ["stage = 1", "stage = 0, attempts = 1"] {
        execute(&mut conn, &format!("UPDATE vector_outbox SET {beside} WHERE start_time >= '2026-02-01'"))
            .await;
        assert_eq!(search(&mut conn, "newest").await, (0, false), "{beside}");
    }
    execute(&mut conn, STORE_WORDS).await;
    assert_eq!(search(&mut conn, "newest").await, (1, false));
    assert_eq!(search(&mut conn, "wait-500").await, (1, false));
}

/// The settings of a search end with it.
#[tokio::test]
async fn a_search_by_words_leaves_nothing_behind_on_its_connection() {
    let (_database, mut conn) = seeded().await;
    names(&mut conn, "pod").await;
    let set = "SELECT count(*) FROM pg_settings WHERE name IN ('enable_hashjoin', 'enable_mergejoin', 'enable_seqscan', 'work_mem', \
               'plan_cache_mode') AND setting <> boot_val";
    assert_eq!(number(&mut conn, set).await, 0);
}
