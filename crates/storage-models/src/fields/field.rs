//! The description of one field.

use super::value::Constant;
use crate::{Severity, identifier};

/// The id of the records that documentation shows: the first of January 2026 ([`Month::id`](crate::Month::id)).
pub const EXAMPLE_ID: i64 = 8192 + 56 * 12;

/// Characters that an identifier of the usual length may have.
pub(super) const NAME_CHARS: u16 = 255;

/// Bytes of UTF-8 that a field of free text may hold as it is sent.
pub const MAX_FREE_TEXT_BYTES: u64 = 64 * 1024;

/// The same as it is stored: [`escape`](crate::escape::escape) makes at most five bytes of one.
pub const MAX_STORED_TEXT_BYTES: u64 = 5 * MAX_FREE_TEXT_BYTES;

/// One field of a record, which is also a column of its table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Field {
    /// Its name in JSON, in the database, in filters and in the vector index.
    pub name: &'static str,
    /// The kind of its values.
    pub kind: Kind,
    /// Its value if it is absent or null.
    pub presence: Presence,
    /// The party that sets it.
    pub set_by: SetBy,
    /// Whether an update may change it.
    pub change: Change,
    /// Whether a filter may list its values.
    pub is_filterable: bool,
    /// Whether a B-tree of the database begins with it, which leads straight to its values.
    pub is_indexed: bool,
    /// Its meaning, for the documentation of the API.
    pub meaning: &'static str,
    /// The example of the documentation.
    pub example: Constant,
}

/// The kind of a field's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The number of a record.
    Id,
    /// The number of the remediation that the record belongs to.
    RemediationId,
    /// A name of at most this number of Unicode scalar values.
    Identifier(u16),
    /// One word of a closed set, in the order of a record's life or of importance.
    Word(&'static [&'static str]),
    /// Text of at most [`MAX_FREE_TEXT_BYTES`].
    FreeText,
    /// A JSON object of the client's own making.
    Metadata,
    /// Where the record differs from what was sent, as [`Alterations`](crate::Alterations).
    Alterations,
    /// An instant.
    Time,
    /// A whole number from 0 to the largest 32-bit one.
    Count,
    /// A length of time in whole milliseconds.
    Milliseconds,
    /// A number from 0 to 1.
    Fraction,
    /// True or false.
    Boolean,
}

impl Kind {
    /// Whether its values can make up most of a record.
    #[must_use]
    pub const fn is_bulky(self) -> bool {
        matches!(self, Self::FreeText | Self::Metadata | Self::Alterations)
    }

    /// A text as a field of this kind stores it: an identifier by its [rules](crate::identifier), a word trimmed, one
    /// of severity in lower case too, anything else as it is. Use it for every text that is compared with stored texts.
    #[must_use]
    pub fn as_stored(self, text: &str) -> String {
        match self {
            Self::Identifier(_) => identifier::sanitize(text),
            Self::Word(words) if words == Severity::WORDS => text.trim().to_lowercase(),
            Self::Word(_) => text.trim().to_owned(),
            _ => text.to_owned(),
        }
    }

    /// Whether its values are compared as text.
    #[must_use]
    pub const fn is_text(self) -> bool {
        matches!(self, Self::Identifier(_) | Self::Word(_) | Self::FreeText)
    }
}

/// The value of a field that is absent or null.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Presence {
    /// A record without it is refused.
    Required,
    /// It stays null.
    Optional,
    /// It takes this value.
    Default(Constant),
    /// It takes the time at which the record was received.
    ReceivedAt,
}

/// The party that sets a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetBy {
    /// The client that sends the record.
    Client,
    /// This service, when it writes the record.
    Service,
    /// The database.
    Database,
}

/// Whether an update may change a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It may not.
    Never,
    /// To any value that the field may have.
    Free,
    /// To a word that is not before the present one, or to a number that is not below it.
    Forward,
}

impl Field {
    pub(super) const fn new(
        name: &'static str,
        kind: Kind,
        presence: Presence,
        meaning: &'static str,
    ) -> Self {
        Self {
            name,
            kind,
            presence,
            set_by: SetBy::Client,
            change: Change::Never,
            is_filterable: false,
            is_indexed: false,
            meaning,
            example: Constant::Null,
        }
    }

    pub(super) const fn set_by(mut self, set_by: SetBy) -> Self {
        self.set_by = set_by;
        self
    }

    pub(super) const fn changeable(mut self, change: Change) -> Self {
        self.change = change;
        self
    }

    pub(super) const fn filterable(mut self) -> Self {
        self.is_filterable = true;
        self
    }

    pub(super) const fn indexed(mut self) -> Self {
        self.is_indexed = true;
        self
    }

    pub(super) const fn example(mut self, example: Constant) -> Self {
        self.example = example;
        self
    }

    /// Whether a stored record may be without it.
    #[must_use]
    pub const fn is_nullable(&self) -> bool {
        matches!(self.presence, Presence::Optional)
    }

    /// Whether an update may change it.
    #[must_use]
    pub const fn is_changeable(&self) -> bool {
        !matches!(self.change, Change::Never)
    }

    /// Whether an update that a client sends may hold it.
    #[must_use]
    pub const fn is_patched(&self) -> bool {
        self.is_changeable() && self.is_sent()
    }

    /// Whether a client may send it.
    #[must_use]
    pub const fn is_sent(&self) -> bool {
        matches!(self.set_by, SetBy::Client)
    }

    /// Whether a statement that inserts the record names it: all but what the database makes by itself, the id
    /// included, which is drawn beforehand.
    #[must_use]
    pub const fn is_inserted(&self) -> bool {
        !matches!(self.set_by, SetBy::Database) || matches!(self.kind, Kind::Id)
    }
}
