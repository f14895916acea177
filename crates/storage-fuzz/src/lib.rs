//! Properties that must hold for any bytes of a client.
//!
//! Each function takes bytes, gives them to the code that reads what clients send, and panics when a promise is broken.
//! The targets in `fuzz/` call them with bytes that a fuzzer makes; the tests here call them with the corpora in
//! `fuzz/seeds/`, in which every finding stays.

#![expect(clippy::expect_used, reason = "a broken rule must stop the fuzzer")]

mod body;
mod query;
mod receipt;
mod text;

#[cfg(test)]
mod tests;

pub use body::{body, idempotency};
pub use query::{cursor, query, time};
pub use text::sanitizer;

/// A target with its name, which is also that of its corpus.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 6] = [
    ("body", body),
    ("query", query),
    ("cursor", cursor),
    ("time", time),
    ("sanitizer", sanitizer),
    ("idempotency", idempotency),
];
