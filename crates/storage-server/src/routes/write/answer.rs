//! Answers to writes, made once from what was stored and kept for those who repeat the request.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{ContentType, ETAG, HeaderName, HeaderValue, LOCATION};
use serde::Serialize;
use storage_dualwrite::idempotency::{IdempotencyKey, Keyed, Render, Reply};
use storage_models::{Record, RecordType};

use crate::etag;

/// Says that the answer is that of an earlier request.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// A record as the answer to a write shows it.
#[derive(Serialize)]
struct Stored<'a> {
    #[serde(flatten)]
    record: &'a Record,
    vector_sync: &'static str,
    sanitized_fields: &'a [String],
}

/// Where a record stands with the vector index.
pub(super) const fn vector_sync(record_type: RecordType, is_pending: bool) -> &'static str {
    match record_type {
        RecordType::Remediation if is_pending => "pending",
        RecordType::Remediation => "synced",
        RecordType::AiAnalysis | RecordType::Workflow | RecordType::Execution => "not_indexed",
    }
}

/// The answer for one stored record.
pub(super) fn record(
    status: StatusCode,
    record: &Record,
    vector_sync: &'static str,
    sanitized_fields: &[String],
) -> Reply {
    let location = format!("/api/v1/audit/{}/{}", record.record_type().path(), record.id());
    Reply {
        location: (status == StatusCode::CREATED).then_some(location),
        etag: Some(etag::of(record)),
        ..body(status, &Stored { record, vector_sync, sanitized_fields })
    }
}

/// An answer of nothing but a body.
pub(super) fn body(status: StatusCode, body: &impl Serialize) -> Reply {
    Reply {
        status: i16::try_from(status.as_u16()).unwrap_or_default(),
        location: None,
        etag: None,
        // What is sent consists of strings, numbers and JSON that was parsed, which cannot fail to serialize.
        body: serde_json::to_vec(body).unwrap_or_default(),
    }
}

/// The key of a request together with its answer.
pub(super) fn keyed<T: ?Sized>(key: Option<IdempotencyKey>, render: &Render<T>) -> Option<Keyed<T>> {
    key.map(|key| Keyed { key, render: Render::clone(render) })
}

/// The answer to an earlier request.
pub(super) fn replayed(reply: Reply) -> HttpResponse {
    let mut response = response(reply);
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

/// The answer to this request.
pub(super) fn response(reply: Reply) -> HttpResponse {
    let status = u16::try_from(reply.status).ok().and_then(|status| StatusCode::from_u16(status).ok());
    let mut response = HttpResponse::build(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    response.insert_header(ContentType::json());
    for (name, value) in [(LOCATION, reply.location), (ETAG, reply.etag)] {
        if let Some(value) = value {
            response.insert_header((name, value));
        }
    }
    response.body(reply.body)
}
