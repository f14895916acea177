//! Identifiers: names of things, in which no markup and no call survives. Records are stored by these rules, and what is
//! compared with them goes through the same.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use unicode_normalization::{UnicodeNormalization as _, is_nfc};
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory as _};

/// The identifier as it is stored: in the normalization form NFC, trimmed; `<`, `>` and `;` are gone, and so are the
/// parentheses that would call a word. Idempotent, and cannot create what it removes, because it judges by what it has
/// already put out. Characters that are refused ([`is_forbidden`]) pass, unless they stand at an end and are white space.
#[must_use]
pub fn sanitize(text: &str) -> String {
    let kept = without_markup(&composed(text));
    // A letter and its accent may have become neighbours.
    if is_nfc(&kept) { kept } else { kept.nfc().collect() }
}

/// The text in NFC.
fn composed(text: &str) -> Cow<'_, str> {
    if is_nfc(text) { Cow::Borrowed(text) } else { Cow::Owned(text.nfc().collect()) }
}

fn without_markup(text: &str) -> String {
    let mut output = String::with_capacity(text.len());
    // Of each open parenthesis, whether it was kept.
    let mut open = Vec::new();
    for c in text.trim().chars() {
        let keep = match c {
            '<' | '>' | ';' => false,
            '(' => {
                let keep = !ends_in_word(&output);
                open.push(keep);
                keep
            }
            ')' => open.pop().unwrap_or(true),
            _ => true,
        };
        if keep {
            output.push(c);
        }
    }
    output.trim().to_owned()
}

fn ends_in_word(output: &str) -> bool {
    let is_mark = |c: &char| c.general_category_group() == GeneralCategoryGroup::Mark;
    output.chars().rev().find(|c| !is_mark(c)).is_some_and(char::is_alphanumeric)
}

/// Characters that no identifier may hold: controls, line and paragraph separators, and what turns the
/// direction of the text around it.
#[must_use]
pub fn is_forbidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}')
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
