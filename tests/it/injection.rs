//! Injection strings through every field and parameter: stored inert or refused, and the tables stay.

use serde_json::json;

use crate::support::{Service, remediation};

const STRINGS: &[&str] = &[
    "'; DROP TABLE remediation_audit; --",
    "' OR '1'='1",
    "1; DELETE FROM remediation_audit",
    "\\'; TRUNCATE vector_outbox; --",
    "$1",
    "{}",
    "%s%n",
    "a\u{2019} OR 1=1",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "javascript:alert(1)",
    "${jndi:ldap://x}",
    "{{7*7}}",
    "../../etc/passwd",
    "a,b\\,c",
    "\u{FEFF}x",
];

/// BR-STORAGE-011: no stored text can act as SQL or markup; no parameter can either.
#[tokio::test]
async fn nothing_acts_as_sql_or_markup() {
    let service = Service::start().await;
    for string in STRINGS {
        for field in
            ["name", "namespace", "action_type", "target_name", "cluster", "alert_name", "error_message"]
        {
            let mut body = remediation("a");
            body[field] = json!(string);
            let answer = service.post("remediation", &body).await;
            assert!(answer.status == 201 || answer.status == 400, "{field}: {answer:?}");
            let stored = answer.json()[field].to_string();
            // A handler without a tag to stand in is a word; free text keeps its tags but none that acts.
            assert!(!stored.contains("<script"), "{field}: {stored}");
            assert!(!(stored.contains('<') && stored.contains("onerror")), "{field}: {stored}");
        }
        for parameter in ["name", "namespace", "cluster", "since", "sort", "limit", "q", "nonsense"] {
            let url = format!("{}/api/v1/audit/remediation", service.process.url());
            let status = service.client.get(url).query(&[(parameter, string)]).send().await.unwrap().status();
            assert!(status == 200 || status == 400, "{parameter}={string}: {status}");
        }
        let url = format!("{}/api/v1/audit/search", service.process.url());
        let status = service.client.get(url).query(&[("q", string)]).send().await.unwrap().status();
        assert!(status == 200 || status == 400, "q={string}: {status}");
    }
    assert!(service.count("SELECT count(*) AS n FROM remediation_audit").await > 50);
    assert_eq!(
        service
            .count("SELECT count(*) AS n FROM information_schema.tables WHERE table_name = 'vector_outbox'")
            .await,
        1
    );
}
