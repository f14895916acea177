//! The version of a record as an entity tag (RFC 9110, section 8.8.3).

use storage_models::Record;

/// The strong tag of a record: `"<id>-<version>"`.
pub(crate) fn of(record: &Record) -> String {
    format!("\"{}-{}\"", record.id(), record.version())
}

/// Whether `If-None-Match` names the tag. Weakly compared, as that header is.
pub(crate) fn matches(if_none_match: &str, tag: &str) -> bool {
    if_none_match.trim() == "*"
        || if_none_match.split(',').any(|one| one.trim().trim_start_matches("W/") == tag)
}

/// Whether `If-Match` names the tag. Strongly compared, as that header is: a weak tag matches nothing.
pub(crate) fn matches_strongly(if_match: &str, tag: &str) -> bool {
    if_match.split(',').any(|one| one.trim() == tag)
}

#[cfg(test)]
mod tests {
    use super::{matches, matches_strongly};

    #[test]
    fn a_change_is_for_exactly_the_versions_it_names() {
        for (header, expected) in [
            ("\"7-1\"", true),
            ("\"6-1\", \"7-1\"", true),
            ("W/\"7-1\"", false),
            ("\"7-2\"", false),
            ("7-1", false),
            ("*", false),
        ] {
            assert_eq!(matches_strongly(header, "\"7-1\""), expected, "{header}");
        }
    }

    #[test]
    fn a_tag_is_found_in_a_list_weak_or_strong() {
        for (header, expected) in [
            ("\"7-1\"", true),
            ("W/\"7-1\"", true),
            ("\"6-1\", \"7-1\"", true),
            ("*", true),
            ("\"7-2\"", false),
            ("7-1", false),
            ("", false),
        ] {
            assert_eq!(matches(header, "\"7-1\""), expected, "{header}");
        }
    }
}
