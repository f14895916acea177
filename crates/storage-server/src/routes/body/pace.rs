//! The least pace of a body: one that stands still, or nearly so, is ended and gives its place to others.

use std::time::Duration;

use actix_web::error::PayloadError;
use actix_web::web::Payload;
use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio::time::Instant;

use crate::problem::{Problem, ProblemKind};

/// In each span of this length ...
const SPAN: Duration = Duration::from_secs(5);

/// ... so many bytes must arrive, unless the body ends: 1 KiB a second.
const LEAST: usize = 5 * 1024;

/// The span that a body is in.
pub(super) struct Pace {
    span: Duration,
    until: Instant,
    arrived: usize,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self::of(SPAN)
    }

    fn of(span: Duration) -> Self {
        Self { span, until: Instant::now() + span, arrived: 0 }
    }

    /// The next piece; `None` at the end.
    pub(super) async fn next(&mut self, payload: &mut Payload) -> Result<Option<Bytes>, Problem> {
        loop {
            match tokio::time::timeout_at(self.until, payload.next()).await {
                Ok(None) => return Ok(None),
                Ok(Some(piece)) => {
                    let piece = piece.map_err(|error| broken(&error))?;
                    self.arrived += piece.len();
                    return Ok(Some(piece));
                }
                Err(_elapsed) if self.arrived < LEAST => return Err(too_slow(self.span)),
                Err(_elapsed) => *self = Self::of(self.span),
            }
        }
    }
}

fn broken(error: &PayloadError) -> Problem {
    Problem::new(ProblemKind::BadRequest).detail(format!("The body could not be read to its end: {error}."))
}

fn too_slow(span: Duration) -> Problem {
    Problem::new(ProblemKind::RequestTimeout).detail(format!(
        "Less than {LEAST} bytes of the body arrived within {} seconds; nothing was stored.",
        span.as_secs()
    ))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actix_web::dev::Payload;
    use actix_web::error::PayloadError;
    use actix_web::test::TestRequest;
    use actix_web::{FromRequest as _, web};
    use bytes::Bytes;
    use futures_util::StreamExt as _;

    use super::{LEAST, Pace};
    use crate::problem::ProblemKind;

    /// A body of one piece that then stands still.
    async fn still_after(bytes: usize) -> web::Payload {
        let piece = futures_util::stream::iter([Ok::<_, PayloadError>(Bytes::from(vec![b' '; bytes]))]);
        let stream = piece.chain(futures_util::stream::pending());
        let mut payload: Payload = Payload::Stream { payload: Box::pin(stream) };
        web::Payload::from_request(&TestRequest::post().to_http_request(), &mut payload).await.unwrap()
    }

    /// F44: a body that stands still is ended, in its first span or in a later one. In these all time is up at once.
    #[actix_web::test]
    async fn a_body_that_stands_still_is_ended() {
        for bytes in [1, LEAST, 10 * LEAST] {
            let (mut payload, mut pace) = (still_after(bytes).await, Pace::of(Duration::ZERO));
            assert_eq!(pace.next(&mut payload).await.unwrap().map(|piece| piece.len()), Some(bytes));
            let ended = pace.next(&mut payload).await.err().map(|problem| problem.kind());
            assert_eq!(ended, Some(ProblemKind::RequestTimeout), "{bytes}");
        }
    }
}
