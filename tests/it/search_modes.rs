//! Search by words, and by words and meaning together.

use diesel_async::SimpleAsyncConnection as _;
use serde_json::{Value, json};
use storage_testkit::ServiceOptions;
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::{Answer, Service, eventually, options, remediation};

const POD: &str = "checkout-api-7d9f8b6c5-x2x4z";

async fn search(service: &Service, query: &[(&str, &str)]) -> Answer {
    let url = format!("{}/api/v1/audit/search", service.process.url());
    Answer::of(service.client.get(url).query(query).send().await.unwrap()).await
}

fn names(found: &Value) -> Vec<&str> {
    found["data"].as_array().unwrap().iter().map(|hit| hit["record"]["name"].as_str().unwrap()).collect()
}

async fn seed(service: &Service) {
    for (name, target, alert, error) in [
        ("crash", POD, "KubePodCrashLooping", "back-off restarting failed container"),
        ("other", "checkout-api-7d9f8b6c5-k8s9z", "KubePodNotReady", "readiness probe failed"),
        ("disk", "ledger-db-0", "KubePersistentVolumeFillingUp", "no space left on device"),
    ] {
        let mut body = remediation(name);
        (body["target_name"], body["alert_name"], body["error_message"]) =
            (json!(target), json!(alert), json!(error));
        service.post("remediation", &body).await.expect(201);
    }
}

/// BR-STORAGE-016: an exact pod name, an alert and an error are found by their words, with a vector and without.
#[tokio::test]
async fn names_and_errors_are_found_by_their_words() {
    let service = Service::start().await;
    seed(&service).await;
    // How much of a text a record must have is weighed by the words that are stored. While only some are, records that have
    // a part may be missing; the best one is always there.
    let check = async |are_words_stored: bool| {
        for (q, expected) in [
            (POD, &["crash", "other"][..]),
            ("kube pod crash", &["crash"]),
            ("CHECKOUT api 7d9f", &["other", "crash"]),
            ("no space left on device", &["disk"]),
            ("nowhere", &[]),
        ] {
            let found = search(&service, &[("q", q), ("mode", "lexical")]).await.expect(200).json();
            assert_eq!(names(&found).first(), expected.first(), "{q}: {found}");
            assert!(!are_words_stored || names(&found) == expected, "{q}: {found}");
            assert_eq!((&found["engine"], &found["degraded"]), (&Value::Null, &json!(false)));
            for hit in found["data"].as_array().unwrap() {
                assert_eq!((&hit["similarity"], &hit["matched"]), (&Value::Null, &json!(["lexical"])));
            }
        }
        let filtered =
            [("q", "checkout"), ("mode", "lexical"), ("alert_name", "KubePodNotReady"), ("limit", "1")];
        assert_eq!(names(&search(&service, &filtered).await.expect(200).json()), ["other"]);
    };
    check(false).await;
    service.embedded().await;
    check(true).await;
}

/// BR-STORAGE-016: what both sides find comes first, each record once; only the meaning has a similarity and a least one.
#[tokio::test]
async fn both_sides_are_fused() {
    let service = Service::start().await;
    seed(&service).await;
    service.embedded().await;
    let found = search(&service, &[("q", POD)]).await.expect(200).json();
    assert_eq!(names(&found).len(), 3);
    let first = &found["data"][0];
    assert_eq!(
        (&first["record"]["name"], &first["matched"]),
        (&json!("crash"), &json!(["semantic", "lexical"]))
    );
    assert!(first["similarity"].as_f64().is_some_and(|it| (0.0..=1.0).contains(&it)), "{first}");
    assert_eq!(names(&found)[2], "disk");
    assert_eq!(found["data"][2]["matched"], json!(["semantic"]));
    let ranks: Vec<_> = found["data"].as_array().unwrap().iter().map(|hit| hit["rank"].clone()).collect();
    assert_eq!(ranks, [1, 2, 3]);
    assert_eq!((&found["engine"], &found["degraded"]), (&json!("pgvector"), &json!(false)));
    eventually("nothing is pending", async || {
        search(&service, &[("q", POD)]).await.expect(200).json()["pending"] == 0
    })
    .await;

    let strict = [("q", POD), ("min_similarity", "1")];
    let found = search(&service, &strict).await.expect(200).json();
    assert_eq!((names(&found), &found["data"][0]["similarity"]), (vec!["crash", "other"], &Value::Null));
    assert_eq!(found["data"][0]["matched"], json!(["lexical"]));
    let semantic = search(&service, &[strict[0], strict[1], ("mode", "semantic")]).await.expect(200).json();
    assert_eq!(semantic["data"], json!([]));
}

