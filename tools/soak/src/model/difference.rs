//! The possible differences, in words.

use std::fmt;

use serde_json::Value;
use storage_models::RecordType;

/// Something that is not as the answers promised.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Difference {
    /// Acknowledged, and not stored.
    Lost { kind: RecordType, tag: String, id: i64 },
    /// Stored more than once.
    Doubled { kind: RecordType, tag: String, ids: Vec<i64> },
    /// Stored under another id than the answer said.
    Moved { tag: String, expected: i64, found: i64 },
    /// Refused, and stored.
    Phantom { kind: RecordType, tag: String, id: i64 },
    /// Stored, and never sent.
    Stranger { record: String },
    /// A batch of which a part is stored.
    Half { request: u64, stored: usize, of: usize },
    /// A field holds another value.
    Altered { tag: String, field: String, expected: Value, found: Value },
    /// An acknowledged change is gone.
    LostChange { tag: String, known: i64, found: i64 },
    /// A change that no client asked for.
    StrangeChange { tag: String, known: i64, found: i64 },
    /// Two changes of one version were acknowledged.
    ChangedTwice { tag: String, base: i64 },
    /// An answer that no request may get.
    Answer { request: String, answer: String },
    /// Indexed and not stored, or the other way round.
    Index { id: i64, stored: Option<i64>, indexed: Option<i64> },
    /// Anything else.
    Other(String),
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost { kind, tag, id } => {
                write!(f, "lost: {kind} {id} ({tag}) was acknowledged and is not stored")
            }
            Self::Doubled { kind, tag, ids } => write!(f, "doubled: {kind} {tag} is stored as {ids:?}"),
            Self::Moved { tag, expected, found } => {
                write!(f, "moved: {tag} was acknowledged as {expected} and is stored as {found}")
            }
            Self::Phantom { kind, tag, id } => {
                write!(f, "phantom: {kind} {id} ({tag}) was refused and is stored")
            }
            Self::Stranger { record } => write!(f, "phantom: no client sent {record}"),
            Self::Half { request, stored, of } => {
                write!(f, "half stored: {stored} of the {of} records of request {request} are stored")
            }
            Self::Altered { tag, field, expected, found } => {
                write!(f, "altered: {field} of {tag} is {found} instead of {expected}")
            }
            Self::LostChange { tag, known, found } => {
                write!(f, "lost change: {tag} was acknowledged in version {known} and is stored in {found}")
            }
            Self::StrangeChange { tag, known, found } => {
                write!(
                    f,
                    "unknown change: {tag} is stored in version {found}, which is later than {known}, the last \
                     version that a client asked for"
                )
            }
            Self::ChangedTwice { tag, base } => {
                write!(f, "lost update: two changes of version {base} of {tag} were acknowledged")
            }
            Self::Answer { request, answer } => {
                write!(f, "unexpected answer: {request} was answered {answer}")
            }
            Self::Index { id, stored, indexed } => match (stored, indexed) {
                (Some(stored), None) => write!(f, "not indexed: {id} (version {stored})"),
                (None, Some(indexed)) => write!(f, "indexed and not stored: {id} (version {indexed})"),
                (stored, indexed) => {
                    write!(f, "stale: {id} is stored as {stored:?} and indexed as {indexed:?}")
                }
            },
            Self::Other(what) => f.write_str(what),
        }
    }
}
