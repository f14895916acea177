//! Free text: kept byte for byte, unless a browser might run something in it; then it is escaped, and nothing is lost.

mod active;
mod markup;
mod pending;
mod shadow;
#[cfg(test)]
mod tests;

use storage_models::escape::escape;

use markup::Verdict;

/// Steps of the parser for each byte of a text. Pages of real HTML take about 1, nested as carelessly as
/// lists of generic types are 5; hostile texts of 64 KiB take from 100 to many thousands.
const STEPS_PER_BYTE: usize = 32;

/// Steps that any text may take, however short.
const FREE_STEPS: usize = 50_000;

/// An escaped text that would still be read as markup.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unsafe;

/// Whether free text may not hold the character: a control character other than tab, newline and carriage return.
pub(crate) fn is_control(c: char) -> bool {
    c.is_control() && !matches!(c, '\t' | '\n' | '\r')
}

/// The text escaped when it is active; `None` when it is stored as it is.
pub(crate) fn escape_active(text: &str) -> Result<Option<String>, Unsafe> {
    if is_active(text) { escape_safely(text).map(Some) } else { Ok(None) }
}

/// Whether a browser might run something in the text. A text that takes more steps to be judged than it may counts.
pub(crate) fn is_active(text: &str) -> bool {
    may_hold_tag(text) && markup::judge(text, max_steps(text)).0 != Verdict::Inert
}

/// The text escaped, and seen to be no markup.
pub(crate) fn escape_safely(text: &str) -> Result<String, Unsafe> {
    if_no_markup(escape(text))
}

/// Looks at a text with another reader of HTML than the one that judges.
fn if_no_markup(text: String) -> Result<String, Unsafe> {
    if ammonia::is_html(&text) { Err(Unsafe) } else { Ok(text) }
}

fn max_steps(text: &str) -> usize {
    text.len().saturating_mul(STEPS_PER_BYTE).saturating_add(FREE_STEPS)
}

/// Whether the parser is needed: in every state of it, a start tag begins with `<` and an ASCII letter.
fn may_hold_tag(text: &str) -> bool {
    text.as_bytes().windows(2).any(|pair| matches!(pair, [b'<', letter] if letter.is_ascii_alphabetic()))
}
