//! Search by words against a migrated database.

use diesel_async::AsyncPgConnection;
use storage_query::{
    AuditFilter as _, CheckedFilter, LexicalHit, LexicalQuery, RemediationFilter, SearchRequest,
};
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
    let words_of_half =
        format!("{STORE_WORDS}; DELETE FROM remediation_words WHERE record_id / 8192 % 2 = 0");
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
        ("checkout-api-7d9f8b6c5-x2x4z", &["rem-1", "rem-2"][..]),
        ("CHECKOUT-API-7D9F8B6C5-K8S9Z", &["rem-2", "rem-1"]),
        ("checkout-api-7d9f8b6c5", &["rem-2", "rem-1"]),
        ("checkout-api-7d9f8b6c5-x2", &["rem-1", "rem-2"]),
        ("KubePodCrashLooping", &["rem-1"]),
        ("kubepodcrashlooping", &["rem-1"]),
        ("kubepodcrash", &["rem-1"]),
        ("crash looping pod", &["rem-1"]),
        ("restart-pod", &["rem-2", "rem-1"]),
        ("pod restart", &["rem-2", "rem-1"]),
        ("restart coredns", &["rem-4"]),
        ("payments.svc", &["rem-4"]),
        ("payments svc", &["rem-4"]),
        ("http server errors", &["rem-5"]),
        ("no space left on dev", &["rem-3"]),
        ("no space left on device please", &["rem-3"]),
        ("x509: certificate has expired <nil>", &["rem-5"]),
        ("dial tcp: lookup payments.svc: no such host", &["rem-4"]),
        ("space  \t left", &["rem-3"]),
        ("it's\\odd", &["rem-6"]),
        ("A&B|C!", &["rem-6"]),
        ("'quoted' (a | b) & !c:* \\ end", &["rem-6"]),
        ("!quoted", &["rem-6"]),
        ("device | nowhere", &["rem-3"]),
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

/// Adds a record to `remediation_audit`; what is not named is NULL.
async fn add(conn: &mut AsyncPgConnection, columns: &[(&str, &str)]) {
    let names: Vec<_> = columns.iter().map(|(name, _)| *name).collect();
    let values: Vec<_> =
        columns.iter().map(|(_, value)| format!("'{}'", value.replace('\'', "''"))).collect();
    let insert = format!(
        "INSERT INTO remediation_audit (namespace, phase, action_type, {}) VALUES ('ns', 'pending', 'scale', {})",
        names.join(", "),
        values.join(", ")
    );
    execute(conn, &insert).await;
}

/// Runs `check` while the words of new records wait, and again when they are stored.
async fn waiting_and_stored(conn: &mut AsyncPgConnection, check: impl AsyncFn(&mut AsyncPgConnection)) {
    execute(conn, ENQUEUE_WORDLESS).await;
    check(conn).await;
    execute(conn, STORE_WORDS).await;
    execute(conn, "DELETE FROM vector_outbox").await;
    check(conn).await;
}

/// F63: case never matters, in identifiers and in errors, whole, split or begun.
#[tokio::test]
async fn case_never_matters() {
    let (_database, mut conn) = database().await;
    execute(&mut conn, SET).await;
    let time = ("start_time", "2026-01-05");
    for (name, column) in
        [("of-alert", "alert_name"), ("of-error", "error_message"), ("of-target", "target_name")]
    {
        let text = if column == "error_message" {
            "Container api: CrashLoopBackOff after ImagePullBackOff, NullPointerException"
        } else {
            "CrashLoopBackOff.ImagePullBackOff.NullPointerException"
        };
        add(&mut conn, &[("name", name), (column, text), time]).await;
    }
    waiting_and_stored(&mut conn, async |conn| {
        for words in [
            "crashloopbackoff",
            "CRASHLOOPBACKOFF",
            "Crashloopbackoff",
            "crashloop",
            "crash loop back off",
            "imagepullbackoff",
            "ImagePull",
            "NULLPOINTEREXCEPTION",
            "null pointer exception",
            "NullPointerException",
            "nullpointer",
        ] {
            let mut found = names(conn, words).await;
            found.sort();
            assert_eq!(found, ["of-alert", "of-error", "of-target"], "{words}");
        }
    })
    .await;
}

/// F50: a last word of two letters is no beginning.
#[tokio::test]
async fn a_short_last_word_is_a_whole_one() {
    let (_database, mut conn) = seeded().await;
    assert_eq!(names(&mut conn, "wrong with it").await, [""; 0]);
    assert_eq!(names(&mut conn, "no").await, ["rem-4", "rem-3"], "and not the words that begin so");
    assert_eq!(names(&mut conn, "dev").await, ["rem-3"]);
}

