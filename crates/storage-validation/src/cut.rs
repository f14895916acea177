//! Shortens values that are longer than their field, and marks the cut in the value.

#[cfg(test)]
mod tests;

use sha2::{Digest as _, Sha256};

/// Bytes of the end of a text that stay: a stack trace ends with its cause.
const TAIL: usize = 2 * 1024;

/// The number of hexadecimal digits that distinguish identifiers with the same beginning.
const DIGITS: usize = 8;

/// The first part of a text and its end, around a line that says how many bytes were left out; `max` bytes at most.
pub(crate) fn free_text(text: &str, max: usize) -> String {
    let tail = text.get(text.ceil_char_boundary(text.len().saturating_sub(TAIL))..).unwrap_or_default();
    let longest_note = note(text.len()).len();
    let room = max.saturating_sub(tail.len() + longest_note);
    let head = text.get(..text.floor_char_boundary(room)).unwrap_or_default();
    let left_out = text.len().saturating_sub(head.len() + tail.len());
    format!("{head}{}{tail}", note(left_out))
}

fn note(bytes: usize) -> String {
    format!("\n[{bytes} bytes left out]\n")
}

/// The first characters of an identifier, `…` and the first digits of the SHA-256 of the whole; `max` characters.
pub(crate) fn identifier(text: &str, max: usize) -> String {
    let kept: String = text.chars().take(max.saturating_sub(DIGITS + 1)).collect();
    let digest: String = sha256(text.as_bytes()).chars().take(DIGITS).collect();
    format!("{kept}…{digest}")
}

/// The SHA-256 in hexadecimal digits.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
