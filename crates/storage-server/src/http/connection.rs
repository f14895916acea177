//! No more is read of a client than is worked on.
//!
//! HTTP/1.1 lets a client send requests ahead of their answers. What actix does with those has two gaps (actix-http 3.20,
//! `h1/dispatcher.rs`): every request in its read buffer of 128 KiB is made into a message at once, which takes a
//! hundred times their size of memory; and while a full read buffer waits for answers that the client does not take,
//! it asks again and again, a core for each such connection. So a [`Connection`] is between actix and the socket: it
//! reads nothing while the socket takes no more of an answer, and while a request is worked on just its body and
//! [`READ_AHEAD`], which is enough to see that the client is gone.
//!
//! It also sees what actix answers by itself, and gives it the form of all other refusals ([`Refusal`], F65).

mod head;
mod refusal;
mod seen;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Extensions, Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _};
use bytes::Bytes;
use futures_util::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

pub(crate) use refusal::LINGER;
use refusal::{Bare, Refusal};
use seen::Seen;

/// Bytes that are read at a time, except from a body.
const CHUNK: u64 = 4 * 1024;
/// Bytes that are read beyond a request before it is answered.
const READ_AHEAD: u64 = 1024;

/// A connection whose reads wait for its answers.
pub(crate) struct Connection<IO> {
    io: IO,
    read_limit: Rc<ReadLimit>,
    /// Whether the socket takes no more at the moment.
    is_blocked: bool,
    /// The bytes read since the reader last had to wait.
    in_a_row: u64,
    seen: Seen,
    refusal: Option<Refusal>,
    is_measured: bool,
}

impl<IO> Connection<IO> {
    /// A connection of a port whose requests are counted, if it `is_measured`.
    pub(crate) fn new(io: IO, is_measured: bool) -> Self {
        let (read_limit, seen) = (Rc::default(), Seen::default());
        Self { io, read_limit, is_blocked: false, in_a_row: 0, seen, refusal: None, is_measured }
    }

    /// Makes the connection known to its requests.
    pub(crate) fn introduce(&self, data: &mut Extensions) {
        data.insert(Rc::clone(&self.read_limit));
    }
}

/// The bytes that may be read from a connection.
#[derive(Default)]
struct ReadLimit {
    reading: Cell<Reading>,
    /// The rest of [`READ_AHEAD`].
    ahead: Cell<u64>,
    /// Requests that have begun.
    requests: Cell<u64>,
    reader: Cell<Option<Waker>>,
}

/// The data that the connection waits for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Reading {
    /// The next request.
    #[default]
    Request,
    /// Only the rest of a body, of this number of bytes.
    Body(u64),
    /// A body whose end shows when it is there.
    BodyWithoutLength,
}

impl ReadLimit {
    /// How many bytes may be read now.
    fn allows(&self) -> u64 {
        match self.reading.get() {
            Reading::Request => {
                self.ahead.set(READ_AHEAD);
                CHUNK
            }
            Reading::BodyWithoutLength => CHUNK,
            // A client may announce any length. The handler decides whether it is too much.
            Reading::Body(left) => left.saturating_add(self.ahead.get()),
        }
    }

    fn has_read(&self, count: u64) {
        if let Reading::Body(left) = self.reading.get() {
            self.reading.set(Reading::Body(left.saturating_sub(count)));
            self.ahead.set(self.ahead.get().saturating_sub(count.saturating_sub(left)));
        }
    }

    fn set(&self, reading: Reading) {
        self.reading.set(reading);
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Connection<IO> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.is_blocked {
            // The socket wakes the task that waits to write.
            return Poll::Pending;
        }
        let allowed = this.read_limit.allows();
        if allowed == 0 {
            this.in_a_row = 0;
            this.read_limit.reader.set(Some(context.waker().clone()));
            return Poll::Pending;
        }
        let is_paced = !matches!(this.read_limit.reading.get(), Reading::Body(_));
        if is_paced && this.in_a_row >= CHUNK {
            // The bytes at hand become requests before more is read.
            this.in_a_row = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let length = usize::try_from(allowed).unwrap_or(usize::MAX).min(buffer.remaining());
        let mut part = ReadBuf::new(buffer.initialize_unfilled_to(length));
        let outcome = Pin::new(&mut this.io).poll_read(context, &mut part);
        let count = part.filled().len();
        let Poll::Ready(outcome) = outcome else {
            this.in_a_row = 0;
            return Poll::Pending;
        };
        match this.read_limit.reading.get() {
            Reading::Request => this.seen.add(this.read_limit.requests.get(), part.filled()),
            Reading::Body(left) if u64::try_from(count).is_ok_and(|count| count <= left) => {}
            Reading::Body(_) | Reading::BodyWithoutLength => this.seen.lose(),
        }
        buffer.advance(count);
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        this.read_limit.has_read(count);
        this.in_a_row += count;
        Poll::Ready(outcome)
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> Connection<IO> {
    fn poll_forward(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.io).poll_write(context, bytes);
        self.is_blocked = outcome.is_pending();
        outcome
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Connection<IO> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.refusal.is_none()
            && this.read_limit.reading.get() == Reading::Request
            && let Some(bare) = Bare::find(bytes)
        {
            let before = bytes.get(..bare.at).filter(|before| !before.is_empty());
            if let Some(before) = before {
                return this.poll_forward(context, before);
            }
            let head = this.seen.unread(this.read_limit.requests.get());
            this.refusal = Some(Refusal::of(&bare, head, this.is_measured));
        }
        match &mut this.refusal {
            Some(refusal) => refusal.poll(&mut this.io, context).map_ok(|()| bytes.len()),
            None => this.poll_forward(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.io).poll_flush(context);
        this.is_blocked = outcome.is_pending();
        outcome
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(context)
    }
}

/// The middleware that notifies a connection when one of its requests begins and when it is answered.
pub(crate) async fn hold(
    mut request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    // Tests call services without a connection.
    let Some(read_limit) = request.conn_data::<Rc<ReadLimit>>().cloned() else {
        return next.call(request).await;
    };
    read_limit.requests.update(|begun| begun + 1);
    if request.headers().contains_key(TRANSFER_ENCODING) {
        read_limit.set(Reading::BodyWithoutLength);
        let payload = request.take_payload();
        request.set_payload(Payload::Stream {
            payload: Box::pin(Watched { payload, read_limit: Rc::clone(&read_limit) }),
        });
    } else {
        let length = request.headers().get(CONTENT_LENGTH).and_then(|it| it.to_str().ok()?.parse().ok());
        read_limit.set(Reading::Body(length.unwrap_or(0)));
    }
    let held = Held(read_limit);
    let response = next.call(request).await?;
    Ok(response.map_body(|_, body| BoxBody::new(HeldAnswer { body, _held: held })))
}

/// A request that is not answered yet.
struct Held(Rc<ReadLimit>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.set(Reading::Request);
    }
}

/// An answer; its request is done when all of it has been taken or it is given up.
struct HeldAnswer {
    body: BoxBody,
    _held: Held,
}

impl MessageBody for HeldAnswer {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_next(context)
    }
}

/// A body whose end the connection learns of.
struct Watched {
    payload: Payload,
    read_limit: Rc<ReadLimit>,
}

impl Stream for Watched {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let item = ready!(Pin::new(&mut this.payload).poll_next(context));
        if item.is_none() {
            this.read_limit.set(Reading::Body(0));
        }
        Poll::Ready(item)
    }
}