/// F51: an identifier that is the text comes first, behind more newer ones that only begin so than are ranked.
#[tokio::test]
async fn an_exact_identifier_comes_first_behind_any_number_of_begun_ones() {
    let (_database, mut conn) = database().await;
    execute(&mut conn, SET).await;
    for column in ["name", "target_name", "alert_name", "action_type"] {
        let filler = if column == "name" { "" } else { "name, " };
        let value = if column == "name" { "" } else { "'x', " };
        let action = if column == "action_type" { "" } else { ", action_type" };
        let insert = |what: &str, time: &str, from: &str| {
            let action_value = if column == "action_type" { "" } else { ", 'scale'" };
            format!(
                "INSERT INTO remediation_audit (namespace, phase, {filler}{column}, start_time{action}) \
                 SELECT '{column}', 'pending', {value}{what}, '{time}'{action_value} {from}"
            )
        };
        let many = insert("'Checkout-Web-' || n", "2026-03-01", "FROM generate_series(1, 1100) AS n");
        execute(&mut conn, &insert("'Checkout-Web'", "2026-01-01", "")).await;
        execute(&mut conn, &many).await;
    }
    execute(&mut conn, STORE_WORDS).await;
    for column in ["name", "target_name", "alert_name", "action_type"] {
        for words in ["checkout-web", "CHECKOUT-WEB", " Checkout-Web "] {
            let found = hits(&mut conn, words, RemediationFilter::default().namespace(column)).await;
            assert!(found[0].is_exact() && !found[1].is_exact(), "{column}: {words}");
            assert_eq!(
                found[0].record.start_time,
                "2026-01-01T00:00:00Z".parse().unwrap(),
                "{column}: {words}"
            );
            assert_eq!(found.len(), 10);
        }
    }
}

/// F64: all of an error is found by its words, the end of one of 64 KiB too. Of a record whose words are not stored yet, both
/// ends of its error are.
#[tokio::test]
async fn the_end_of_a_long_error_is_found() {
    let (_database, mut conn) = database().await;
    execute(&mut conn, SET).await;
    let frames: String =
        (0..1_220).map(|n| format!("\tat org.example.Class{n}.method(Class{n}.java:{n})\n")).collect();
    let trace = format!("org.example.Outer: beginning\n{frames}Caused by: zanzibar refused");
    assert!((60_000..=65_536).contains(&trace.len()), "{}", trace.len());
    add(&mut conn, &[("name", "trace"), ("error_message", &trace), ("start_time", "2026-01-05")]).await;
    waiting_and_stored(&mut conn, async |conn| {
        for words in ["zanzibar", "zanz", "refused by zanzibar", "beginning", "Class1219", "outer"] {
            assert_eq!(names(conn, words).await, ["trace"], "{words}");
        }
    })
    .await;
    assert_eq!(names(&mut conn, "Class600").await, ["trace"]);
}

/// Words too long for an index, and texts at the limit, do no harm.
#[tokio::test]
async fn long_words_and_long_texts_do_no_harm() {
    let (_database, mut conn) = seeded().await;
    let long = format!("{} needle {} hay", "x".repeat(5_000), "ß".repeat(25_000));
    execute(
        &mut conn,
        &format!("UPDATE remediation_audit SET error_message = '{long}' WHERE name IN ('rem-3', 'rem-4')"),
    )
    .await;
    execute(&mut conn, STORE_WORDS).await;
    for words in ["needle", "hay"] {
        assert_eq!(names(&mut conn, words).await, ["rem-4", "rem-3"]);
    }
    for words in [
        "x".repeat(1_000),
        "\u{1F680}".repeat(1_000),
        "a ".repeat(500),
        "a-".repeat(500),
        "'\\".repeat(500),
        "\u{10330}".repeat(1_000),
        format!("{}B{}", "a".repeat(10), "\u{10330}".repeat(980)),
        "节".repeat(1_000),
    ] {
        names(&mut conn, &words).await;
    }
}

/// A script without spaces is searched by its characters and their pairs, and letters composed otherwise are equal.
#[tokio::test]
async fn words_are_found_in_scripts_without_spaces_and_in_any_composition() {
    let (_database, mut conn) = database().await;
    execute(&mut conn, SET).await;
    let time = ("start_time", "2026-01-05");
    for (name, error) in [
        ("disk", "节点磁盘空间不足，无法调度"),
        ("cpu", "节点CPU使用率过高(>90%)"),
        ("kana", "ディスクの空き容量が不足しています"),
        ("thai", "พื้นที่ดิสก์ไม่เพียงพอ"),
        ("cafe", "cafe\u{301} down"),
    ] {
        add(&mut conn, &[("name", name), ("error_message", error), time]).await;
    }
    waiting_and_stored(&mut conn, async |conn| {
        for (words, expected) in [
            ("空间不足", "disk"),
            ("磁盘空间", "disk"),
            ("无法调度", "disk"),
            ("使用率", "cpu"),
            ("cpu 使用率过高", "cpu"),
            ("容量", "kana"),
            ("ディスク", "kana"),
            ("ดิสก์", "thai"),
            ("caf\u{e9}", "cafe"),
            ("CAFE\u{301}", "cafe"),
        ] {
            assert_eq!(names(conn, words).await.first().map(String::as_str), Some(expected), "{words}");
        }
    })
    .await;
}

