//! Free text: kept byte for byte unless a browser would run something in it.

mod active;
mod gate;
mod pending;
mod shadow;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::LazyLock;

use gate::Verdict;

/// Steps of the parser for each byte of a text. Pages of real HTML take about 1, nested as carelessly as
/// lists of generic types are 5; hostile texts of 64 KiB take from 100 to many thousands.
const STEPS_PER_BYTE: usize = 32;

/// Steps that any text may take, however short.
const FREE_STEPS: usize = 50_000;

/// The text's HTML is nested too deeply, or repeats too much, to be judged in reasonable time.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooComplex;

/// What is to be stored instead of the text; `None` when nothing in it could run.
pub(crate) fn sanitize(text: &str) -> Result<Option<String>, TooComplex> {
    match verdict(text) {
        Verdict::Inert => Ok(None),
        Verdict::Active if escape_steps(text) <= max_steps(text) => {
            Ok(Some(SANITIZER.clean(text).to_string()))
        }
        Verdict::Active | Verdict::TooComplex => Err(TooComplex),
    }
}

fn verdict(text: &str) -> Verdict {
    if may_hold_tag(text) { gate::judge(text, max_steps(text)).0 } else { Verdict::Inert }
}

fn max_steps(text: &str) -> usize {
    text.len().saturating_mul(STEPS_PER_BYTE).saturating_add(FREE_STEPS)
}

/// What writing the text costs: html5ever's serializer searches the rest of it, some 1,024 bytes a step, at
/// each `&` and at each character whose first byte is that of a non-breaking space.
fn escape_steps(text: &str) -> usize {
    let escaped = text.bytes().filter(|byte| matches!(byte, b'&' | 0xc2)).count();
    escaped.saturating_mul(text.len()) / 1024
}

/// Whether the parser is needed: in every state of it, a start tag begins with `<` and an ASCII letter.
fn may_hold_tag(text: &str) -> bool {
    text.as_bytes().windows(2).any(|pair| matches!(pair, [b'<', letter] if letter.is_ascii_alphabetic()))
}

/// Drops by the gate's own rule what else ammonia would keep, such as `cite="javascript:…"`.
static SANITIZER: LazyLock<ammonia::Builder<'static>> = LazyLock::new(|| {
    let mut sanitizer = ammonia::Builder::default();
    sanitizer.url_schemes(active::SCHEMES.into_iter().collect());
    sanitizer.attribute_filter(|_, name, value| {
        (!active::is_active_attribute(name, value)).then_some(Cow::Borrowed(value))
    });
    sanitizer
});
