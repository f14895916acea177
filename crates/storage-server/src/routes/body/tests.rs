//! Bodies: what is refused before and while they are read, and what becomes of the budget.

use std::io::Write as _;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::test::TestRequest;
use actix_web::{FromRequest as _, web};
use flate2::Compression;
use flate2::write::GzEncoder;
use storage_dualwrite::ByteBudget;
use tokio::time::Instant;

use super::room::{Coding, Sink};
use super::{MediaType, ReceivedBody, coding, media_type, read};
use crate::problem::ProblemKind;

const LIMIT: u32 = 100;

fn json() -> TestRequest {
    TestRequest::post().insert_header((CONTENT_TYPE, "application/json"))
}

/// Reads the body of a request; `length` is what it announces.
async fn outcome(
    body: &[u8],
    length: Option<usize>,
    budget: &ByteBudget,
) -> Result<ReceivedBody, ProblemKind> {
    sent(json(), body, length, budget).await
}

/// As [`outcome`], of a body that says that it is gzip.
async fn outcome_of_gzip(body: &[u8], budget: &ByteBudget) -> Result<ReceivedBody, ProblemKind> {
    sent(json().insert_header((CONTENT_ENCODING, "gzip")), body, Some(body.len()), budget).await
}

async fn sent(
    request: TestRequest,
    body: &[u8],
    length: Option<usize>,
    budget: &ByteBudget,
) -> Result<ReceivedBody, ProblemKind> {
    let mut request = request.set_payload(body.to_vec());
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

fn packed(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

/// F72: what counts is what comes out, for the limit and for the budget.
#[actix_web::test]
async fn a_packed_body_takes_what_it_unpacks_to() {
    let budget = ByteBudget::new(150);
    let body = outcome_of_gzip(&packed(&[b'x'; 100]), &budget).await.unwrap();
    assert_eq!((&body.bytes[..], body.reservation.bytes()), (&[b'x'; 100][..], 100));
    assert_eq!(outcome_of_gzip(&packed(&[b'x'; 60]), &budget).await.err(), Some(ProblemKind::Overloaded));
    drop(body);
    assert_eq!(outcome_of_gzip(&packed(&[b'x'; 101]), &budget).await.err(), Some(ProblemKind::BodyTooLarge));
    let two = [packed(b"{\"a\":"), packed(b"1}")].concat();
    assert_eq!(outcome_of_gzip(&two, &budget).await.unwrap().bytes, "{\"a\":1}");
    let whole = packed(b"{}");
    for broken in [&whole[..whole.len() - 1], b"{}", b"", &[&whole[..], b"{}"].concat()] {
        assert_eq!(outcome_of_gzip(broken, &budget).await.err(), Some(ProblemKind::BadRequest), "{broken:?}");
    }
    assert_eq!(budget.free(), 150);
}

/// F72: a bomb is refused while it is unpacked: no more of it comes out than there is room for, and a little.
#[actix_web::test]
async fn a_bomb_is_refused_while_it_is_unpacked() {
    let bomb = packed(&vec![b' '; 64 << 20]);
    assert!(bomb.len() < 70_000, "{}", bomb.len());
    let budget = ByteBudget::new(1 << 20);
    let mut sink = Sink::new(Coding::Gzip, 1 << 19, bomb.len(), &budget).unwrap();
    assert_eq!(sink.push(&bomb).err().map(|problem| problem.kind()), Some(ProblemKind::BodyTooLarge));
    assert!(budget.free() >= 1 << 19);
    drop(sink);
    assert_eq!(budget.free(), 1 << 20);
}

/// F72: a byte order mark is no part of the text; within a text it is one.
#[actix_web::test]
async fn a_byte_order_mark_is_skipped() {
    let budget = ByteBudget::new(1_000);
    let marked = "\u{feff}{}".as_bytes();
    assert_eq!(outcome(marked, None, &budget).await.unwrap().bytes, "{}");
    assert_eq!(outcome_of_gzip(&packed(marked), &budget).await.unwrap().bytes, "{}");
    let twice = outcome("\u{feff}\u{feff}{}".as_bytes(), None, &budget).await.unwrap();
    assert_eq!(twice.bytes, "\u{feff}{}");
}

#[test]
fn only_json_in_utf_8_is_taken_plain_or_as_gzip() {
    for (sent, encoding, accepted) in [
        (Some("application/json"), None, true),
        (Some("Application/JSON; charset=UTF-8"), None, true),
        (Some("application/json;charset=\"utf-8\""), Some("identity"), true),
        (Some("application/json; charset=latin1"), None, false),
        (Some("application/json"), Some("gzip"), true),
        (Some("application/json"), Some("X-GZIP"), true),
        (Some("application/json"), Some("br"), false),
        (Some("application/json"), Some("gzip, gzip"), false),
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
        let request = request.to_http_request();
        let outcome = media_type(request.headers(), &[MediaType::Json]).and(coding(request.headers()));
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
        ("application/ndjson; charset=utf-8", batch, Some(MediaType::JsonLines)),
        ("Application/JSONL", batch, Some(MediaType::JsonLines)),
        ("application/jsonl", patch, None),
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
