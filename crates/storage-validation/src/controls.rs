//! Control characters, and the sequences that set colours, titles and positions in terminals (ECMA-48).

#[cfg(test)]
mod tests;

const ESCAPE: char = '\u{1b}';

/// The single characters that may follow an escape: save, restore, keypad, reverse index, reset, terminator.
const SINGLE: &str = "78=>Mc\\";

/// The text without those characters and the sequences that begin with one; `None` when it has none. Where a sequence does
/// not end as it should, its first character alone is taken out.
pub(crate) fn remove(text: &str, is_control: fn(char) -> bool) -> Option<String> {
    let mut kept = String::new();
    let mut rest = text;
    while let Some((place, control)) = rest.char_indices().find(|(_, c)| is_control(*c)) {
        kept.reserve(text.len() - kept.len());
        let (before, sequence) = rest.split_at_checked(place)?;
        let length = length_of_sequence(sequence).unwrap_or(control.len_utf8());
        kept.push_str(before);
        rest = sequence.get(length..)?;
    }
    if rest.len() == text.len() {
        return None;
    }
    kept.push_str(rest);
    Some(kept)
}

/// Bytes of the sequence that a text begins with.
fn length_of_sequence(text: &str) -> Option<usize> {
    let mut characters = text.chars();
    let introducer = match characters.next()? {
        ESCAPE => characters.next()?,
        // The introducers of one character.
        '\u{9b}' => '[',
        '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => ']',
        _ => return None,
    };
    let body = characters.as_str();
    let length = match introducer {
        '[' => length_of_command(body, '@'),
        ']' | 'P' | 'X' | '^' | '_' => length_of_string(body),
        ' '..='/' => length_of_command(body, '0'),
        other => SINGLE.contains(other).then_some(0),
    };
    length.map(|length| text.len() - body.len() + length)
}

/// Parameters and intermediate characters (space to `?`), up to a last character, which is not below `first`.
fn length_of_command(body: &str, first: char) -> Option<usize> {
    let last = body.find(|c: char| !(' '..first).contains(&c))?;
    let is_ended = body.get(last..)?.starts_with(|c: char| (first..='~').contains(&c));
    is_ended.then_some(last + 1)
}

/// A text for the terminal, within one line, up to the bell or a string terminator.
fn length_of_string(body: &str) -> Option<usize> {
    let end = body.find(char::is_control)?;
    let rest = body.get(end..)?;
    let terminator =
        ["\u{7}", "\u{9c}", "\u{1b}\\"].into_iter().find(|terminator| rest.starts_with(terminator));
    terminator.map(|terminator| end + terminator.len())
}
