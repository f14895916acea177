//! Answers on their way to clients that may be slow, within one budget of bytes.
//!
//! A record may have a third of a megabyte and a page four; a thousand clients that ask for one and take nothing of it
//! would hold them all in memory.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::{Error, web};
use bytes::Bytes;
use storage_dualwrite::Reservation;

use crate::http::state::AppState;
use crate::problem::{Problem, ProblemKind};

/// Smaller answers are not counted: the number of connections bounds them.
const COUNTED: usize = 16 * 1024;

/// The bytes that a connection gets at a time. It buffers them and asks again when the client has read them.
const PIECE: usize = 64 * 1024;

/// Counts the bodies of answers until they are sent. A read whose answer the budget has no room for is refused; the
/// answer to a write is sent in any case, since the write has happened.
pub(crate) async fn hold<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let budget = request.app_data::<web::Data<AppState>>().map(|state| state.answers.clone());
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let (request, response) = next.call(request).await?.map_into_boxed_body().into_parts();
    let (response, body) = response.into_parts();
    let rest = match body.try_into_bytes() {
        Ok(bytes) if bytes.len() > COUNTED => bytes,
        Ok(bytes) => return Ok(ServiceResponse::new(request, response.set_body(BoxBody::new(bytes)))),
        Err(body) => return Ok(ServiceResponse::new(request, response.set_body(body))),
    };
    let size = u32::try_from(rest.len()).unwrap_or(u32::MAX);
    let share = budget.and_then(|budget| budget.of_requester().reserve(size));
    if is_read && share.is_none() {
        return Ok(ServiceResponse::from_err(Problem::new(ProblemKind::Overloaded), request));
    }
    let held = Held { rest, _share: share };
    Ok(ServiceResponse::new(request, response.set_body(BoxBody::new(held))))
}

/// A body that is handed over piece by piece, and counts until its end is taken.
struct Held {
    rest: Bytes,
    _share: Option<Reservation>,
}

impl MessageBody for Held {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(u64::try_from(self.rest.len()).unwrap_or(u64::MAX))
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        let size = self.rest.len().min(PIECE);
        Poll::Ready((size > 0).then(|| Ok(self.rest.split_to(size))))
    }
}
