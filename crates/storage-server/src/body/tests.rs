//! Bodies: what is refused before and while they are read, and what becomes of the budget.

use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::test::TestRequest;
use actix_web::{FromRequest as _, web};
use storage_dualwrite::ByteBudget;
use tokio::time::Instant;

use super::{Body, MediaType, media_type, read};
use crate::problem::ProblemKind;

const LIMIT: u32 = 100;

fn json() -> TestRequest {
    TestRequest::post().insert_header((CONTENT_TYPE, "application/json"))
}

/// Reads the body of a request; `length` is what it announces.
async fn outcome(body: &[u8], length: Option<usize>, budget: &ByteBudget) -> Result<Body, ProblemKind> {
    let mut request = json().set_payload(body.to_vec());
    if let Some(length) = length {
        request = request.insert_header((CONTENT_LENGTH, length));
    }
    let (request, mut payload) = request.to_http_parts();
    let payload = web::Payload::from_request(&request, &mut payload).await.unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut headers = request.headers().clone();
    if length.is_none() {
        headers.remove(CONTENT_LENGTH);
    }
    read(&headers, payload, budget, LIMIT, deadline, &[MediaType::Json])
        .await
        .map_err(|problem| problem.kind())
}

#[actix_web::test]
async fn a_body_takes_its_own_length_from_the_budget() {
    let budget = ByteBudget::new(150);
    for length in [Some(40), None] {
        let body = outcome(&[b'x'; 40], length, &budget).await.unwrap();
        assert_eq!((body.bytes.len(), body.reservation.bytes()), (40, 40), "{length:?}");
        drop(body);
        assert_eq!(budget.free(), 150);
    }
}

#[actix_web::test]
async fn a_body_beyond_the_limit_is_refused_announced_or_not() {
    let budget = ByteBudget::new(1_000);
    assert!(outcome(&[b'x'; 100], Some(100), &budget).await.is_ok());
    for length in [Some(101), None] {
        assert_eq!(outcome(&[b'x'; 101], length, &budget).await.err(), Some(ProblemKind::BodyTooLarge));
    }
    assert_eq!(budget.free(), 1_000);
}

/// BR-STORAGE-015, F44: what does not fit into memory is refused at once and never waited for; what is only announced
/// takes nothing.
#[actix_web::test]
async fn without_room_in_the_budget_a_body_is_refused() {
    let budget = ByteBudget::new(99);
    let taken = budget.reserve(60).unwrap();
    assert!(outcome(b"{}", None, &budget).await.is_ok());
    assert!(outcome(b"{}", Some(90), &budget).await.is_ok());
    assert_eq!(outcome(&[b'x'; 40], Some(40), &budget).await.err(), Some(ProblemKind::Overloaded));
    assert_eq!(outcome(&[b'x'; 40], None, &budget).await.err(), Some(ProblemKind::Overloaded));
    assert_eq!(budget.free(), 39);
    drop(taken);
    assert!(outcome(&[b'x'; 40], Some(40), &budget).await.is_ok());
}

#[actix_web::test]
async fn a_body_that_does_not_arrive_in_time_gives_its_share_back() {
    let budget = ByteBudget::new(1_000);
    let request = json().to_http_request();
    let stalled = futures_util::stream::pending::<Result<_, actix_web::error::PayloadError>>();
    let mut payload: Payload = Payload::Stream { payload: Box::pin(stalled) };
    let payload = web::Payload::from_request(&request, &mut payload).await.unwrap();
    let outcome = read(request.headers(), payload, &budget, LIMIT, Instant::now(), &[MediaType::Json]).await;
    assert_eq!(outcome.err().map(|problem| problem.kind()), Some(ProblemKind::RequestTimeout));
    assert_eq!(budget.free(), 1_000);
}

#[test]
fn only_plain_json_in_utf_8_is_taken() {
    for (sent, encoding, accepted) in [
        (Some("application/json"), None, true),
        (Some("Application/JSON; charset=UTF-8"), None, true),
        (Some("application/json;charset=\"utf-8\""), Some("identity"), true),
        (Some("application/json; charset=latin1"), None, false),
        (Some("application/json"), Some("gzip"), false),
        (Some("application/jsonp"), None, false),
        (Some("text/plain"), None, false),
        (Some("text/plain; application/json"), None, false),
        (None, None, false),
    ] {
        let mut request = TestRequest::post();
        if let Some(sent) = sent {
            request = request.insert_header((CONTENT_TYPE, sent));
        }
        if let Some(encoding) = encoding {
            request = request.insert_header((CONTENT_ENCODING, encoding));
        }
        let outcome = media_type(request.to_http_request().headers(), &[MediaType::Json]);
        assert_eq!(outcome.is_ok(), accepted, "{sent:?} {encoding:?}");
    }
}

/// A route takes what it names, and says what that is.
#[test]
fn each_route_has_its_own_media_types() {
    let batch = [MediaType::Json, MediaType::JsonLines];
    let patch = [MediaType::MergePatch, MediaType::Json];
    for (sent, accepted, found) in [
        ("application/x-ndjson", batch, Some(MediaType::JsonLines)),
        ("application/json; charset=UTF-8", batch, Some(MediaType::Json)),
        ("application/merge-patch+json", batch, None),
        ("application/merge-patch+json", patch, Some(MediaType::MergePatch)),
        ("application/json-patch+json", patch, None),
        ("application/x-ndjson", patch, None),
    ] {
        let request = TestRequest::post().insert_header((CONTENT_TYPE, sent)).to_http_request();
        let outcome = media_type(request.headers(), &accepted);
        assert_eq!(outcome.as_ref().ok().copied(), found, "{sent}");
        if let Err(problem) = outcome {
            assert!(problem.to_string().contains(" or application/"), "{problem}");
        }
    }
}
