//! The answer in place of one that the HTTP library gives by itself.
//!
//! actix answers a head that it cannot read, that is too large or that comes too late with a bare status, and ends the
//! connection (actix-http 3.20, `h1/dispatcher.rs`). No handler and no middleware sees such a request. On its way to the
//! socket, the bare answer is replaced by one with a problem document and a correlation id.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::body::{BoxBody, MessageBody as _};
use actix_web::http::header::HeaderValue;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::head;
use crate::http::observe;
use crate::problem::{Problem, ProblemKind};
use crate::telemetry::correlation::{self, CorrelationId};

/// How long data from the client is discarded after a refusal, so that the client can read the answer. A connection
/// that is closed with unread data loses its answer.
pub(crate) const LINGER: Duration = Duration::from_secs(1);

/// A bare answer is no longer than this.
const LONGEST: usize = 256;

/// The end of the head of an answer.
const END: &[u8] = b"\r\n\r\n";

/// How the head of an answer begins.
const BEGIN: &[u8] = b"HTTP/1.";

/// The headers of a bare answer. All answers of handlers have a correlation id too.
const BARE: [&str; 3] = ["content-length", "connection", "date"];

/// An answer without a body that no handler gave.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bare<'a> {
    /// Where it begins in what is written.
    pub(super) at: usize,
    status: u16,
    date: &'a str,
}

impl<'a> Bare<'a> {
    /// The bare answer at the end of what is written.
    pub(super) fn find(written: &'a [u8]) -> Option<Self> {
        if !written.ends_with(END) {
            return None;
        }
        let from = written.len().saturating_sub(LONGEST);
        let tail = written.get(from..)?;
        let begin = tail.windows(BEGIN.len()).rposition(|part| part == BEGIN)?;
        let mut lines = std::str::from_utf8(tail.get(begin..)?).ok()?.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok().filter(|status| *status >= 400)?;
        let mut date = "";
        for line in lines.filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(": ")?;
            if !BARE.contains(&name) {
                return None;
            }
            if name == "date" {
                date = value;
            }
        }
        Some(Self { at: from + begin, status, date })
    }
}

/// The message if the fault is not known.
const UNREADABLE: &str = "The head of the request cannot be read. Look for a character of the URL that must be \
                          percent-encoded (a space, \", <, > or a letter beyond ASCII), for a header Host that is \
                          missing or repeated, and for a line that is not `Name: value`.";

/// An answer on its way to a client whose connection ends with it.
pub(super) struct Refusal {
    rest: Vec<u8>,
    stage: Stage,
    until: Pin<Box<Sleep>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Write,
    Flush,
    /// No more is written.
    Shutdown,
    /// Data that still arrives is discarded: a connection that is closed with unread data loses its answer.
    Discard,
    Done,
}

impl Refusal {
    /// In place of a bare answer to this head, of which little or nothing may be known. The request is logged, and
    /// counted if its port is measured.
    pub(super) fn of(bare: &Bare<'_>, read: &[u8], is_measured: bool) -> Self {
        let id =
            head::header(read, correlation::HEADER.as_str()).and_then(|it| HeaderValue::from_bytes(it).ok());
        let id = CorrelationId::of(id.as_ref());
        let problem = problem(bare.status, read);
        observe::note_unread(&problem, &id, is_measured);
        let answer = answer(problem.render(id.as_str()), &id, bare.date);
        // A client that was too slow has nothing on its way.
        let linger = if problem.kind() == ProblemKind::RequestTimeout { Duration::ZERO } else { LINGER };
        Self { rest: answer, stage: Stage::Write, until: Box::pin(tokio::time::sleep(linger)) }
    }