/// F68: what was escaped to be stored safely is found as it was sent, and by nothing else.
#[tokio::test]
async fn an_escaped_error_is_found_as_it_was_sent() {
    let (_database, mut conn) = database().await;
    execute(&mut conn, SET).await;
    let time = ("start_time", "2026-01-05");
    let escaped = r#"[{"pointer": "/error_message", "what": "escaped"}]"#;
    for (name, alterations) in [("escaped", escaped), ("sent-so", "[]")] {
        let error = ("error_message", "List&lt;Object&gt; failed");
        add(&mut conn, &[("name", name), error, ("alterations", alterations), time]).await;
    }
    waiting_and_stored(&mut conn, async |conn| {
        assert_eq!(names(conn, "lt").await, ["sent-so"]);
        assert_eq!(names(conn, "Object").await.len(), 2);
    })
    .await;
}

/// F74: a sentence finds by its rare words, whatever else it says; records that hold all words come before those that hold
/// most of their weight, and what holds less than half is not found.
#[tokio::test]
async fn a_sentence_finds_by_its_rare_words() {
    let (_database, mut conn) = database().await;
    execute(&mut conn, SET).await;
    // Forty kinds of failures of pods, each three times.
    execute(
        &mut conn,
        "INSERT INTO remediation_audit (name, namespace, phase, action_type, alert_name, error_message, start_time) \
         SELECT 'r-' || n, 'ns', 'pending', 'restart-pod', 'KubePodFailed', \
            'pod failed because of ' || (ARRAY['zanzibar', 'quota', 'certificate', 'journal'])[1 + n % 4] || ' in ' || \
            chr(97 + n % 40 / 2) || 'service', '2026-01-05'::timestamptz + n * interval '1 min' \
         FROM generate_series(0, 119) AS n",
    )
    .await;
    execute(&mut conn, STORE_WORDS).await;
    add(
        &mut conn,
        &[
            ("name", "one"),
            ("error_message", "the ledger stopped: zanzibar unreachable"),
            ("start_time", "2026-01-01"),
        ],
    )
    .await;
    waiting_and_stored(&mut conn, async |conn| {
        let pasted = "Hello, since this morning the ledger does not answer, and the log says that zanzibar is unreachable; \
                      what have we done about that?";
        assert_eq!(names(conn, pasted).await.first().map(String::as_str), Some("one"));
        // The pod of the sentence is in all records, and weighs next to nothing.
        let asked = names(conn, "did the pod say unreachable?").await;
        assert_eq!(asked.first().map(String::as_str), Some("one"));
        let found = hits(conn, "zanzibar aservice", RemediationFilter::default()).await;
        let ranked: Vec<_> = found.iter().map(|hit| (hit.record.name.as_str(), hit.rank >= 2.0)).collect();
        let (all, most) = (["r-80", "r-40", "r-0"], ["r-81", "r-41", "r-1"]);
        let expected = all.map(|name| (name, true)).into_iter().chain(most.map(|name| (name, false)));
        assert_eq!(ranked, expected.collect::<Vec<_>>());
        assert!(found.iter().all(|hit| hit.rank >= 2.0 || hit.rank < 1.0), "{found:?}");
    })
    .await;
    assert_eq!(names(&mut conn, "did the pod say unreachable?").await, ["one"]);
}

/// How rare a word is, is counted over distinct texts: copies change nothing.
#[tokio::test]
async fn copies_do_not_make_a_word_common() {
    let (_database, mut conn) = seeded().await;
    execute(&mut conn, STORE_WORDS).await;
    let words = "certificate space";
    let before = hits(&mut conn, words, RemediationFilter::default()).await;
    execute(
        &mut conn,
        "INSERT INTO remediation_audit (name, namespace, phase, action_type, target_name, alert_name, error_message, start_time) \
         SELECT name, namespace, phase, action_type, target_name, alert_name, error_message, '2026-02-01' \
         FROM remediation_audit CROSS JOIN generate_series(1, 200) WHERE name = 'rem-5'",
    )
    .await;
    execute(&mut conn, STORE_WORDS).await;
    let after = hits(&mut conn, words, RemediationFilter::default()).await;
    let rank =
        |hits: &[LexicalHit], name: &str| hits.iter().find(|hit| hit.record.name == name).map(|hit| hit.rank);
    assert_eq!(rank(&before, "rem-5"), rank(&after, "rem-5"));
    assert!(rank(&before, "rem-3").is_some() && rank(&before, "rem-5").is_some(), "{before:?}");
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
        let query = LexicalQuery::new(words, CheckedFilter::default(), SearchRequest::default()).unwrap();
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
    assert_eq!(names(&mut conn, "wait-500").await.first().map(String::as_str), Some("wait-500"));
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
