//! Untrusted JSON to trusted audit records.
//!
//! [`record()`] takes one record as the strict parser read it and gives a [`ValidRecord`], or an [`Invalid`] that
//! names every bad place at once. What it lets through may be stored as it is: the types behind it
//! ([`storage_models::NewRecord`]) are trusted by every other crate. [`batch()`] takes many, all or none;
//! [`update()`] takes a change of a record that exists.
//!
//! ```
//! use storage_models::{Json, Receipt, RecordType, Timestamp};
//! use storage_validation::Handling;
//!
//! let sent = br#"{"name": "restart-web", "phase": "x", "action_type": "restart-pod", "nmae": 1}"#;
//! let receipt = Receipt { at: Timestamp::now(), recorded_by: "operator".to_owned(), correlation_id: None };
//! let parsed = Json::parse(sent)?;
//! let invalid = storage_validation::record(RecordType::Remediation, parsed, &receipt, Handling::Strict)
//!     .unwrap_err();
//! assert_eq!(
//!     invalid.to_string(),
//!     "namespace is required; \
//!      invalid phase: x (allowed: pending, processing, completed, failed); \
//!      unknown field: nmae"
//! );
//! # Ok::<(), storage_models::JsonError>(())
//! ```
//!
//! # Rules
//!
//! Text is trimmed, sanitized, and then validated as it will be stored; nothing is altered without being named,
//! in the answer and in the record itself ([`storage_models::Alterations`]). `null` is the same as absent; an empty string is a value of its own, except
//! in a required field.
//!
//! | kind | accepted | stored |
//! |---|---|---|
//! | identifier | a string without control characters, U+2028, U+2029 and bidirectional controls; its length counts Unicode scalar values, as PostgreSQL does | in NFC, trimmed, without `<`, `>`, `;` and the parentheses of a call |
//! | word | a string that is one of a set, compared exactly, one of severity without case | trimmed, one of severity in lower case |
//! | free text | a string without control characters other than tab, newline and carriage return; a field's length counts bytes, before escaping | byte for byte, unless a browser might run something in it: then escaped ([`storage_models::escape`]), which the record says |
//! | time | an RFC 3339 string with a second 60 only at the end of a day in UTC, from 10 years before to 1 day after the receipt | in UTC, cut to microseconds; a leap second as the first instant of the next day |
//! | integer | a number without a fraction, however spelled (`3`, `3.0`, `30e-1`), in its range | the number |
//! | fraction | a number from 0 to 1 | the nearest 64-bit floating point number |
//! | metadata | an object of at most [`MAX_METADATA_BYTES`] and [`MAX_METADATA_DEPTH`] | compact, numbers as spelled, strings as free text, keys as they are: a key with a character that no identifier may hold, or with markup that runs, is refused |
//!
//! # Lenient handling
//!
//! A record with a note is worth more than none. [`Handling::Lenient`] takes what the rules above refuse for its form, and
//! names each place it changes in the record too:
//!
//! | what | becomes |
//! |---|---|
//! | control characters in identifiers and free text | taken out, sequences for terminals whole; U+0000 is refused |
//! | free text over its limit | its first part and its last 2 KiB, around a line that says how many bytes were left out |
//! | an identifier over its limit | its first characters, `…`, and 8 digits of the SHA-256 of the whole |
//! | an unknown severity | null |
//! | metadata over its size or depth | `{"datastorage.metadata": {"bytes": …, "sha256": …}}`, of its canonical form (RFC 8785); in an update it is refused |
//!
//! What was cut, and an unknown severity, are kept whole in the metadata as `datastorage.FIELD`, where they fit and the
//! client has no key of that name.
//!
//! Which field is of which kind is in [`RecordType::fields`](storage_models::RecordType::fields). The lengths and ranges themselves are checked by the traits of the `validator` crate. Its derive is
//! not used: it wants one struct for each set of fields that may be sent, its errors come in no order and carry
//! the rejected value, and wrong types and unknown fields have to be found before it can begin.
//!
//! # Codes
//!
//! | code | means |
//! |---|---|
//! | `required` | absent, null, or nothing left after trimming and sanitizing |
//! | `wrong_type` | another JSON type, or a fraction where an integer is due |
//! | `unknown_field` | no field of the type, or one that only the server sets |
//! | `immutable_field` | a field that no update may change |
//! | `batch_size` | no record, or more than [`MAX_BATCH_RECORDS`] |
//! | `too_long` | more characters (identifiers) or bytes (free text) than the column takes |
//! | `too_large`, `too_deep` | the metadata as a whole, or the texts of a batch, measured as they are stored |
//! | `invalid_value` | not a word of the set, not a time |
//! | `out_of_range` | a number or time outside its range, or one that contradicts another field |
//! | `status_required` | a finished record without a final status |
//! | `forbidden_character`, `forbidden_markup` | text that is refused rather than altered |
//! | `unsafe_text` | text that would still be markup once it is escaped; there is none, and each is looked at |
//! | `duplicate_key`, `number_out_of_range`, `number_too_long`, `nul_character`, `invalid_string`, `too_deep` | found by the parser, see [`storage_models::json::JsonFaultKind`] |

mod batch;
mod checks;
mod controls;
mod cut;
mod draft;
mod error;
mod field;
mod free_text;
mod handling;
mod metadata;
mod number;
mod problem;
mod record;
mod report;
#[cfg(test)]
mod tests;
mod text;
mod time;
mod update;

pub use storage_models::fields::MAX_FREE_TEXT_BYTES;

pub use batch::{RefusedBatch, ValidBatch, batch};
pub use error::{FieldError, Invalid};
pub use handling::Handling;
pub use record::{ValidRecord, record};
pub use update::{RefusedUpdate, ValidUpdate, update};

/// Records that one batch may hold.
pub const MAX_BATCH_RECORDS: usize = 1_000;

/// Bytes of UTF-8 that metadata may take as PostgreSQL gives it back, with all digits of its numbers
/// ([`storage_models::Json::stored_bytes`]): every reader gets them.
pub const MAX_METADATA_BYTES: usize = 256 * 1024;

/// How deeply metadata may be nested; the object itself is the first level.
pub const MAX_METADATA_DEPTH: usize = 32;
