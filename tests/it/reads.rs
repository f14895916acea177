//! Lists, totals, filters, paging.

use serde_json::{Value, json};

use crate::support::{Service, remediation};

const STATUSES: [&str; 3] = ["running", "success", "failed"];

/// `count` remediations over three namespaces and three statuses, a second apart.
async fn seed(service: &Service, count: usize) -> Vec<Value> {
    let start = chrono::Utc::now() - chrono::TimeDelta::hours(10);
    let bodies = (0..count).map(|n| {
        let mut body = remediation(&format!("r-{n}"));
        body["namespace"] = json!(format!("ns-{}", n % 3));
        body["status"] = json!(STATUSES[(n / 3) % 3]);
        body["start_time"] =
            json!((start + chrono::TimeDelta::seconds(i64::try_from(n).unwrap())).to_rfc3339());
        if n % 2 == 0 {
            body["severity"] = json!("critical");
        }
        body
    });
    let bodies: Vec<Value> = bodies.collect();
    let writes =
        bodies.iter().map(|body| async { service.post("remediation", body).await.expect(201).json() });
    futures_util::future::join_all(writes).await
}

/// F01, BR-STORAGE-013, BR-STORAGE-014: the total is that of the database for every filter and page, also past the
/// end; the page is what the filter and the order say.
#[tokio::test]
async fn totals_and_pages_are_those_of_the_database() {
    let service = Service::start().await;
    let records = seed(&service, 60).await;
    for namespace in [None, Some("ns-1"), Some("none")] {
        for status in [None, Some("success")] {
            let mut expected: Vec<&Value> = records
                .iter()
                .filter(|r| namespace.is_none_or(|wanted| r["namespace"] == wanted))
                .filter(|r| status.is_none_or(|wanted| r["status"] == wanted))
                .collect();
            expected.sort_by_key(|r| std::cmp::Reverse(r["start_time"].to_string()));
            for (limit, offset) in [(7, 0), (7, 7), (1000, 0), (10, 1000)] {
                let mut path = format!("/api/v1/audit/remediation?limit={limit}&offset={offset}");
                namespace.iter().for_each(|value| path += &format!("&namespace={value}"));
                status.iter().for_each(|value| path += &format!("&status={value}"));
                let page = service.get(&path).await.expect(200).json();
                assert_eq!(page["pagination"]["total"], expected.len(), "{path}");
                let ids: Vec<&Value> = page["data"].as_array().unwrap().iter().map(|r| &r["id"]).collect();
                let wanted: Vec<&Value> =
                    expected.iter().skip(offset).take(limit).map(|r| &r["id"]).collect();
                assert_eq!(ids, wanted, "{path}");
                let has_more = offset + limit < expected.len();
                assert_eq!(page["pagination"]["has_more"], has_more, "{path}");
            }
        }
    }
}

#[tokio::test]
async fn a_page_says_where_it_stands_and_links_to_its_neighbours() {
    let service = Service::start().await;
    seed(&service, 25).await;
    let answer =
        service.get("/api/v1/audit/remediation?limit=10&offset=10&namespace=ns-0,ns-1").await.expect(200);
    let pagination = answer.json()["pagination"].clone();
    assert_eq!(
        pagination,
        json!({ "total": 17, "limit": 10, "offset": 10, "page": 2, "total_pages": 2, "has_more": false,
                "next_cursor": null })
    );
    let link = answer.header("Link");
    assert!(
        link.contains("rel=\"prev\"") && link.contains("rel=\"first\"") && !link.contains("rel=\"next\""),
        "{link}"
    );
    assert!(link.contains("namespace=ns-0"), "{link}");
    let uncounted = service.get("/api/v1/audit/remediation?total=none&limit=2").await.expect(200).json();
    assert_eq!(uncounted["pagination"]["total"], Value::Null);
    assert_eq!(uncounted["pagination"]["has_more"], true);
}

/// F02: while a writer runs, no answer's total is less than the rows seen.
#[tokio::test(flavor = "multi_thread")]
async fn a_total_is_never_less_than_the_rows_beside_it() {
    let service = Service::start().await;
    let writer = async {
        for n in 0..200 {
            service.remediation(&format!("w-{n}")).await;
        }
    };
    let reader = async {
        loop {
            let page = service.get("/api/v1/audit/remediation?limit=1000").await.expect(200).json();
            let rows = page["data"].as_array().unwrap().len();
            assert_eq!(page["pagination"]["total"], rows);
            if rows == 200 {
                return;
            }
        }
    };
    tokio::join!(writer, reader);
}

/// F03, BR-STORAGE-013: every documented filter and sort of every type runs against the migrated schema.
#[tokio::test]
async fn every_filter_and_sort_works() {
    let service = Service::start().await;
    let times = "since=7d&until=2099-01-01";
    let remediation = "name=a&namespace=b&phase=failed&status=success&action_type=c&target_name=d&environment=e\
        &cluster=f&severity=critical&alert_name=g&alert_fingerprint=h&remediation_request_id=i";
    for (kind, filters, sorts) in [
        ("remediation", remediation, &["start_time", "created_at", "duration_ms"][..]),
        ("aianalysis", "remediation_id=1&analysis_type=a&model=m", &["created_at"][..]),
        ("workflow", "remediation_id=1&workflow_name=w&phase=planning&status=pending", &["start_time"][..]),
        (
            "execution",
            "remediation_id=1&action_type=a&target_kind=k&target_name=t&namespace=n&status=failed&dry_run=true",
            &["start_time"][..],
        ),
    ] {
        for filter in filters.split('&').chain(times.split('&')).chain([filters, times]) {
            service.get(&format!("/api/v1/audit/{kind}?{filter}")).await.expect(200);
        }
        for sort in sorts {
            service.get(&format!("/api/v1/audit/{kind}?sort={sort}")).await.expect(200);
            service.get(&format!("/api/v1/audit/{kind}?sort=-{sort}")).await.expect(200);
        }
    }
}

/// F19, F20: a parameter that is wrong or unknown is refused by name.
#[tokio::test]
async fn wrong_parameters_are_refused_by_name() {
    let service = Service::start().await;
    for (query, name) in [
        ("limit=10abc", "limit"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=-1", "limit"),
        ("offset=1e3", "offset"),
        ("offset=100001", "offset"),
        ("since=2026-02-01&until=2026-01-01", "since"),
        ("since=tomorrow", "since"),
        ("since=7y", "since"),
        ("phase=done", "phase"),
        ("sort=name", "sort"),
        ("total=estimate", "total"),
        ("namespce=a", "namespce"),
        ("limit=1&limit=2", "limit"),
    ] {
        let answer = service.get(&format!("/api/v1/audit/remediation?{query}")).await.expect(400);
        assert!(answer.json()["errors"].to_string().contains(name), "{query}: {}", answer.text);
    }
}

/// BR-STORAGE-014: ten thousand records, written over HTTP, are counted exactly.
#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_records_are_counted_exactly() {
    let service = Service::start().await;
    let client = async |client: usize| {
        for n in 0..200 {
            service.remediation(&format!("c{client}-{n}")).await;
        }
    };
    futures_util::future::join_all((0..50).map(client)).await;
    let page = service.get("/api/v1/audit/remediation?limit=1").await.expect(200).json();
    assert_eq!(page["pagination"]["total"], 10_000);
    assert_eq!(page["pagination"]["total_pages"], 10_000);
}
