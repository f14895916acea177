//! The largest records that can be stored, in the largest answers that can be asked for: bounded in bytes as in rows, and
//! nothing is left out without a word.

use std::collections::HashSet;
use std::net::IpAddr;

use diesel_async::SimpleAsyncConnection as _;
use futures_util::future::join_all;
use reqwest::header::LINK;
use serde_json::Value;
use storage_testkit::{STORE_WORDS, ServiceOptions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;

use crate::support::{Answer, Service, eventually, options};

/// Remediations of 256 KiB of metadata and an error message of 64 KiB that takes five times as much escaped, each.
const RECORDS: i64 = 200;

/// Megabytes that a service may have in memory at most, whatever large answers are asked for at a time.
const MEMORY: u64 = 400;

/// A service with [`RECORDS`] large remediations, the first of which has as many large analyses.
async fn service(options: ServiceOptions) -> Service {
    let service = Service::with(options).await;
    let fill = format!(
        "INSERT INTO remediation_audit (name, namespace, phase, action_type, start_time, error_message, metadata) \
         SELECT 'large-' || n, 'large', 'processing', 'restart-pod', now() - make_interval(mins => n), \
                repeat('e', 5 * 65536), jsonb_build_object('m', repeat('m', 262144 - 16)) \
         FROM generate_series(1, {RECORDS}) AS n; \
         {STORE_WORDS}; \
         INSERT INTO ai_analysis_audit (remediation_id, analysis_type, confidence, recommendation, reasoning, model, timestamp) \
         SELECT (SELECT min(id) FROM remediation_audit), 'root-cause', 0.5, repeat('r', 5 * 65536), repeat('s', 5 * 65536), 'm', \
                now() - make_interval(mins => n) \
         FROM generate_series(1, {RECORDS}) AS n"
    );
    service.database.connect().await.unwrap().batch_execute(&fill).await.unwrap();
    service.process.take_peak_memory().unwrap();
    service
}

fn ids(page: &Value) -> Vec<i64> {
    page["data"].as_array().unwrap().iter().map(|record| record["id"].as_i64().unwrap()).collect()
}

/// F41: a page ends before its limit when its records are large, says so, and its cursor leads on to all others.
#[tokio::test]
async fn pages_of_large_records_are_cut_and_their_cursors_lead_to_every_record() {
    let service = service(options()).await;
    for path in
        ["/api/v1/audit/remediation?", "/api/v1/incidents?", "/api/v1/audit/remediation?sort=created_at&"]
    {
        let mut seen = Vec::new();
        let mut next = format!("{path}limit=1000");
        loop {
            let answer = service.get(&next).await.expect(200);
            let page = answer.json();
            let pagination = &page["pagination"];
            seen.extend(ids(&page));
            assert_eq!(pagination["total"], RECORDS);
            if pagination["has_more"] == false {
                assert_eq!(pagination["truncated"], Value::Null);
                break;
            }
            assert_eq!(pagination["truncated"], true, "{pagination}");
            assert!(ids(&page).len() >= 5, "{pagination}");
            let cursor = pagination["next_cursor"].as_str().unwrap();
            assert!(
                answer.headers[LINK].to_str().unwrap().contains(cursor),
                "the link leads on as the cursor does"
            );
            next = format!("{path}limit=1000&cursor={cursor}");
        }
        assert_eq!(i64::try_from(seen.len()).unwrap(), RECORDS, "{path}");
        assert_eq!(seen.iter().collect::<HashSet<_>>().len(), seen.len(), "{path}");
    }
    let few = service.get("/api/v1/audit/remediation?limit=5").await.expect(200).json();
    assert_eq!((ids(&few).len(), &few["pagination"]["truncated"]), (5, &Value::Null));
}

/// F41: an export of large records is complete.
#[tokio::test]
async fn an_export_of_large_records_is_complete() {
    let service = service(options()).await;
    let lines = service.get("/api/v1/audit/remediation/export?format=ndjson").await.expect(200).text;
    let ids: HashSet<i64> = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].as_i64().unwrap())
        .collect();
    assert_eq!(i64::try_from(ids.len()).unwrap(), RECORDS);
}

