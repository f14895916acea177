//! Word borders inside `CamelCase`.

/// The words of a segment of letters and digits, as they are written.
pub(super) fn split(segment: &str) -> impl Iterator<Item = &str> {
    let characters: Vec<(usize, char)> = segment.char_indices().collect();
    let mut borders: Vec<usize> = vec![0];
    for (at, window) in characters.windows(2).enumerate() {
        let [(_, left), (index, right)] = *window else { continue };
        let after = characters.get(at + 2).map(|(_, character)| *character);
        let beyond = characters.get(at + 3).map(|(_, character)| *character);
        if right.is_uppercase() && is_border(left, after, beyond) {
            borders.push(index);
        }
    }
    let ends: Vec<usize> = borders.iter().skip(1).copied().chain([segment.len()]).collect();
    borders.into_iter().zip(ends).filter_map(move |(start, end)| segment.get(start..end))
}

/// Whether a word begins at an upper-case letter between `left` and `after`.
fn is_border(left: char, after: Option<char>, beyond: Option<char>) -> bool {
    if left.is_lowercase() {
        return true;
    }
    let plural_of_acronym = after == Some('s') && !beyond.is_some_and(char::is_lowercase);
    after.is_some_and(char::is_lowercase) && !plural_of_acronym
}
