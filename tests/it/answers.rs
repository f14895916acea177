//! What operators ask: what was tried here before, did it work, and did that hold; and who asks, and how far search is.

use chrono::{TimeDelta, Utc};
use diesel_async::SimpleAsyncConnection as _;
use reqwest::Method;
use serde_json::{Value, json};

use crate::auth::Guarded;
use crate::support::{Answer, Service, WAITING_FOR_LOCKS, eventually, options, remediation};

/// Stores a finished record of an alert that began so many hours ago and took a minute.
async fn tried(service: &Service, action: &str, status: &str, hours: i64, fingerprint: &str) {
    let begun = Utc::now() - TimeDelta::hours(hours);
    let mut body = remediation("r");
    for (field, value) in [
        ("action_type", json!(action)),
        ("phase", json!("completed")),
        ("status", json!(status)),
        ("start_time", json!(begun.to_rfc3339())),
        ("end_time", json!((begun + TimeDelta::minutes(1)).to_rfc3339())),
        ("alert_name", json!("KubePodCrashLooping")),
        ("alert_fingerprint", json!(fingerprint)),
        ("remediation_request_id", json!(format!("{action}-{hours}"))),
    ] {
        body[field] = value;
    }
    service.post("remediation", &body).await.expect(201);
}

async fn asked(service: &Service, path: &str) -> Value {
    service.get(&format!("/api/v1/incidents{path}")).await.expect(200).json()
}

