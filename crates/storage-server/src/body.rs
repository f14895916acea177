//! Reading a body: its type, its size and its share of the byte budget are settled before the first byte is read.

#[cfg(test)]
mod tests;

use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use actix_web::web::Payload;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use storage_dualwrite::{ByteBudget, Reservation};
use tokio::time::Instant;

use crate::problem::{Problem, ProblemKind};

/// A kind of body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MediaType {
    /// `application/json`
    Json,
    /// `application/x-ndjson`: one JSON text a line.
    JsonLines,
    /// `application/merge-patch+json` (RFC 7396).
    MergePatch,
}

impl MediaType {
    const ALL: [Self; 3] = [Self::Json, Self::JsonLines, Self::MergePatch];

    const fn name(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::JsonLines => "application/x-ndjson",
            Self::MergePatch => "application/merge-patch+json",
        }
    }
}

/// A body, with the part of the budget that it takes up until its record is written.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) bytes: Bytes,
    pub(crate) media_type: MediaType,
    pub(crate) reservation: Reservation,
}

/// Reads a body of one of the types, of at most `limit` bytes.
pub(crate) async fn read(
    headers: &HeaderMap,
    payload: Payload,
    budget: &ByteBudget,
    limit: u32,
    deadline: Instant,
    accepted: &[MediaType],
) -> Result<Body, Problem> {
    let media_type = media_type(headers, accepted)?;
    let announced = announced_length(headers)?;
    if announced.is_some_and(|length| length > u64::from(limit)) {
        return Err(too_large(limit));
    }
    // Without a length the whole limit is set aside until the end is seen.
    let share = announced.and_then(|length| u32::try_from(length).ok()).unwrap_or(limit);
    let reservation = budget.reserve(share).ok_or_else(|| Problem::new(ProblemKind::Overloaded))?;
    let bytes = tokio::time::timeout_at(deadline, collect(payload, share, limit))
        .await
        .unwrap_or_else(|_late| Err(Problem::new(ProblemKind::RequestTimeout)))?;
    Ok(Body { reservation: shrunk(reservation, bytes.len(), budget), bytes, media_type })
}

async fn collect(mut payload: Payload, expected: u32, limit: u32) -> Result<Bytes, Problem> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    // Memory follows what arrives: an announcement alone costs little.
    let expected = usize::try_from(expected).unwrap_or(limit).min(16 * 1024);
    let mut bytes = BytesMut::with_capacity(expected);
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| Problem::new(ProblemKind::BadRequest).detail(broken(&error)))?;
        if bytes.len() + chunk.len() > limit {
            return Err(too_large(u32::try_from(limit).unwrap_or(u32::MAX)));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

fn broken(error: &actix_web::error::PayloadError) -> String {
    format!("The body could not be read to its end: {error}.")
}

/// A reservation of just what came, where there is room for it beside the one at hand.
fn shrunk(reservation: Reservation, length: usize, budget: &ByteBudget) -> Reservation {
    if reservation.bytes() <= length {
        return reservation;
    }
    u32::try_from(length).ok().and_then(|exact| budget.reserve(exact)).unwrap_or(reservation)
}

fn too_large(limit: u32) -> Problem {
    Problem::new(ProblemKind::BodyTooLarge)
        .detail(format!("The body is larger than {limit} bytes; nothing was stored."))
}

fn announced_length(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(value) = headers.get(CONTENT_LENGTH) else { return Ok(None) };
    let length = value.to_str().ok().and_then(|text| text.parse().ok());
    length
        .map(Some)
        .ok_or_else(|| Problem::new(ProblemKind::BadRequest).detail("Content-Length is not a number."))
}

/// Which of the accepted types the body has; a charset may be named if it is UTF-8.
fn media_type(headers: &HeaderMap, accepted: &[MediaType]) -> Result<MediaType, Problem> {
    let refused = |detail: &str| Err(Problem::new(ProblemKind::UnsupportedMediaType).detail(detail));
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default().to_ascii_lowercase());
    if text(CONTENT_ENCODING).is_some_and(|encoding| encoding.trim() != "identity") {
        return refused("The body must not be encoded: leave out Content-Encoding.");
    }
    let Some(media_type) = text(CONTENT_TYPE) else {
        return refused(&format!("The header Content-Type is missing; it must be {}.", listed(accepted)));
    };
    let mut parts = media_type.split(';').map(str::trim);
    let named = parts.next().and_then(|name| MediaType::ALL.into_iter().find(|it| it.name() == name));
    let Some(found) = named.filter(|it| accepted.contains(it)) else {
        return refused(&format!("Content-Type must be {}.", listed(accepted)));
    };
    let is_utf8 = |charset: &str| matches!(charset.trim_matches('"'), "utf-8" | "utf8");
    if parts.filter_map(|part| part.strip_prefix("charset=")).all(is_utf8) {
        Ok(found)
    } else {
        refused("The body must be in UTF-8.")
    }
}

fn listed(accepted: &[MediaType]) -> String {
    accepted.iter().map(|it| it.name()).collect::<Vec<_>>().join(" or ")
}
