//! The forms in which records are exported.

use std::str::FromStr;

use bytes::Bytes;
use storage_models::Remediation;
use storage_query::{InvalidParameter, InvalidReason};

use super::csv;

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
}

impl ExportFormat {
    /// Every format, the default first.
    pub(crate) const ALL: [Self; 2] = [Self::Ndjson, Self::Csv];

    /// Its name, which is also how its files end.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
        }
    }

    pub(crate) const fn media_type(self) -> &'static str {
        match self {
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8; header=present",
        }
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
    pub(super) fn new(format: ExportFormat) -> Self {
        let mut bytes = Vec::with_capacity(PIECE * 2);
        if format == ExportFormat::Csv {
            csv::write_header(&mut bytes);
        }
        Self { format, bytes }
    }

    pub(super) fn push(&mut self, record: &Remediation) -> Result<(), serde_json::Error> {
        match self.format {
            ExportFormat::Ndjson => {
                serde_json::to_writer(&mut self.bytes, record)?;
                self.bytes.push(b'\n');
            }
            ExportFormat::Csv => csv::write_row(&mut self.bytes, record),
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
