//! Compressed answers for clients that accept them.
//!
//! actix's own middleware compresses. This middleware runs before it and adds what it lacks: `Vary: Accept-Encoding` on
//! uncompressed answers too, and a problem if no encoding is acceptable. Problems are never compressed. An entity tag
//! is that of the record in any encoding.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{AcceptEncoding, Encoding, HeaderValue, VARY};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _};

use crate::problem::{Problem, ProblemKind};

/// The encodings to choose from.
pub(crate) const ENCODINGS: [Encoding; 3] = [Encoding::identity(), Encoding::gzip(), Encoding::deflate()];

/// Refuses what cannot be encoded acceptably, and marks the answers of handlers.
pub(crate) async fn negotiate<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let accepted = request.get_header::<AcceptEncoding>();
    if accepted.is_some_and(|accepted| accepted.negotiate(ENCODINGS.iter()).is_none()) {
        return Ok(request.error_response(Problem::new(ProblemKind::NotAcceptable)));
    }
    let mut response = next.call(request).await?.map_into_boxed_body();
    response.headers_mut().insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    Ok(response)
}
