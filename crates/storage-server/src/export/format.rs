//! The forms in which records are exported.

use std::str::FromStr;

use bytes::Bytes;
use storage_query::{InvalidParameter, InvalidReason};

use super::csv::{self, Exported};

/// The names of JSON lines, the usual one first: one JSON text a line.
pub(crate) const JSON_LINES: &[&str] = &["application/x-ndjson", "application/ndjson", "application/jsonl"];

/// Bytes of a piece that is worth sending.
const PIECE: usize = 64 << 10;

/// A form of records in a row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum ExportFormat {
    /// One JSON object a line, each as it is in a list.
    #[default]
    Ndjson,
    /// RFC 4180 with a header row, see [`csv`].
    Csv,
    /// The same with a byte order mark before it, without which some spreadsheets take it for another encoding.
    CsvWithMark,
}

impl ExportFormat {
    /// Every format that has a name of its own, the default first.
    pub(crate) const ALL: [Self; 2] = [Self::Ndjson, Self::Csv];

    /// Its name, which is also how its files end.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Csv | Self::CsvWithMark => "csv",
        }
    }

    /// Every media type that it goes by, the usual one first.
    pub(crate) const fn media_types(self) -> &'static [&'static str] {
        match self {
            Self::Ndjson => JSON_LINES,
            Self::Csv | Self::CsvWithMark => &["text/csv; charset=utf-8; header=present"],
        }
    }

    /// The name that the header Accept asks for, or else the usual one.
    pub(crate) fn media_type(self, accept: &str) -> &'static str {
        let asked = accept.split(',').filter_map(|part| part.split(';').next());
        let mut asked = asked.map(|name| name.trim().to_ascii_lowercase());
        let known = |asked: String| self.media_types().iter().find(|name| **name == asked);
        asked.find_map(known).or(self.media_types().first()).copied().unwrap_or_default()
    }
}

impl FromStr for ExportFormat {
    type Err = InvalidParameter;

    fn from_str(text: &str) -> Result<Self, InvalidParameter> {
        Self::ALL.into_iter().find(|format| format.as_str() == text).ok_or_else(|| {
            let allowed = Self::ALL.map(Self::as_str).join(", ");
            let reason = InvalidReason::NotOneOf { allowed };
            InvalidParameter { field: "format".into(), value: text.to_owned(), reason }
        })
    }
}

/// Turns records into bytes, some at a time.
#[derive(Debug)]
pub(super) struct Encoder {
    format: ExportFormat,
    bytes: Vec<u8>,
}

impl Encoder {
    pub(super) fn new<R: Exported>(format: ExportFormat) -> Self {
        let mut bytes = Vec::with_capacity(PIECE * 2);
        if format == ExportFormat::CsvWithMark {
            bytes.extend_from_slice(csv::BYTE_ORDER_MARK.as_bytes());
        }
        if format != ExportFormat::Ndjson {
            csv::write_header::<R>(&mut bytes);
        }
        Self { format, bytes }
    }

    pub(super) fn push<R: Exported>(&mut self, record: &R) -> Result<(), serde_json::Error> {
        match self.format {
            ExportFormat::Ndjson => {
                serde_json::to_writer(&mut self.bytes, record)?;
                self.bytes.push(b'\n');
            }
            ExportFormat::Csv | ExportFormat::CsvWithMark => csv::write_row(&mut self.bytes, record),
        }
        Ok(())
    }

    /// Whether there is enough to be sent.
    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() >= PIECE
    }

    /// What there is.
    pub(super) fn take(&mut self) -> Bytes {
        let next = Vec::with_capacity(PIECE * 2);
        Bytes::from(std::mem::replace(&mut self.bytes, next))
    }
}

#[cfg(test)]
mod tests {
    use super::ExportFormat;

    /// F72: the names of JSON lines are one thing; a client is answered in the one that it asks for.
    #[test]
    fn json_lines_are_named_as_they_are_asked_for() {
        for (format, accept, expected) in [
            (ExportFormat::Ndjson, "", "application/x-ndjson"),
            (ExportFormat::Ndjson, "*/*", "application/x-ndjson"),
            (ExportFormat::Ndjson, "application/jsonl", "application/jsonl"),
            (ExportFormat::Ndjson, "text/html, Application/NDJSON;q=0.9, */*", "application/ndjson"),
            (ExportFormat::Csv, "application/jsonl", "text/csv; charset=utf-8; header=present"),
        ] {
            assert_eq!(format.media_type(accept), expected, "{accept}");
        }
    }
}
