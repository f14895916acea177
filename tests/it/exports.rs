//! Exports: everything that matches, in whole, in constant memory.

use std::io::Read as _;

use diesel_async::SimpleAsyncConnection as _;
use flate2::read::GzDecoder;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, PATIENCE, Service};

const EXPORT: &str = "/api/v1/audit/remediation/export";

/// Stores so many remediations past the service, five seconds apart from the beginning of 2026: a third in each
/// namespace, every seventh with metadata, and every fifth text such as spreadsheets run.
pub(crate) async fn seed(service: &Service, count: u32) {
    let sql = format!(
        "SELECT ensure_audit_partition('remediation_audit', month)
         FROM unnest(ARRAY['2026-01-01', '2026-02-01', '2026-03-01']::date[]) AS month;
         INSERT INTO remediation_audit (name, namespace, phase, action_type, start_time, end_time, error_message, metadata)
         SELECT 'r-' || n, 'ns-' || n % 3, 'failed', 'restart-pod', at, at + n % 50 * interval '1 s',
             CASE WHEN n % 5 = 0 THEN '=cmd(\"' || n || '\")' END,
             CASE WHEN n % 7 = 0 THEN jsonb_build_object('team', 'red, ' || n, 'n', 9007199254740993) END
         FROM generate_series(1, {count}) AS n,
             LATERAL (SELECT '2026-01-01T00:00:00Z'::timestamptz + n * interval '5 s') AS t(at)"
    );
    service.database.connect().await.unwrap().batch_execute(&sql).await.unwrap();
}

/// The JSON of every record that the list has, as its pages have it.
async fn listed(service: &Service, parameters: &str) -> Vec<Value> {
    let mut records = Vec::new();
    loop {
        let path =
            format!("/api/v1/audit/remediation?limit=1000&total=none&offset={}{parameters}", records.len());
        let page = service.get(&path).await.expect(200).json();
        records.extend(page["data"].as_array().unwrap().iter().cloned());
        if page["pagination"]["has_more"] == false {
            return records;
        }
    }
}

async fn exported(service: &Service, parameters: &str) -> Answer {
    service.get(&format!("{EXPORT}?{parameters}")).await.expect(200)
}

