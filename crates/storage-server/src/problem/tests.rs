//! Problem documents: what they look like, and that each cause has the right one.

use std::collections::BTreeSet;

use actix_web::body::MessageBody as _;
use storage_dualwrite::{ConnectError, WriteError};
use storage_models::{ErrorCode, Json, Receipt, RecordType, Timestamp};
use storage_validation::Handling;

use super::{Problem, ProblemKind, page, reference};
use crate::store::edge::ReadError;

fn rendered(problem: &Problem) -> String {
    let response = problem.render("id-1");
    let mut headers: Vec<_> = response
        .headers()
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    headers.sort();
    let status = response.status().as_u16();
    let body = response.into_body().try_into_bytes().unwrap();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    format!("{status}\n{}\n{body:#}", headers.join("\n"))
}

#[test]
fn a_validation_failure_names_every_field() {
    let parsed = Json::parse(br#"{"name": "", "phase": "x", "nmae": 1}"#).unwrap();
    let receipt = Receipt { at: Timestamp::now(), recorded_by: "operator".to_owned(), correlation_id: None };
    let invalid =
        storage_validation::record(RecordType::Remediation, parsed, &receipt, Handling::Strict).unwrap_err();
    insta::assert_snapshot!("validation_failed", rendered(&invalid.into()));
}

#[test]
fn other_documents_are_as_documented() {
    let malformed = Json::parse(b"{\n  \"name\": }").unwrap_err();
    let documents = [
        Problem::from(malformed),
        Problem::from(WriteError::ParentNotFound(7)),
        Problem::from(WriteError::QueueFull),
        Problem::method_not_allowed("GET, HEAD"),
    ];
    insta::assert_snapshot!("others", documents.iter().map(rendered).collect::<Vec<_>>().join("\n\n"));
}

/// BR-STORAGE-017: one table from causes to statuses.
#[test]
fn every_cause_has_its_status() {
    for (code, status) in [
        (ErrorCode::Invalid, 400),
        (ErrorCode::NotFound, 404),
        (ErrorCode::Conflict, 409),
        (ErrorCode::Stale, 412),
        (ErrorCode::KeyReused, 422),
        (ErrorCode::KeyInFlight, 409),
        (ErrorCode::Overloaded, 503),
        (ErrorCode::DeadlinePassed, 503),
        (ErrorCode::Unavailable, 503),
        (ErrorCode::Stopping, 503),
        (ErrorCode::OutcomeUnknown, 503),
        (ErrorCode::Internal, 500),
    ] {
        assert_eq!(ProblemKind::from(code).status(), status, "{code:?}");
    }
}

/// F18: whatever happened beneath, the answer holds a fixed sentence.
#[test]
fn the_cause_of_a_5xx_is_in_no_answer() {
    let secret = "relation remediation_audit_2026_01 on 10.0.0.7";
    let connect = ConnectError::Session(diesel::result::Error::QueryBuilderError(secret.into()));
    for problem in [
        Problem::from(WriteError::Refused(secret.to_owned())),
        Problem::from(ReadError::Connect(connect)),
        Problem::from(ReadError::Encoding(serde_json::Error::io(std::io::Error::other(secret)))),
    ] {
        let text = rendered(&problem);
        assert!(text.contains(problem.kind().detail()), "{text}");
        assert!(!text.contains("10.0.0.7"), "{text}");
    }
}

#[test]
fn every_kind_has_a_page_under_its_own_path() {
    let paths: BTreeSet<String> = ProblemKind::ALL.iter().map(|kind| kind.path()).collect();
    assert_eq!(paths.len(), ProblemKind::ALL.len());
    for kind in ProblemKind::ALL {
        assert!(kind.slug().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{kind:?}");
        assert!(page(*kind).contains(kind.remedy()), "{kind:?}");
        let passes_by_itself = matches!(kind.status(), 429 | 503) || *kind == ProblemKind::KeyInFlight;
        assert_eq!(kind.retry_after().is_some(), passes_by_itself, "{kind:?}");
    }
}

#[test]
fn the_reference_in_docs_is_not_stale() {
    crate::documents::assert_current("problems.md", &reference());
}