/// F41: a timeline of large events has the earliest of them, and says that later ones were left out.
#[tokio::test]
async fn a_timeline_of_large_events_has_the_earliest() {
    let service = service(options()).await;
    let first = service.count("SELECT min(id) AS n FROM remediation_audit").await;
    let timeline =
        service.get(&format!("/api/v1/audit/remediation/{first}/timeline")).await.expect(200).json();
    let events = timeline["events"].as_array().unwrap();
    assert!((5..usize::try_from(RECORDS).unwrap()).contains(&events.len()), "{} events", events.len());
    assert_eq!(timeline["truncated"], true);
    let times: Vec<&str> =
        events.iter().map(|event| event["record"]["timestamp"].as_str().unwrap()).collect();
    let all =
        service.get(&format!("/api/v1/audit/aianalysis?remediation_id={first}&limit=1")).await.expect(200);
    assert_eq!(all.json()["pagination"]["total"], RECORDS);
    assert!(times.is_sorted());
    let newest = all.json()["data"][0]["timestamp"].as_str().unwrap().to_owned();
    assert!(!times.contains(&newest.as_str()), "the newest is among those left out");
}

/// F41: a search among large records gives the best of them, by words and by meaning.
#[tokio::test]
async fn a_search_among_large_records_gives_the_best_and_says_that_more_were_left_out() {
    let service = service(options()).await;
    for mode in ["lexical", "hybrid"] {
        let path = format!("/api/v1/audit/search?q=restart-pod&mode={mode}&limit=100");
        let found = service.get(&path).await.expect(200).json();
        let hits = found["data"].as_array().unwrap();
        assert!((5..100).contains(&hits.len()), "{mode}: {} hits", hits.len());
        assert_eq!(found["truncated"], true, "{mode}");
    }
}

/// F41: as many of the largest answers at a time as there are connections for, twice over.
#[tokio::test(flavor = "multi_thread")]
async fn the_largest_answers_at_a_time_keep_within_memory() {
    let service = service(options()).await;
    let paths =
        ["/api/v1/audit/remediation?limit=1000", "/api/v1/audit/search?q=restart-pod&mode=lexical&limit=100"];
    let asked = join_all(paths.iter().cycle().take(24).map(|path| service.get(path))).await;
    let statuses: HashSet<u16> = asked.iter().map(|answer| answer.status.as_u16()).collect();
    assert!(statuses.contains(&200) && statuses.is_subset(&HashSet::from([200, 503])), "{statuses:?}");
    let peak = service.process.take_peak_memory().unwrap() >> 20;
    assert!(peak < MEMORY, "{peak} MiB");
}

/// F41, F45: a caller who asks for the largest pages and takes nothing of them is bounded in memory, and small reads go on,
/// as do another caller's large ones.
#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_not_taken_are_bounded_and_small_reads_go_on() {
    let service = service(options()).await;
    let url = service.process.url();
    let address = url.strip_prefix("http://").unwrap();
    let ask = async |_| {
        let socket = TcpSocket::new_v4().unwrap();
        // Else the kernel takes a page whole for the client.
        socket.set_recv_buffer_size(4_096).unwrap();
        let mut stream = socket.connect(address.parse().unwrap()).await.unwrap();
        let request = b"GET /api/v1/audit/remediation?limit=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let mut status = [0; 12];
        stream.read_exact(&mut status).await.unwrap();
        (stream, String::from_utf8_lossy(&status).into_owned())
    };
    let mut held = Vec::new();
    for round in 0..8 {
        held.extend(join_all((0..8).map(|n| ask(round * 8 + n))).await);
    }
    let refused = held.iter().filter(|(_, status)| status.ends_with("503")).count();
    assert!(refused > 0 && refused < held.len(), "{refused} of {}", held.len());
    service.get("/api/v1/audit/workflow").await.expect(200);
    let other = reqwest::Client::builder().local_address(IpAddr::from([127, 0, 0, 2])).build().unwrap();
    let page = other.get(format!("{url}/api/v1/audit/remediation?limit=1000")).send().await.unwrap();
    Answer::of(page).await.expect(200);
    let peak = service.process.take_peak_memory().unwrap() >> 20;
    assert!(peak < MEMORY, "{peak} MiB");

    drop(held);
    eventually("large answers are given again", async || {
        let answer: Answer = service.get("/api/v1/audit/remediation?limit=1000").await;
        answer.status == 200
    })
    .await;
}