fn lines(text: &str) -> Vec<Value> {
    assert!(text.is_empty() || text.ends_with('\n'), "the last line has no end");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Every match once, as the list has it, in its order, whatever the filter: over the ends of the chunks, and none.
#[tokio::test]
async fn an_export_has_what_all_pages_of_the_list_have() {
    let service = Service::start().await;
    seed(&service, 2_500).await;
    for (parameters, count) in [
        ("", 2_500),
        ("&namespace=ns-1,ns-2&sort=start_time", 1_667),
        ("&since=2026-01-01T01:00:00Z&until=2026-01-01T02:00:00Z&sort=-duration_ms", 720),
        ("&metadata.n=9007199254740993", 357),
        ("&namespace=none", 0),
    ] {
        let answer = exported(&service, parameters).await;
        assert_eq!(answer.header("Content-Type"), "application/x-ndjson");
        assert_eq!(answer.header("Content-Disposition"), "attachment; filename=\"remediation.ndjson\"");
        let records = lines(&answer.text);
        assert_eq!(records.len(), count, "{parameters}");
        assert_eq!(records, listed(&service, parameters).await, "{parameters}");
    }
}

#[tokio::test]
async fn an_export_as_csv_has_the_same_records_and_runs_in_no_spreadsheet() {
    let service = Service::start().await;
    seed(&service, 1_200).await;
    let answer = exported(&service, "format=csv&sort=start_time").await;
    assert_eq!(answer.header("Content-Type"), "text/csv; charset=utf-8; header=present");
    assert_eq!(answer.header("Content-Disposition"), "attachment; filename=\"remediation.csv\"");
    let rows: Vec<&str> = answer.text.split_terminator("\r\n").collect();
    assert_eq!(rows.len(), 1_201);
    assert!(rows[0].starts_with("id,name,namespace,phase,action_type,"), "{}", rows[0]);
    let records = listed(&service, "&sort=start_time").await;
    for (row, record) in rows[1..].iter().zip(&records) {
        let begin = format!("{},{},", record["id"], record["name"].as_str().unwrap());
        assert!(row.starts_with(&begin), "{row} is not {record}");
    }
    assert!(rows[5].contains(",\"'=cmd(\"\"5\"\")\","), "{}", rows[5]);
    assert!(
        rows[7].contains(",\"{\"\"n\"\": 9007199254740993, \"\"team\"\": \"\"red, 7\"\"}\","),
        "{}",
        rows[7]
    );
    let none = exported(&service, "format=csv&namespace=none").await;
    assert_eq!(none.text.matches("\r\n").count(), 1, "the header alone: {}", none.text);
}

/// What is compressed, and what the answer says of it; the same bytes come out.
#[tokio::test]
async fn answers_are_compressed_for_whoever_asks() {
    let service = Service::start().await;
    seed(&service, 2_500).await;
    let plain = exported(&service, "").await;
    assert_eq!(plain.header("Vary"), "Accept-Encoding");
    assert!(!plain.headers.contains_key("Content-Encoding"));
    let url = |path: &str| format!("{}{path}", service.process.url());
    let asking = async |path: &str, encodings: &str| {
        service.client.get(url(path)).header("Accept-Encoding", encodings).send().await.unwrap()
    };
    let packed = asking(EXPORT, "gzip").await;
    assert_eq!(
        (&packed.headers()["Content-Encoding"], &packed.headers()["Vary"]),
        (&"gzip".parse().unwrap(), &"Accept-Encoding".parse().unwrap())
    );
    let packed = packed.bytes().await.unwrap();
    assert!(packed.len() * 5 < plain.text.len(), "{} of {} bytes", packed.len(), plain.text.len());
    let mut unpacked = String::new();
    GzDecoder::new(&packed[..]).read_to_string(&mut unpacked).unwrap();
    assert_eq!(unpacked, plain.text);

    let id = service.get("/api/v1/audit/remediation?limit=1").await.json()["data"][0]["id"].clone();
    let one = format!("/api/v1/audit/remediation/{id}");
    let (plain, packed) = (asking(&one, "identity").await, asking(&one, "br, gzip;q=0.5").await);
    assert_eq!(packed.headers()["Content-Encoding"], "gzip");
    assert_eq!(plain.headers()["ETag"], packed.headers()["ETag"], "the tag is the record's");
    let refused = Answer::of(asking(EXPORT, "br, identity;q=0").await).await.expect(406);
    assert_eq!(refused.json()["type"], "/problems/not-acceptable");
}

#[tokio::test]
async fn head_tells_what_get_would_and_reads_nothing() {
    let service = Service::start().await;
    let answer = service.send(Method::HEAD, &format!("{EXPORT}?format=csv")).await.expect(200);
    assert_eq!(answer.header("Content-Type"), "text/csv; charset=utf-8; header=present");
    service.send(Method::POST, EXPORT).await.expect(405);
    service.send(Method::HEAD, &format!("{EXPORT}?format=xml")).await.expect(400);
}

/// Reads an export to its end without keeping it: how many lines, how many bytes.
async fn drained(service: &Service, parameters: &str) -> (usize, usize) {
    let url = format!("{}{EXPORT}?{parameters}", service.process.url());
    let request = service.client.get(url).timeout(10 * PATIENCE);
    let mut response = request.send().await.unwrap().error_for_status().unwrap();
    let (mut lines, mut bytes) = (0, 0);
    while let Some(chunk) = response.chunk().await.unwrap() {
        lines += chunk.iter().filter(|byte| **byte == b'\n').count();
        bytes += chunk.len();
    }
    (lines, bytes)
}

/// Two hundred thousand records, four times what may be taken besides, go through the memory that twenty thousand take, and
/// what an allocator keeps of its own in a few seconds.
#[tokio::test(flavor = "multi_thread")]
async fn an_export_of_ten_times_the_records_takes_the_same_memory() {
    let service = Service::start().await;
    seed(&service, 200_000).await;
    let few = "since=2026-01-01&until=2026-01-02T03:46:40Z";
    assert_eq!(drained(&service, few).await.0, 19_999);
    let before = service.process.take_peak_memory().unwrap();
    assert_eq!(drained(&service, few).await.0, 19_999);
    let few = service.process.take_peak_memory().unwrap();
    let (lines, bytes) = drained(&service, "").await;
    let all = service.process.take_peak_memory().unwrap();
    assert_eq!(lines, 200_000);
    assert!(bytes > 60_000_000, "{bytes}");
    println!("peaks: {before} kB with the start, {few} kB for 20,000 records, {all} kB for {bytes} bytes");
    assert!(all < few + (16 << 20), "{few} bytes for 20,000 records, {all} for 200,000");
}

/// F72: every type can be exported, with the filters of its list, as the list has its records.
#[tokio::test]
async fn every_type_can_be_exported() {
    let service = Service::start().await;
    let parent = service.remediation("parent").await;
    for (kind, record, filter) in [
        (
            "aianalysis",
            json!({ "remediation_id": parent, "analysis_type": "root-cause", "confidence": 0.5,
                    "recommendation": "=Wait(1)", "model": "m" }),
            "model=m",
        ),
        (
            "workflow",
            json!({ "remediation_id": parent, "workflow_name": "drain, then wait", "phase": "planning",
                    "step_count": 1 }),
            "workflow_name.prefix=drain",
        ),
        (
            "execution",
            json!({ "remediation_id": parent, "action_type": "delete-pod", "target_kind": "Pod",
                    "target_name": "checkout" }),
            "dry_run=false&namespace.null=true",
        ),
    ] {
        service.post(kind, &record).await.expect(201);
        let path = format!("/api/v1/audit/{kind}");
        let listed = service.get(&path).await.expect(200).json();
        let export = service.get(&format!("{path}/export?{filter}")).await.expect(200);
        assert_eq!(export.header("Content-Disposition"), format!("attachment; filename=\"{kind}.ndjson\""));
        assert_eq!(lines(&export.text), *listed["data"].as_array().unwrap(), "{kind}");
        let csv = service.get(&format!("{path}/export?format=csv&bom=true")).await.expect(200);
        let (header, row) = csv.text.split_once("\r\n").unwrap();
        let names: Vec<&str> = header.strip_prefix('\u{feff}').unwrap().split(',').collect();
        let record = listed["data"][0].as_object().unwrap();
        assert!(
            names.len() == record.len() && names.iter().all(|name| record.contains_key(*name)),
            "{names:?}"
        );
        assert!(row.starts_with(&format!("{},{parent},", record["id"])), "{row}");
        let none = service.get(&format!("{path}/export?recorded_by=nobody")).await.expect(200);
        assert_eq!(none.text, "", "{kind}");
    }
}
