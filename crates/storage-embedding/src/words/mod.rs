//! Identifiers and error texts to plain lower-case words, without what a machine made up.

mod abbreviations;
mod camel;
mod generated;
#[cfg(test)]
mod tests;

pub(crate) use abbreviations::spell_out;
use std::net::Ipv4Addr;

/// Which bare numbers are dropped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Numbers {
    /// All: an ordinal tells one replica from another, not one meaning from another.
    All,
    /// Only long ones, so that exit codes, ports and status codes stay.
    Long,
}

/// The words of an identifier: `KubePodCrashLooping` gives `kube pod crash looping`,
/// `checkout-api-7d9f8b6c5-x2x4z` gives `checkout api`.
///
/// Bare numbers go, and generated parts: suffixes of pods and ReplicaSets, UUIDs, hexadecimal and
/// digit runs, IPv4 addresses. Nothing may be left of an identifier that is only those.
#[must_use]
pub fn split_identifier(identifier: &str) -> String {
    words(identifier, Numbers::All)
}

/// The words of a text, such as an error message: as [`split_identifier`], but numbers of up to
/// five digits stay.
#[must_use]
pub fn split_text(text: &str) -> String {
    words(text, Numbers::Long)
}

fn words(text: &str, numbers: Numbers) -> String {
    let mut words = Vec::new();
    for chunk in text.split(|character| !belongs_to_chunk(character)) {
        let chunk = chunk.trim_matches(['.', '\'']);
        if chunk.parse::<Ipv4Addr>().is_err() {
            chunk.split('.').for_each(|name| collect(name, numbers, &mut words));
        }
    }
    words.join(" ")
}

/// Letters and digits, and what may join them within a name or a word.
fn belongs_to_chunk(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '-' | '.' | '\'')
}

fn collect(name: &str, numbers: Numbers, words: &mut Vec<String>) {
    let segments: Vec<&str> = name.split('-').filter(|segment| !segment.is_empty()).collect();
    for segment in generated::without_generated(&segments) {
        if numbers == Numbers::Long || !segment.chars().all(char::is_numeric) {
            words.extend(camel::split(segment).map(str::to_lowercase));
        }
    }
}
