//! Reading a body: its type and the size it announces are judged before the first byte is read, its pace and its share of
//! the byte budget while it arrives.

mod pace;
#[cfg(test)]
mod tests;

use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use actix_web::web::Payload;
use bytes::{Bytes, BytesMut};
use storage_dualwrite::{ByteBudget, Reservation};
use tokio::time::Instant;

use crate::problem::{Problem, ProblemKind};
use pace::Pace;

/// How much of a body has come when it is believed to become as long as it announced.
const TRUSTED: usize = 64 * 1024;

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

    /// As the header Content-Type has it.
    pub(crate) const fn name(self) -> &'static str {
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
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let announced = announced_length(headers)?.unwrap_or(0);
    if announced > limit {
        return Err(too_large(limit));
    }
    let (bytes, reservation) = tokio::time::timeout_at(deadline, collect(payload, budget, limit, announced))
        .await
        .unwrap_or_else(|_late| Err(Problem::new(ProblemKind::RequestTimeout)))?;
    Ok(Body { bytes, media_type, reservation })
}

/// What is announced costs nothing: each piece takes its part of the budget when it has arrived, or ends the body. Once
/// much has come, there is room for all that is announced: a body that grows by doubling is in memory twice.
async fn collect(
    mut payload: Payload,
    budget: &ByteBudget,
    limit: usize,
    announced: usize,
) -> Result<(Bytes, Reservation), Problem> {
    let overloaded = || Problem::new(ProblemKind::Overloaded);
    let mut reservation = budget.reserve(0).ok_or_else(overloaded)?;
    let mut bytes = BytesMut::new();
    let mut pace = Pace::new();
    while let Some(piece) = pace.next(&mut payload).await? {
        if bytes.len() + piece.len() > limit {
            return Err(too_large(limit));
        }
        if !reservation.grow(piece.len()) {
            return Err(overloaded());
        }
        if bytes.len() < TRUSTED && bytes.len() + piece.len() >= TRUSTED {
            bytes.reserve(announced.saturating_sub(bytes.len()));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok((bytes.freeze(), reservation))
}

fn too_large(limit: usize) -> Problem {
    Problem::new(ProblemKind::BodyTooLarge)
        .detail(format!("The body is larger than {limit} bytes; nothing was stored."))
}

fn announced_length(headers: &HeaderMap) -> Result<Option<usize>, Problem> {
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
