//! F29: values come back equal.

use serde_json::value::RawValue;

use crate::support::{Service, remediation};

/// F29: numbers of any size keep their value on the way through the database.
#[tokio::test]
async fn numbers_in_metadata_keep_their_value() {
    let service = Service::start().await;
    for number in [
        "9007199254740993",
        "-9223372036854775808",
        "18446744073709551616",
        "123456789012345678901234567890",
        "0.1",
        "0.30000000000000004",
        "3.141592653589793238462643383279",
        "-0.5",
    ] {
        let body = format!(
            r#"{{"name":"a","namespace":"n","phase":"pending","action_type":"t","metadata":{{"n":{number}}}}}"#
        );
        let written = service.post_text("remediation", body).await.expect(201);
        let id = written.json()["id"].as_i64().unwrap();
        let read = service.get(&format!("/api/v1/audit/remediation/{id}")).await.expect(200);
        assert_eq!(number_in(&read.text), number);
        assert_eq!(number_in(&written.text), number);
    }
}

/// F41: metadata is as large as what every reader gets: numbers count with all their digits, and are answered so.
#[tokio::test]
async fn metadata_is_no_larger_when_it_is_read_than_when_it_was_judged() {
    let service = Service::start().await;
    let body = |count: usize| {
        let numbers = vec!["1e308"; count].join(",");
        format!(
            r#"{{"name":"a","namespace":"n","phase":"pending","action_type":"t","metadata":{{"n":[{numbers}]}}}}"#
        )
    };
    let id = service.post_text("remediation", body(842)).await.expect(201).json()["id"].clone();
    let read = service.get(&format!("/api/v1/audit/remediation/{id}")).await.expect(200);
    let metadata =
        service.count("SELECT max(octet_length(metadata::text))::bigint AS n FROM remediation_audit").await;
    assert_eq!(metadata, 842 * 311 - 2 + 9);
    assert!(read.text.len() < 263 * 1024, "{}", read.text.len());
    assert!(number_in(&read.text).starts_with(&format!("[1{}", "0".repeat(308))));
    let problem = service.post_text("remediation", body(843)).await.expect(400).json();
    let message = "metadata has 262180 bytes when stored; the limit is 262144";
    assert_eq!(problem["errors"][0]["message"], message);
}

/// The literal of `metadata.n`, unparsed.
fn number_in(body: &str) -> String {
    type Object<'a> = std::collections::HashMap<String, &'a RawValue>;
    let record: Object<'_> = serde_json::from_str(body).unwrap();
    let metadata: Object<'_> = serde_json::from_str(record["metadata"].get()).unwrap();
    metadata["n"].get().to_owned()
}

/// F29: timestamps are cut to microseconds, not rounded, and written in UTC.
#[tokio::test]
async fn timestamps_are_cut_and_in_utc() {
    let service = Service::start().await;
    for (sent, stored) in [
        ("2026-01-02T03:04:05.123456999Z", "2026-01-02T03:04:05.123456Z"),
        ("2026-01-02T03:04:05+02:30", "2026-01-02T00:34:05.000000Z"),
        ("2025-12-31T23:59:59.9999999-00:30", "2026-01-01T00:29:59.999999Z"),
    ] {
        let mut body = remediation("a");
        body["start_time"] = sent.into();
        let written = service.post("remediation", &body).await.expect(201).json();
        assert_eq!(written["start_time"], stored);
        let read =
            service.get(&format!("/api/v1/audit/remediation/{}", written["id"])).await.expect(200).json();
        assert_eq!(read["start_time"], stored);
    }
}