/// F51, F63, F64, F74: letter case, the place in a long error, the script and the sentence around it make no difference to
/// whether a word is found, before its record's words are stored and after.
#[tokio::test]
async fn a_word_is_found_however_it_is_asked_for() {
    let service = Service::start().await;
    let frames: String =
        (0..60).map(|n| format!("\tat org.example.Class{n}.method(Class{n}.java:{n})\n")).collect();
    for (name, error) in [
        ("camel", "Container api: CrashLoopBackOff after ImagePullBackOff, NullPointerException".to_owned()),
        ("trace", format!("org.example.Outer: failed\n{frames}Caused by: zanzibar refused")),
        ("han", "节点磁盘空间不足，无法调度".to_owned()),
        ("composed", "cafe\u{301} down".to_owned()),
        ("quota", "exceeded quota: compute-quota, requested: limits.memory=4Gi".to_owned()),
        ("oom", "Container was OOMKilled".to_owned()),
        ("oom-2", "replica of it".to_owned()),
    ] {
        let mut body = remediation(name);
        body["error_message"] = json!(error);
        service.post("remediation", &body).await.expect(201);
    }
    let check = async || {
        for (q, expected) in [
            ("crashloopbackoff", "camel"),
            ("NULLPOINTEREXCEPTION", "camel"),
            ("Imagepull", "camel"),
            ("zanzibar", "trace"),
            ("空间不足", "han"),
            ("caf\u{e9}", "composed"),
            (
                "since Monday nothing of us is admitted, the message says compute-quota, who can help?",
                "quota",
            ),
            ("oomkilled", "oom"),
            ("OOM", "oom"),
            ("oom-2", "oom-2"),
        ] {
            for mode in ["lexical", "hybrid"] {
                let found = search(&service, &[("q", q), ("mode", mode)]).await.expect(200).json();
                assert_eq!(names(&found).first(), Some(&expected), "{mode}: {q}: {found}");
                let matched = found["data"][0]["matched"].as_array().unwrap();
                assert!(matched.contains(&json!("lexical")), "{mode}: {q}: {found}");
            }
        }
    };
    check().await;
    service.embedded().await;
    check().await;
}

/// BR-STORAGE-006: without the embedder, refusing or silent, words answer, in time, and the answer says so and how many
/// records wait.
#[tokio::test]
async fn without_the_embedder_words_answer() {
    let (refusing, silent) = (MockServer::start().await, MockServer::start().await);
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(503)).mount(&refusing).await;
    let late = ResponseTemplate::new(200).set_delay(std::time::Duration::from_secs(600));
    Mock::given(method("POST")).respond_with(late).mount(&silent).await;
    for server in [&refusing, &silent] {
        let options = ServiceOptions::default()
            .set("DATASTORAGE__EMBEDDING__PROVIDER", "openai")
            .set("DATASTORAGE__SERVER__HEADER_TIMEOUT", "60s")
            .set("DATASTORAGE__SERVER__REQUEST_TIMEOUT", "8s")
            .set("DATASTORAGE__DATABASE__STATEMENT_TIMEOUT", "6s")
            .set("DATASTORAGE__OPENAI__URL", format!("{}/v1", server.uri()));
        let service = Service::with(options).await;
        seed(&service).await;
        for mode in ["hybrid", "semantic"] {
            let found = search(&service, &[("q", POD), ("mode", mode)]).await.expect(200).json();
            assert_eq!((names(&found)[0], &found["degraded"]), ("crash", &json!(true)), "{mode}: {found}");
            assert_eq!((&found["engine"], &found["data"][0]["matched"]), (&Value::Null, &json!(["lexical"])));
        }
        let lexical = search(&service, &[("q", POD), ("mode", "lexical")]).await.expect(200).json();
        assert_eq!(lexical["degraded"], false, "words were all that was asked for");
        eventually("the three that wait are counted", async || {
            let found = search(&service, &[("q", POD), ("mode", "lexical")]).await.expect(200).json();
            found["pending"] == 3
        })
        .await;
    }
}

