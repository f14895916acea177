//! Answers to writes, made once from what was stored and kept for those who repeat the request.

use std::marker::PhantomData;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{ContentType, ETAG, HeaderName, HeaderValue, LOCATION};
use serde::Serialize;
use serde_json::{Value, json};
use storage_dualwrite::idempotency::{IdempotencyKey, Keyed, Render, Reply};
use storage_models::{Record, RecordType};
use storage_validation::Handling;
use utoipa::ToSchema;

use super::altered::{self, AlteredFields};
use super::preference;
use crate::openapi::responses::{Answers, json_body, with_header};
use crate::openapi::{JsonBody, Named, reference};
use crate::routes::answer::{Form, Sent};
use crate::routes::etag;

/// The header of an answer that was given to an earlier request.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// A record as it is stored, and what the service changed in it.
#[derive(Serialize, ToSchema)]
#[schema(bound = "R: Named")]
#[serde(bound = "")]
pub(super) struct Stored<'a, R> {
    #[serde(flatten)]
    #[schema(schema_with = reference::<R>)]
    record: &'a Record,
    vector_sync: VectorSync,
    /// The places that the service cleaned or escaped, as JSON pointers.
    sanitized_fields: &'a [String],
    /// The places that lenient handling changed, as JSON pointers.
    adjusted_fields: &'a [String],
    #[serde(skip)]
    of: PhantomData<R>,
}

impl<R: Named> JsonBody for Stored<'_, R> {
    fn schema_name() -> String {
        format!("Stored{}", R::NAME)
    }

    fn example(of_members: Value) -> Value {
        just_stored::<R>(of_members)
    }
}

/// The example of what was just stored, of which nothing was altered.
pub(super) fn just_stored<R: Named>(mut example: Value) -> Value {
    if let Some(members) = example.as_object_mut() {
        members.insert("vector_sync".to_owned(), json!(vector_sync(R::OF, true)));
        members.insert("sanitized_fields".to_owned(), json!([]));
        members.insert("adjusted_fields".to_owned(), json!([]));
    }
    example
}

/// Whether the vector index has the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum VectorSync {
    Pending,
    Synced,
    NotIndexed,
}

/// Where a record stands with the vector index.
pub(super) const fn vector_sync(record_type: RecordType, is_pending: bool) -> VectorSync {
    match record_type {
        RecordType::Remediation if is_pending => VectorSync::Pending,
        RecordType::Remediation => VectorSync::Synced,
        RecordType::AiAnalysis | RecordType::Workflow | RecordType::Execution => VectorSync::NotIndexed,
    }
}

/// 201 with a record, where it is, and its version.
pub(in crate::routes) struct Created<R>(PhantomData<R>);

impl<R: Named> Form for Created<R> {
    fn answers(about: &str) -> Answers {
        let response = with_header(json_body::<Stored<'static, R>>(about), "Location");
        Answers::new::<Stored<'static, R>>(201, with_header(response, "ETag"))
    }
}

/// 200 with a record as it is now, and its version.
pub(in crate::routes) struct Changed<R>(PhantomData<R>);

impl<R: Named> Form for Changed<R> {
    fn answers(about: &str) -> Answers {
        let response = with_header(json_body::<Stored<'static, R>>(about), "ETag");
        Answers::new::<Stored<'static, R>>(200, response)
    }
}

/// The answer for one stored record.
pub(super) fn record<R>(
    status: StatusCode,
    record: &Record,
    vector_sync: VectorSync,
    altered: &AlteredFields,
) -> Reply {
    let AlteredFields { sanitized: sanitized_fields, adjusted: adjusted_fields } = altered;
    let location = format!("/api/v1/audit/{}/{}", record.record_type().path(), record.id());
    Reply {
        location: (status == StatusCode::CREATED).then_some(location),
        etag: Some(etag::of(record)),
        ..body(
            status,
            &Stored::<R> { record, vector_sync, sanitized_fields, adjusted_fields, of: PhantomData },
        )
    }
}

/// An answer of nothing but a body.
pub(super) fn body(status: StatusCode, body: &impl Serialize) -> Reply {
    Reply {
        status: i16::try_from(status.as_u16()).unwrap_or_default(),
        location: None,
        etag: None,
        // The body consists of strings, numbers and parsed JSON, which cannot fail to serialize.
        body: serde_json::to_vec(body).unwrap_or_default(),
    }
}

/// The key of a request together with its answer.
pub(super) fn keyed<T: ?Sized>(key: Option<IdempotencyKey>, render: &Render<T>) -> Option<Keyed<T>> {
    key.map(|key| Keyed { key, render: Render::clone(render) })
}

/// The answer to an earlier request.
pub(super) fn replayed<F>(reply: Reply) -> Sent<F> {
    let is_adjusted = altered::tells_of_adjustments(&reply.body);
    let mut response = response(reply);
    if is_adjusted {
        preference::tell_handling(&mut response, Handling::Lenient);
    }
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    Sent::of(response)
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