    /// Goes on until the client has the answer or gets no more time for it.
    pub(super) fn poll<IO: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        io: &mut IO,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let mut io = Pin::new(io);
        loop {
            self.stage = match self.stage {
                Stage::Write if self.rest.is_empty() => Stage::Flush,
                Stage::Write => {
                    let count = ready!(io.as_mut().poll_write(context, &self.rest))?;
                    if count == 0 {
                        return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                    }
                    self.rest.drain(..count.min(self.rest.len()));
                    Stage::Write
                }
                Stage::Flush => {
                    ready!(io.as_mut().poll_flush(context))?;
                    Stage::Shutdown
                }
                Stage::Shutdown => match ready!(io.as_mut().poll_shutdown(context)) {
                    Ok(()) => Stage::Discard,
                    // The client is gone already.
                    Err(_) => Stage::Done,
                },
                Stage::Discard if self.until.as_mut().poll(context).is_ready() => Stage::Done,
                Stage::Discard => {
                    let mut space = [0; 1024];
                    let mut discarded = ReadBuf::new(&mut space);
                    match ready!(io.as_mut().poll_read(context, &mut discarded)) {
                        Ok(()) if !discarded.filled().is_empty() => Stage::Discard,
                        Ok(()) | Err(_) => Stage::Done,
                    }
                }
                Stage::Done => return Poll::Ready(Ok(())),
            };
        }
    }
}

/// The message for a head that was answered with this status.
fn problem(status: u16, read: &[u8]) -> Problem {
    match status {
        400 => {
            let fault = head::fault(read).unwrap_or_else(|| UNREADABLE.to_owned());
            Problem::new(ProblemKind::BadRequest).detail(fault)
        }
        408 => Problem::new(ProblemKind::RequestTimeout).detail(
            "The head of the request did not arrive in time (server.header_timeout); nothing was done.",
        ),
        431 => Problem::new(ProblemKind::HeadTooLarge),
        _ => Problem::new(ProblemKind::Internal),
    }
}

/// The answer as it is sent. The connection ends with it.
fn answer(response: HttpResponse<BoxBody>, id: &CorrelationId, date: &str) -> Vec<u8> {
    let (response, body) = response.into_parts();
    // A problem document is in memory.
    let body = body.try_into_bytes().unwrap_or_default();
    let mut answer = format!(
        "HTTP/1.1 {}\r\ncontent-length: {}\r\nconnection: close\r\ndate: {date}\r\n{}: {id}\r\n",
        response.status(),
        body.len(),
        correlation::HEADER,
    )
    .into_bytes();
    for (name, value) in response.headers() {
        answer.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    answer.extend_from_slice(b"\r\n");
    answer.extend_from_slice(&body);
    answer
}

#[cfg(test)]
mod tests {
    use super::Bare;

    const HEAD: &str =
        "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\ndate: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\n";

    fn at(written: &str) -> Option<usize> {
        Bare::find(written.as_bytes()).map(|bare| bare.at)
    }

    #[test]
    fn a_bare_answer_is_found_behind_others() {
        let bare = Bare::find(HEAD.as_bytes()).unwrap();
        assert_eq!(bare, Bare { at: 0, status: 400, date: "Thu, 01 Jan 2026 00:00:00 GMT" });
        let before = format!("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{{}}{HEAD}");
        assert_eq!(at(&before), Some(before.len() - HEAD.len()));
        assert_eq!(at(&format!("{}{HEAD}", "x".repeat(100_000))), Some(100_000));
        assert_eq!(at(&HEAD.replace("date", "connection: close\r\ndate")), Some(0));
    }

    #[test]
    fn answers_of_handlers_are_left_alone() {
        for written in [
            "",
            "\r\n\r\n",
            "0\r\n\r\n",
            "{\"a\":1}",
            "HTTP/1.1 100 Continue\r\n\r\n",
            "HTTP/1.1 304 Not Modified\r\ndate: x\r\n\r\n",
            &HEAD.replace("date", "x-correlation-id: a\r\ndate"),
            HEAD.trim_end(),
            &format!("{HEAD}x"),
        ] {
            assert_eq!(at(written), None, "{written:?}");
        }
    }
}
