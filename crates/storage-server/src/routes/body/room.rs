//! Where a body is gathered: as it comes, or unpacked.

use std::io::{self, Write};

use bytes::{Bytes, BytesMut};
use flate2::write::MultiGzDecoder;
use storage_dualwrite::{ByteBudget, Reservation};

use crate::problem::{Problem, ProblemKind};

/// How much of a body has come when it is believed to become as long as it announced.
const TRUSTED: usize = 64 * 1024;

pub(super) fn too_large(limit: usize) -> Problem {
    Problem::new(ProblemKind::BodyTooLarge)
        .detail(format!("The body is larger than {limit} bytes; nothing was stored."))
}

/// How a body is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// Not at all.
    Identity,
    /// RFC 1952, of one member or several.
    Gzip,
}

/// Takes a body piece by piece.
pub(super) enum Sink {
    Plain(Room),
    Gzip(Box<MultiGzDecoder<Room>>),
}

impl Sink {
    /// For a body of at most `limit` bytes, that announces a length.
    pub(super) fn new(
        coding: Coding,
        limit: usize,
        announced: usize,
        budget: &ByteBudget,
    ) -> Result<Self, Problem> {
        let reservation = budget.reserve(0).ok_or_else(overloaded)?;
        let room = Room { bytes: BytesMut::new(), limit, announced, reservation, refusal: None };
        Ok(match coding {
            Coding::Identity => Self::Plain(room),
            Coding::Gzip => Self::Gzip(Box::new(MultiGzDecoder::new(Room { announced: 0, ..room }))),
        })
    }

    pub(super) fn push(&mut self, piece: &[u8]) -> Result<(), Problem> {
        match self {
            Self::Plain(room) => room.add(piece),
            Self::Gzip(decoder) => decoder.write_all(piece).map_err(|error| refusal(decoder, &error)),
        }
    }

    /// All of it, with its part of the budget.
    pub(super) fn finish(self) -> Result<(Bytes, Reservation), Problem> {
        let room = match self {
            Self::Plain(room) => room,
            Self::Gzip(mut decoder) => {
                decoder.try_finish().map_err(|error| refusal(&mut decoder, &error))?;
                decoder.finish().map_err(|error| broken(&error))?
            }
        };
        Ok((room.bytes.freeze(), room.reservation))
    }
}

/// The bytes of a body so far. An announced length costs nothing: each piece takes its part of the budget when it
/// arrives, or ends the body.
pub(super) struct Room {
    bytes: BytesMut,
    limit: usize,
    announced: usize,
    reservation: Reservation,
    /// Why the last piece was not accepted, for callers that write through a decoder.
    refusal: Option<Problem>,
}

impl Room {
    /// Once much has come, there is room for all that is announced: a body that grows by doubling is in memory twice.
    fn add(&mut self, piece: &[u8]) -> Result<(), Problem> {
        let length = self.bytes.len() + piece.len();
        if length > self.limit {
            return Err(too_large(self.limit));
        }
        if !self.reservation.grow(piece.len()) {
            return Err(overloaded());
        }
        if self.bytes.len() < TRUSTED && length >= TRUSTED {
            self.bytes.reserve(self.announced.saturating_sub(self.bytes.len()));
        }
        self.bytes.extend_from_slice(piece);
        Ok(())
    }
}

impl Write for Room {
    /// A decoder hands over a few kilobytes at a time, so that little is unpacked beyond the limit.
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        match self.add(piece) {
            Ok(()) => Ok(piece.len()),
            Err(problem) => {
                self.refusal = Some(problem);
                Err(io::Error::other("there is no room"))
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn refusal(decoder: &mut MultiGzDecoder<Room>, error: &io::Error) -> Problem {
    decoder.get_mut().refusal.take().unwrap_or_else(|| broken(error))
}

fn broken(error: &io::Error) -> Problem {
    Problem::new(ProblemKind::BadRequest).detail(format!(
        "Content-Encoding says gzip, and the body is not complete gzip: {error}. Send it again, or send it \
         uncompressed without the header."
    ))
}

fn overloaded() -> Problem {
    Problem::new(ProblemKind::Overloaded)
}
