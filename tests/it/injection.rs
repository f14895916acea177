//! Injection strings through every field of a record: stored inert or refused. What reads do with them is shown in
//! `read_routes/`.

use futures_util::StreamExt as _;
use serde_json::json;

use crate::read_routes::injection::strings;
use crate::support::{Service, remediation};

const FIELDS: [&str; 7] =
    ["name", "namespace", "action_type", "target_name", "cluster", "alert_name", "error_message"];

/// BR-STORAGE-011: no stored text can act as SQL or markup.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_stored_acts_as_sql_or_markup() {
    let service = Service::start().await;
    let strings = strings();
    let writes = strings.iter().flat_map(|string| FIELDS.map(|field| (string, field)));
    let stored: Vec<bool> = futures_util::stream::iter(writes)
        .map(async |(string, field)| {
            let mut body = remediation("a");
            body[field] = json!(string);
            let answer = service.post("remediation", &body).await;
            assert!(answer.status == 201 || answer.status == 400, "{field}: {answer:?}");
            let stored = answer.json()[field].to_string();
            // A handler without a tag to stand in is a word; free text in which one would act has no tags at all.
            assert!(!stored.contains("<script"), "{field}: {stored}");
            assert!(!(stored.contains('<') && stored.contains("onerror")), "{field}: {stored}");
            answer.status == 201
        })
        .buffer_unordered(16)
        .collect()
        .await;
    let count = stored.iter().filter(|is_stored| **is_stored).count();
    assert!(count > 1_000, "{count} of {}", stored.len());
    let found = service.count("SELECT count(*) AS n FROM remediation_audit").await;
    assert_eq!(usize::try_from(found).unwrap(), count);
}
