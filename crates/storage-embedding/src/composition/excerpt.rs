//! The most informative parts of a long text: its first lines, its root cause and its last lines.

use std::borrow::Cow;

/// Characters of a text that is taken as it is: as many as the model reads beside the other values.
const MAX_WHOLE: usize = 512;

/// Characters of the first lines, of the root cause, and of the last lines.
const MAX_FIRST: usize = 200;
const MAX_CAUSE: usize = 150;
const MAX_LAST: usize = 150;

/// The beginning of a cause in traces of Java and similar languages; the last one is the root.
const CAUSE: &str = "caused by";

/// The text itself if it is short. Else what its first lines say, what follows the last "Caused by", and what its last lines
/// say; the frames of a stack say nothing.
pub(super) fn excerpt(text: &str) -> Cow<'_, str> {
    if text.chars().nth(MAX_WHOLE).is_none() {
        return Cow::Borrowed(text);
    }
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| is_told(line)).collect();
    let told = lines.join("\n");
    if told.chars().nth(MAX_WHOLE).is_none() {
        return Cow::Owned(told);
    }
    let cause = lines.iter().rev().find_map(|line| after_cause(line)).unwrap_or_default();
    let parts = [first(&told, MAX_FIRST), first(cause, MAX_CAUSE), last(&told, MAX_LAST)];
    Cow::Owned(parts.join("\n"))
}

/// Whether a line is neither empty nor a frame: `at org.example.Class.method(Class.java:7)`, `... 23 more`.
fn is_told(line: &str) -> bool {
    let is_frame = line.starts_with("at ") && line.ends_with(')');
    let is_rest = line.starts_with("... ") && line.ends_with(" more");
    !line.is_empty() && !is_frame && !is_rest
}

fn after_cause(line: &str) -> Option<&str> {
    let (head, rest) = line.split_at_checked(CAUSE.len())?;
    head.eq_ignore_ascii_case(CAUSE).then_some(rest)
}

fn first(text: &str, characters: usize) -> &str {
    let end = text.char_indices().nth(characters).map_or(text.len(), |(end, _)| end);
    text.get(..end).unwrap_or(text)
}

fn last(text: &str, characters: usize) -> &str {
    let begin = text.char_indices().rev().nth(characters.saturating_sub(1)).map_or(0, |(begin, _)| begin);
    text.get(begin..).unwrap_or(text)
}
