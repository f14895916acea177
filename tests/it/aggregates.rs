//! Counts over incidents, against counts made from the records themselves.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::{Service, remediation};

const AGGREGATE: &str = "/api/v1/incidents/aggregate";

/// How a remediation can stand: phase, status, whether it has ended.
const OUTCOMES: [(&str, &str, bool); 4] = [
    ("processing", "running", false),
    ("completed", "success", true),
    ("failed", "failed", true),
    ("completed", "success", true),
];

/// Forty remediations, an hour apart on 2 and 3 March 2026, of several kinds.
async fn seed(service: &Service) -> Vec<Value> {
    let start: chrono::DateTime<chrono::Utc> = "2026-03-02T00:30:00Z".parse().unwrap();
    let bodies = (0..40_usize).map(|n| {
        let begin = start + chrono::TimeDelta::hours(i64::try_from(n).unwrap());
        let (phase, status, has_ended) = OUTCOMES[n % 4];
        let mut body = remediation(&format!("r-{n}"));
        body["namespace"] = json!(["a", "b", "b"][n % 3]);
        body["action_type"] = json!(if n % 10 == 0 { "scale" } else { "restart" });
        body["start_time"] = json!(begin.to_rfc3339());
        (body["phase"], body["status"]) = (json!(phase), json!(status));
        if has_ended {
            body["end_time"] = json!((begin + chrono::TimeDelta::minutes(1)).to_rfc3339());
        }
        if n % 5 != 0 {
            body["severity"] = json!(["critical", "low"][n % 2]);
        }
        body
    });
    let bodies: Vec<Value> = bodies.collect();
    let writes =
        bodies.iter().map(|body| async { service.post("remediation", body).await.expect(201).json() });
    futures_util::future::join_all(writes).await
}

async fn ask(service: &Service, path: &str) -> Value {
    service.get(&format!("{AGGREGATE}/{path}")).await.expect(200).json()
}

/// The largest group first, then by value; those without a value last among equals.
fn grouped(records: &[&Value], column: &str) -> Value {
    let mut counts: BTreeMap<(bool, String), i64> = BTreeMap::new();
    for record in records {
        let value = &record[column];
        *counts.entry((value.is_null(), value.as_str().unwrap_or_default().to_owned())).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| -count);
    let groups = counts.into_iter().map(|((is_null, value), count)| {
        json!({ column: if is_null { Value::Null } else { json!(value) }, "count": count })
    });
    json!({ "data": groups.collect::<Vec<_>>() })
}

/// A filter, and whether a record matches it.
type Case = (&'static str, fn(&Value) -> bool);

/// Groups and rates are those of the records that match, with the same filters as lists.
#[tokio::test]
async fn groups_and_rates_are_those_of_the_records_that_match() {
    let service = Service::start().await;
    let records = seed(&service).await;
    let filters: [Case; 5] = [
        ("", |_| true),
        ("namespace=a", |record| record["namespace"] == "a"),
        ("severity=critical", |record| record["severity"] == "critical"),
        ("since=2026-03-03&status=success,failed", |record| {
            record["start_time"].as_str().unwrap() >= "2026-03-03" && record["status"] != "running"
        }),
        ("namespace=none", |_| false),
    ];
    for (filter, matches) in filters {
        let matching: Vec<&Value> = records.iter().filter(|record| matches(record)).collect();
        for (name, column) in
            [("by-namespace", "namespace"), ("by-severity", "severity"), ("by-action-type", "action_type")]
        {
            let groups = ask(&service, &format!("{name}?{filter}")).await;
            assert_eq!(groups, grouped(&matching, column), "{name}?{filter}");
        }
        let count = |status: &str| matching.iter().filter(|record| record["status"] == status).count();
        let (success, failure) = (count("success"), count("failed"));
        let rate = ask(&service, &format!("success-rate?{filter}")).await;
        let counts = (&rate["total_count"], &rate["success_count"], &rate["failure_count"]);
        assert_eq!(counts, (&json!(success + failure), &json!(success), &json!(failure)), "{filter}");
        // Of none it is null, as JSON has no NaN.
        let expected = json!(rate["success_count"].as_f64().unwrap() / rate["total_count"].as_f64().unwrap());
        assert_eq!(rate["success_rate"], expected, "{filter}");
        assert_eq!(rate.as_object().unwrap().len(), 4, "{rate}");
    }
}

/// Every hour, day or week of the range is there, also those in which nothing began.
#[tokio::test]
async fn a_trend_has_every_bucket_of_its_range() {
    let service = Service::start().await;
    seed(&service).await;
    let bucket = |bucket: &str, total: i64, success: i64, failed: i64| {
        json!({ "bucket": format!("2026-03-{bucket}:00:00.000000Z"), "total": total, "success": success,
                "failed": failed })
    };
    for (query, expected) in [
        (
            "since=2026-03-01&until=2026-03-05",
            vec![
                bucket("01T00", 0, 0, 0),
                bucket("02T00", 24, 12, 6),
                bucket("03T00", 16, 8, 4),
                bucket("04T00", 0, 0, 0),
            ],
        ),
        (
            "interval=week&since=2026-03-03&until=2026-03-10",
            vec![bucket("02T00", 16, 8, 4), bucket("09T00", 0, 0, 0)],
        ),
        (
            "interval=hour&since=2026-03-01T23:00:00Z&until=2026-03-02T02:30:00Z",
            vec![
                json!({ "bucket": "2026-03-01T23:00:00.000000Z", "total": 0, "success": 0, "failed": 0 }),
                bucket("02T00", 1, 0, 0),
                bucket("02T01", 1, 1, 0),
                bucket("02T02", 0, 0, 0),
            ],
        ),
        ("until=2026-03-02", vec![]),
        ("interval=day&namespace=a&since=2026-03-02&until=2026-03-03", vec![bucket("02T00", 8, 4, 2)]),
    ] {
        let interval = ["week", "hour"].into_iter().find(|it| query.contains(it)).unwrap_or("day");
        let expected = json!({ "data": expected, "interval": interval });
        assert_eq!(ask(&service, &format!("trend?{query}")).await, expected, "{query}");
    }
}

/// F19, F20: what an aggregate cannot use is refused by name, and so is a trend without end.
#[tokio::test]
async fn wrong_parameters_of_aggregates_are_refused_by_name() {
    let service = Service::start().await;
    for (path, name) in [
        ("success-rate?limit=1", "limit"),
        ("success-rate?interval=day", "interval"),
        ("by-namespace?sort=count", "sort"),
        ("by-severity?severity=bad", "severity"),
        ("by-action-type?since=2026-03-02&until=2026-03-01", "since"),
        ("trend?interval=month", "interval"),
        ("trend?interval=hour&since=60d", "since"),
        ("trend?since=1970-01-01", "since"),
        ("trend?nmae=x", "nmae"),
    ] {
        let answer = service.get(&format!("{AGGREGATE}/{path}")).await.expect(400).json();
        assert_eq!(answer["errors"][0]["parameter"], name, "{path}: {answer}");
        assert_eq!(answer["errors"].as_array().unwrap().len(), 1, "{path}: {answer}");
    }
    service.get(&format!("{AGGREGATE}/by-phase")).await.expect(404);
}
