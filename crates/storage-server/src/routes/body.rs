//! Reading a body: its type and the size it announces are judged before the first byte is read, its pace and its share of
//! the byte budget while it arrives and is unpacked.

mod pace;
mod room;
#[cfg(test)]
mod tests;

use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName};
use actix_web::web::Payload;
use bytes::{Buf as _, Bytes};
use storage_dualwrite::{ByteBudget, Reservation};
use tokio::time::Instant;

use crate::export::JSON_LINES;
use crate::problem::{Problem, ProblemKind};
use pace::Pace;
use room::{Coding, Sink, too_large};

/// The byte order mark that some programs put before a text in UTF-8. It is not part of the text.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// A kind of body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MediaType {
    /// `application/json`
    Json,
    /// `application/x-ndjson`, by whichever of its names: one JSON text a line.
    JsonLines,
    /// `application/merge-patch+json` (RFC 7396).
    MergePatch,
}

impl MediaType {
    const ALL: [Self; 3] = [Self::Json, Self::JsonLines, Self::MergePatch];

    /// As the header Content-Type has it.
    pub(crate) fn name(self) -> &'static str {
        self.names().first().copied().unwrap_or_default()
    }

    /// Every name that it goes by.
    pub(crate) const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Json => &["application/json"],
            Self::JsonLines => JSON_LINES,
            Self::MergePatch => &["application/merge-patch+json"],
        }
    }
}

/// A body, with the part of the budget that it takes up until its record is written.
#[derive(Debug)]
pub(crate) struct ReceivedBody {
    pub(crate) bytes: Bytes,
    pub(crate) media_type: MediaType,
    pub(crate) reservation: Reservation,
}

/// Reads a body of one of the types, of at most `limit` bytes as it comes and as it is unpacked.
pub(crate) async fn read(
    headers: &HeaderMap,
    payload: Payload,
    budget: &ByteBudget,
    limit: u32,
    deadline: Instant,
    accepted: &[MediaType],
) -> Result<ReceivedBody, Problem> {
    let (coding, media_type) = (coding(headers)?, media_type(headers, accepted)?);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let announced = announced_length(headers)?.unwrap_or(0);
    if announced > limit {
        return Err(too_large(limit));
    }
    let sink = Sink::new(coding, limit, announced, budget)?;
    let (mut bytes, reservation) = tokio::time::timeout_at(deadline, collect(payload, sink))
        .await
        .unwrap_or_else(|_late| Err(Problem::new(ProblemKind::RequestTimeout)))?;
    if bytes.starts_with(BYTE_ORDER_MARK) {
        bytes.advance(BYTE_ORDER_MARK.len());
    }
    Ok(ReceivedBody { bytes, media_type, reservation })
}

async fn collect(mut payload: Payload, mut sink: Sink) -> Result<(Bytes, Reservation), Problem> {
    let mut pace = Pace::new();
    while let Some(piece) = pace.next(&mut payload).await? {
        sink.push(&piece)?;
    }
    sink.finish()
}

fn announced_length(headers: &HeaderMap) -> Result<Option<usize>, Problem> {
    let Some(value) = headers.get(CONTENT_LENGTH) else { return Ok(None) };
    let length = value.to_str().ok().and_then(|text| text.parse().ok());
    length
        .map(Some)
        .ok_or_else(|| Problem::new(ProblemKind::BadRequest).detail("Content-Length is not a number."))
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    headers.get(name).map(|value| value.to_str().unwrap_or_default().trim().to_ascii_lowercase())
}

/// How the body is packed.
fn coding(headers: &HeaderMap) -> Result<Coding, Problem> {
    match text(headers, CONTENT_ENCODING).as_deref() {
        None | Some("identity") => Ok(Coding::Identity),
        Some("gzip" | "x-gzip") => Ok(Coding::Gzip),
        Some(_) => Err(Problem::new(ProblemKind::UnsupportedMediaType)
            .detail("Content-Encoding must be gzip. Send gzip, or omit the header.")),
    }
}

/// Which of the accepted types the body has; a charset may be named if it is UTF-8.
fn media_type(headers: &HeaderMap, accepted: &[MediaType]) -> Result<MediaType, Problem> {
    let refused = |detail: &str| Err(Problem::new(ProblemKind::UnsupportedMediaType).detail(detail));
    let Some(media_type) = text(headers, CONTENT_TYPE) else {
        return refused(&format!("The header Content-Type is missing. Send {}.", listed(accepted)));
    };
    let mut parts = media_type.split(';').map(str::trim);
    let named =
        parts.next().and_then(|name| MediaType::ALL.into_iter().find(|it| it.names().contains(&name)));
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