/// F50: a side that does not answer in time costs the search that side alone.
#[tokio::test]
async fn either_side_of_a_hybrid_search_answers_alone() {
    let options = options()
        .set("DATASTORAGE__SERVER__REQUEST_TIMEOUT", "10s")
        .set("DATASTORAGE__DATABASE__STATEMENT_TIMEOUT", "2s");
    let service = Service::with(options).await;
    seed(&service).await;
    service.embedded().await;
    for (locked, matched, found_alone) in
        [("remediation_words", "semantic", 3), ("remediation_vector", "lexical", 2)]
    {
        let mut locker = service.database.connect().await.unwrap();
        let lock = format!("BEGIN; LOCK TABLE {locked} IN ACCESS EXCLUSIVE MODE");
        locker.batch_execute(&lock).await.unwrap();
        let found = search(&service, &[("q", POD)]).await.expect(200).json();
        assert_eq!(
            (names(&found).len(), &found["degraded"]),
            (found_alone, &json!(true)),
            "{locked}: {found}"
        );
        assert!(names(&found).contains(&"crash"), "{locked}: {found}");
        assert_eq!(found["data"][0]["matched"], json!([matched]), "{locked}: {found}");
        locker.batch_execute("ROLLBACK").await.unwrap();
        let found = search(&service, &[("q", POD)]).await.expect(200).json();
        assert_eq!((names(&found).len(), &found["degraded"]), (3, &json!(false)), "{found}");
    }
}

/// F73: what this replica has accepted is pending from its answer on, until it can be found.
#[tokio::test]
async fn pending_never_understates_what_was_accepted() {
    let refusing = MockServer::start().await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(503)).mount(&refusing).await;
    let options = ServiceOptions::default()
        .set("DATASTORAGE__EMBEDDING__PROVIDER", "openai")
        .set("DATASTORAGE__OPENAI__URL", format!("{}/v1", refusing.uri()));
    let service = Service::with(options).await;
    let pending = async || {
        let found = search(&service, &[("q", POD), ("mode", "lexical")]).await.expect(200).json();
        found["pending"].as_i64().unwrap()
    };
    for batch in 1..=5 {
        let body: Value = (0..100).map(|n| remediation(&format!("r-{n}"))).collect();
        service.post("remediation/batch", &body).await.expect(201);
        assert!(pending().await >= batch * 100);
    }
    service.remediation("one").await;
    assert!(pending().await >= 501);
    eventually("the count is exact again", async || pending().await == 501).await;
    let found = search(&service, &[("q", POD), ("mode", "lexical")]).await.expect(200).json();
    assert!(found["pending_counted_at"].as_str().is_some_and(|time| time.ends_with('Z')), "{found}");
}

/// F19: what is odd in a text is searched for or refused, never an error.
#[tokio::test]
async fn odd_texts_are_searched_for_or_refused() {
    let service = Service::with(options()).await;
    seed(&service).await;
    for q in [
        "&|!():*<->",
        "a & ! b",
        "'; DROP TABLE remediation_audit; --",
        "\\",
        "''",
        "🚀",
        "a:*b",
        "%00x",
        "ß\u{0301}",
    ] {
        for mode in ["lexical", "hybrid"] {
            search(&service, &[("q", q), ("mode", mode)]).await.expect(200);
        }
    }
    let refused = search(&service, &[("q", "a\0b")]).await.expect(400).json();
    assert_eq!(refused["errors"][0]["code"], "forbidden_character");
}