/// From an alert's name to what worked last time, and whether that held.
#[tokio::test]
async fn an_alert_leads_to_what_worked_and_held() {
    let service = Service::start().await;
    for (action, status, hours, fingerprint) in [
        ("restart-pod", "success", 100, "f1"),
        ("restart-pod", "success", 99, "f1"),
        ("scale-up", "success", 98, "f1"),
        ("scale-up", "success", 60, "f2"),
        ("scale-up", "success", 1, "f3"),
        ("drain-node", "failed", 50, "f4"),
    ] {
        tried(&service, action, status, hours, fingerprint).await;
    }
    let outcomes = asked(&service, "/outcomes?alert_name=KubePodCrashLooping").await;
    let told: Vec<_> = outcomes["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| {
            let counts = ["total", "success", "failed", "held", "recurred", "too_early"]
                .map(|name| it[name].as_i64().unwrap());
            (it["action_type"].as_str().unwrap(), counts)
        })
        .collect();
    assert_eq!(
        told,
        [
            ("scale-up", [3, 3, 0, 2, 0, 1]),
            ("drain-node", [1, 0, 1, 0, 0, 0]),
            ("restart-pod", [2, 2, 0, 0, 2, 0]),
        ]
    );
    assert_eq!((&outcomes["durations_of"], &outcomes["settle_ms"]), (&json!(6), &json!(86_400_000)));
    assert_eq!(outcomes["data"][0]["duration_ms_p50"], 60_000);
    let hour =
        asked(&service, "/outcomes?alert_name=KubePodCrashLooping&settle=1m&by=action_type,cluster").await;
    assert!(hour["data"].as_array().unwrap().iter().all(|it| it["recurred"] == 0 && it["too_early"] == 0));

    let history = asked(&service, "/history?alert_fingerprint=f1").await;
    let told: Vec<_> =
        history["data"].as_array().unwrap().iter().map(|it| (&it["outcome"], &it["gap_ms"])).collect();
    let (held, recurred) = (json!("held"), json!("recurred"));
    assert_eq!(told[2], (&recurred, &Value::Null));
    assert_eq!((told[0].0, told[1].0, history["count"].as_i64()), (&held, &recurred, Some(3)));
    assert_eq!(history["first_held"]["action_type"], "scale-up");
    assert!(history["data"][0]["recorded_by"].is_string());

    let facets =
        asked(&service, "/facets?fields=action_type,alert_fingerprint&action_type=drain-node&limit=2").await;
    assert_eq!(facets["data"][0]["values"][0], json!({ "value": "scale-up", "count": 3 }));
    assert_eq!(
        (&facets["data"][0]["truncated"], &facets["data"][1]["truncated"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(facets["data"][1]["values"], json!([{ "value": "f4", "count": 1 }]));

    let trend = asked(&service, "/aggregate/trend?interval=auto&since=7d&with=durations").await;
    assert_eq!((&trend["interval"], &trend["durations_of"]), (&json!("hour"), &json!(6)));
    let buckets = trend["data"].as_array().unwrap();
    let filled: Vec<_> = buckets.iter().filter(|it| it["total"] != 0).collect();
    assert_eq!(filled.len(), 6);
    assert!(filled.iter().all(|it| it["duration_ms_p50"] == 60_000));
    let plain = asked(&service, "/aggregate/trend?interval=minute&since=1h").await;
    assert!(plain.get("durations_of").is_none() && plain["data"][0].get("duration_ms_p50").is_none());
}

/// From an incident to what was done about those like it, and from an alert that is not stored to what worked before.
#[tokio::test]
async fn an_incident_leads_to_those_like_it_and_an_alert_to_what_worked() {
    let service = Service::start().await;
    for n in 0..6 {
        tried(&service, "restart-pod", "success", 100 + 30 * n, &format!("f{n}")).await;
    }
    tried(&service, "drain-node", "failed", 90, "f7").await;
    service.embedded().await;
    let list = asked(&service, "?action_type=drain-node").await;
    let id = &list["data"][0]["id"];
    let similar = asked(&service, &format!("/{id}/similar?limit=5")).await;
    assert_eq!((&similar["degraded"], &similar["engine"]), (&json!(false), &json!("pgvector")));
    let same = &similar["data"][0];
    assert_eq!((&same["is_same"], &same["count"], &same["record"]["id"]), (&json!(true), &json!(7), id));
    let told: Vec<_> = same["outcomes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (&it["action_type"], &it["held"], &it["total"]))
        .collect();
    assert_eq!(
        told,
        [(&json!("restart-pod"), &json!(6), &json!(6)), (&json!("drain-node"), &json!(0), &json!(1))]
    );
    let none = asked(&service, &format!("/{id}/similar?namespace=nowhere")).await;
    assert_eq!(none["data"], json!([]));
    service.get("/api/v1/incidents/999/similar").await.expect(404);

    let by_alert = asked(&service, "/advice?alert_name=KubePodCrashLooping&clusters=all").await;
    assert_eq!(by_alert["data"][0]["action_type"], "restart-pod");
    assert_eq!(by_alert["data"][0]["evidence"].as_array().unwrap().len(), 5);
    assert_eq!(by_alert["refuted"][0]["action_type"], "drain-node");
    assert_eq!((&by_alert["insufficient_evidence"], &by_alert["degraded"]), (&json!(false), &json!(false)));
    let url = format!("{}/api/v1/incidents/advice", service.process.url());
    let body = json!({ "alert_name": "KubePodCrashLooping", "clusters": "all" });
    let posted = Answer::of(service.client.post(&url).json(&body).send().await.unwrap()).await.expect(200);
    assert_eq!(posted.json()["data"], by_alert["data"]);

    let other = asked(&service, "/advice?alert_name=KubePodCrashLooping&cluster=elsewhere").await;
    assert_eq!((&other["insufficient_evidence"], &other["data"]), (&json!(true), &json!([])));
    let by_fingerprint = asked(&service, "/advice?alert_fingerprint=f7&clusters=all").await;
    assert_eq!(
        (&by_fingerprint["degraded"], &by_fingerprint["refuted"][0]["total"]),
        (&json!(true), &json!(1))
    );
}

/// What twenty incidents say that have nothing in common.
const SAID: [&str; 20] = [
    "certificate expired",
    "disk pressure",
    "etcd leader lost",
    "quota exceeded",
    "image missing",
    "dns timeout",
    "kernel panic",
    "clock drift",
    "webhook denied",
    "port conflict",
    "secret rotated",
    "volume detached",
    "lag growing",
    "thread starvation",
    "socket refused",
    "replica diverged",
    "broker unreachable",
    "cache stampede",
    "license invalid",
    "schedule skipped",
];

/// With enough incidents to measure from which similarity on they are alike, advice rests on those above it alone.
#[tokio::test]
async fn advice_goes_by_the_threshold_that_was_measured() {
    let mut service = Service::start().await;
    let told = async |action: &str, error: &str, hours: i64| {
        let begun = Utc::now() - TimeDelta::hours(hours);
        let mut body = remediation("r");
        for (field, value) in [
            ("action_type", json!(action)),
            ("phase", json!("completed")),
            ("status", json!("success")),
            ("start_time", json!(begun.to_rfc3339())),
            ("end_time", json!((begun + TimeDelta::minutes(1)).to_rfc3339())),
            ("error_message", json!(error)),
            ("alert_fingerprint", json!(format!("{error}-{hours}"))),
        ] {
            body[field] = value;
        }
        service.post("remediation", &body).await.expect(201).json()["id"].as_i64().unwrap()
    };
    let journal = "no space left while writing the journal of the ledger database";
    let mut id = 0;
    for n in 0..6 {
        id = told("grow", journal, 100 + 30 * n).await;
    }
    for said in SAID {
        told("wait", said, 200).await;
    }
    service.embedded().await;
    // The threshold is measured at the start, and now and then.
    let url = service.database.server_url().unwrap();
    service.process = storage_testkit::ServiceProcess::start(&url, options()).await.unwrap();
    let ask = "/advice?q=no+space+left+while+writing+the+journal+of+a+ledger&clusters=all";
    eventually("the threshold is measured", async || asked(&service, ask).await["threshold"].is_number())
        .await;
    let advice = asked(&service, ask).await;
    let threshold = advice["threshold"].as_f64().unwrap();
    let grown = &advice["data"][0];
    let similarity = grown["similarity"].as_f64().unwrap();
    assert!(0.0 < threshold && threshold < similarity && similarity < 1.0, "{advice}");
    assert_eq!(
        (&grown["action_type"], &grown["held"], &advice["refuted"]),
        (&json!("grow"), &json!(6), &json!([]))
    );
    assert_eq!((advice["data"].as_array().unwrap().len(), &advice["insufficient"]), (1, &json!([])));

    let alike = asked(&service, &format!("/{id}/similar?min_similarity={threshold}")).await;
    let others = asked(&service, &format!("/{id}/similar?limit=100")).await;
    assert_eq!((alike["data"].as_array().unwrap().len(), &alike["data"][0]["is_same"]), (1, &json!(true)));
    assert_eq!(others["data"].as_array().unwrap().len(), 1 + SAID.len());
}

/// F19, F20: advice names what it cannot use, as a query string and as a body.
#[tokio::test]
async fn advice_refuses_by_name_what_it_cannot_use() {
    let service = Service::start().await;
    let long = "a".repeat(1_001);
    let url = format!("{}/api/v1/incidents/advice", service.process.url());
    for (given, refused) in [
        (&[][..], &[("q", "required"), ("cluster", "required")][..]),
        (&[("q", "x")], &[("cluster", "required")]),
        (&[("q", " \t"), ("clusters", "all")], &[("q", "required")]),
        (&[("alert_name", ""), ("clusters", "all")], &[("q", "required")]),
        (&[("q", "a\0b"), ("cluster", "c")], &[("q", "forbidden_character")]),
        (&[("reason", "a\0b"), ("cluster", "c")], &[("reason", "forbidden_character")]),
        (&[("q", "x"), ("cluster", "a\0b")], &[("cluster", "forbidden_character")]),
        (&[("q", long.as_str()), ("cluster", "c")], &[("q", "too_long")]),
        (&[("q", "x"), ("message", "y"), ("cluster", "c")], &[("q", "without_effect")]),
        (&[("q", "x"), ("cluster", "c"), ("clusters", "all")], &[("cluster", "without_effect")]),
        (&[("q", "x"), ("clusters", "ALL")], &[("clusters", "invalid_value")]),
        (&[("q", "x"), ("clusters", "all"), ("within", "2026-01-01")], &[("within", "invalid_value")]),
        (&[("q", "x"), ("clusters", "all"), ("within", "-7d")], &[("within", "invalid_value")]),
        (&[("q", "x"), ("clusters", "all"), ("settle", "31d")], &[("settle", "invalid_value")]),
        (&[("q", "x"), ("clusters", "all"), ("limit", "0")], &[("limit", "out_of_range")]),
        (&[("q", "x"), ("clusters", "all"), ("limit", "51")], &[("limit", "out_of_range")]),
        (&[("q", "x"), ("clusters", "all"), ("limit", "+1")], &[("limit", "out_of_range")]),
        (
            &[
                ("alert_name", "a"),
                ("clusters", "all"),
                ("namespace", "n"),
                ("severity", "high"),
                ("since", "7d"),
            ],
            &[
                ("namespace", "unknown_parameter"),
                ("severity", "unknown_parameter"),
                ("since", "unknown_parameter"),
            ],
        ),
    ] {
        let codes = |problem: &Value, place: &str| {
            let errors = problem["errors"].as_array().cloned().unwrap_or_default();
            let text = |it: &Value| it.as_str().unwrap_or_default().trim_start_matches('/').to_owned();
            errors.iter().map(|it| (text(&it[place]), text(&it["code"]))).collect::<Vec<_>>()
        };
        let expected: Vec<_> =
            refused.iter().map(|(name, code)| ((*name).to_owned(), (*code).to_owned())).collect();
        let request = service.client.get(&url).query(given);
        let problem = Answer::of(request.send().await.unwrap()).await.expect(400).json();
        assert_eq!(codes(&problem, "parameter"), expected, "{given:?}");
        // NUL in a body is refused with all of JSON.
        if given.iter().any(|(_, value)| value.contains('\0')) {
            continue;
        }
        let body: serde_json::Map<String, Value> =
            given.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let answer = Answer::of(service.client.post(&url).json(&body).send().await.unwrap()).await;
        assert_eq!(codes(&answer.expect(400).json(), "pointer"), expected, "{given:?}");
    }
    for (query, refused) in
        [("q=x&q=y&cluster=c", "q repeated"), ("q=%zz&clusters=all", "q invalid_encoding")]
    {
        let problem = service.get(&format!("/api/v1/incidents/advice?{query}")).await.expect(400).json();
        let first = &problem["errors"][0];
        assert_eq!(
            format!("{} {}", first["parameter"].as_str().unwrap(), first["code"].as_str().unwrap()),
            refused
        );
    }
}

/// A caller who asks too much is told what to ask less of.
#[tokio::test]
async fn an_answer_that_takes_too_long_names_what_narrows_it() {
    let options = options()
        .set("DATASTORAGE__SERVER__REQUEST_TIMEOUT", "800ms")
        .set("DATASTORAGE__DATABASE__STATEMENT_TIMEOUT", "700ms");
    let service = Service::with(options).await;
    let mut blocker = service.database.connect().await.unwrap();
    blocker.batch_execute("BEGIN; LOCK TABLE remediation_audit IN ACCESS EXCLUSIVE MODE").await.unwrap();
    for path in [
        "incidents/outcomes?cluster=c",
        "incidents/history?alert_name=a",
        "incidents/facets?fields=cluster",
        "incidents/aggregate/trend?with=durations",
        "incidents/aggregate/success-rate?cluster=c",
    ] {
        let problem = service.get(&format!("/api/v1/{path}")).await.expect(503).json();
        assert_eq!(problem["type"], "/problems/deadline-passed", "{path}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("since=7d") && detail.contains("alert_fingerprint"), "{path}: {detail}");
        eventually("its statement is gone", async || service.count(WAITING_FOR_LOCKS).await == 0).await;
    }
    blocker.batch_execute("ROLLBACK").await.unwrap();
}

/// What waits for its vector, and how what the service uses is, for those who may read.
#[tokio::test]
async fn the_projection_tells_what_waits_and_how_its_parts_are() {
    let service = Service::start().await;
    let projection = async || service.get("/api/v1/audit/projection").await.expect(200).json();
    service.remediation("r").await;
    service.embedded().await;
    eventually("nothing waits", async || projection().await["waiting"] == 0).await;
    let told = projection().await;
    assert_eq!(
        (&told["parked"], &told["oldest_age_ms"], &told["drift"]),
        (&json!(0), &Value::Null, &Value::Null)
    );
    assert_eq!(told["dependencies"]["postgresql"]["state"], "up");
    let ready = service.get("/ready").await.expect(200).json();
    let names = |of: &Value| of["dependencies"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&told), names(&ready));
}

/// A caller is known by its token, whatever it may do; without one nothing is told.
#[tokio::test]
async fn a_caller_learns_its_name_and_its_permissions() {
    let guarded = Guarded::start().await;
    let reader = guarded.token("reader", "audit:read").await;
    let got = guarded.send(Method::GET, "/api/v1/whoami", &reader, |it| it).await.expect(200).json();
    assert_eq!(got, json!({ "caller": "reader", "permissions": ["audit:read"], "expires_at": null }));
    guarded.send(Method::GET, "/api/v1/whoami", "unknown", |it| it).await.expect(401);
}

/// The explorer learns where to link to from the setting, and from nothing without one; callers alone are told.
#[tokio::test]
async fn the_explorer_learns_where_it_links_to() {
    const LINKS: &str = "/api/v1/explorer/links";
    let service = Service::start().await;
    assert_eq!(service.get(LINKS).await.expect(200).json(), json!({ "grafana_url": null }));
    service.get(&format!("{LINKS}?full=true")).await.expect(400);

    let template = "https://grafana.example.com/d/pods?var-namespace={namespace}&from={from}";
    let guarded = Guarded::with(options().set("DATASTORAGE__SERVER__GRAFANA_URL", template)).await;
    let writer = guarded.token("writer", "audit:write").await;
    let got = guarded.send(Method::GET, LINKS, &writer, |it| it).await.expect(200).json();
    assert_eq!(got, json!({ "grafana_url": template }));
    guarded.send(Method::GET, LINKS, "unknown", |it| it).await.expect(401);
}
