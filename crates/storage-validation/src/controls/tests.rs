//! What is taken out, and what is not.

use proptest::prelude::*;

use super::remove;
use crate::free_text::is_control;

/// F69: sequences go whole; what only begins like one loses the control character alone.
#[test]
fn sequences_are_taken_out_whole() {
    for (text, kept) in [
        ("\u{1b}[31mred\u{1b}[0m", "red"),
        ("\u{1b}[1;38;5;196mE\u{1b}[m 5", "E 5"),
        ("a\u{1b}[2K\u{1b}[1Gb\u{1b}[?25l", "ab"),
        ("\u{1b}]0;title\u{7}x", "x"),
        ("\u{1b}]8;;https://example.com\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link"),
        ("\u{9b}31mred\u{9b}0m", "red"),
        ("\u{9d}0;title\u{9c}x", "x"),
        ("\u{1b}(B\u{1b})0x", "x"),
        ("\u{1b}7x\u{1b}8\u{1b}cy", "xy"),
        ("a\u{8}b\u{7f}c\u{85}d\u{1}", "abcd"),
        ("\u{1b}error", "error"),
        ("\u{1b}[31", "[31"),
        ("\u{1b}[31\nm", "[31\nm"),
        ("\u{1b}]0;no end\nline", "]0;no end\nline"),
        ("\u{1b}]0;no end", "]0;no end"),
        ("\u{1b}", ""),
        ("é\u{1b}[0mé", "éé"),
    ] {
        assert_eq!(remove(text, is_control).as_deref(), Some(kept), "{text:?}");
    }
    for text in ["", "a\tb\r\nc", "[31m", "é\u{2028}\u{202e}"] {
        assert_eq!(remove(text, is_control), None, "{text:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    /// F69: no control character is left, and without one nothing is taken out.
    #[test]
    fn no_control_is_left(text in prop_oneof![any::<String>(), "[\u{1b}\u{9b}\u{7}\\[\\]();0-9mé\n\\\\]{0,24}"]) {
        let kept = remove(&text, is_control);
        prop_assert_eq!(kept.is_some(), text.contains(is_control));
        prop_assert!(!kept.unwrap_or_default().contains(is_control));
    }
}
