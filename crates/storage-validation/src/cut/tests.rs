//! What is left of what is cut.

use proptest::prelude::*;

use super::{free_text, identifier, sha256};

const MAX: usize = 8 * 1024;

/// F69: the end of a long text, where its cause stands, is kept; the line between says what is missing.
#[test]
fn both_ends_of_a_text_stay() {
    let text = format!("begin {}{}", "x".repeat(20_000), "\nCaused by: zanzibar refused");
    let cut = free_text(&text, MAX);
    assert!(cut.starts_with("begin xxx") && cut.ends_with("\nCaused by: zanzibar refused"), "{cut}");
    let note = cut.lines().find(|line| line.ends_with(" bytes left out]")).unwrap();
    let left_out: usize = note.trim_start_matches('[').split(' ').next().unwrap().parse().unwrap();
    assert_eq!(cut.len() - note.len() - 2 + left_out, text.len());
    assert_eq!(cut.len(), MAX);
    assert_eq!(cut.rsplit_once(&format!("{note}\n")).unwrap().1.len(), 2 * 1024);
}

/// F69: different identifiers that begin alike stay different, and the digits are those of the whole.
#[test]
fn identifiers_that_begin_alike_stay_different() {
    let (one, other) = ("a".repeat(300), "a".repeat(301));
    let cut = identifier(&one, 255);
    assert_eq!(cut.chars().count(), 255);
    assert_eq!(cut, format!("{}…{}", "a".repeat(246), sha256(one.as_bytes()).get(..8).unwrap()));
    assert_ne!(cut, identifier(&other, 255));
    assert_eq!(sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

proptest! {
    /// Whatever the characters, the limit holds and none is cut in two.
    #[test]
    fn limits_hold_in_bytes_and_characters(unit in "\\PC{1,3}", more in 1..500_usize) {
        let text = unit.repeat(MAX / unit.len() + more);
        let cut = free_text(&text, MAX);
        prop_assert!(cut.len() <= MAX && cut.len() > MAX - 32, "{}", cut.len());
        let name = identifier(&text, 100);
        prop_assert_eq!(name.chars().count(), 100);
    }
}
