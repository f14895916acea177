//! The version of a record as an entity tag (RFC 9110, section 8.8.3).

use actix_web::error::ParseError;
use actix_web::http::header::EntityTag;
use storage_models::Record;

/// The strong tag of a record: `"<id>-<version>"`.
pub(crate) fn of(record: &Record) -> String {
    format!("\"{}-{}\"", record.id(), record.version())
}

/// Whether `If-None-Match` names the tag. Weakly compared, as that header is.
pub(crate) fn matches(if_none_match: &str, tag: &str) -> bool {
    if_none_match.trim() == "*" || names(if_none_match, tag, EntityTag::weak_eq)
}

/// Whether `If-Match` names the tag. Strongly compared, as that header is: a weak tag matches nothing.
pub(crate) fn matches_strongly(if_match: &str, tag: &str) -> bool {
    names(if_match, tag, EntityTag::strong_eq)
}

/// Whether all tags of the header are weak.
pub(crate) fn are_weak(if_match: &str) -> bool {
    tags(if_match).all(|one| one.is_ok_and(|one| one.weak))
}

/// Whether something in the header is no tag, for example because it lacks its quotes. actix-web's `IfMatch` leaves that
/// out without a word, so the list is split here.
pub(crate) fn has_unquoted(if_match: &str) -> bool {
    tags(if_match).any(|one| one.is_err())
}

fn names(header: &str, tag: &str, are_equal: fn(&EntityTag, &EntityTag) -> bool) -> bool {
    tag.parse().is_ok_and(|tag| tags(header).flatten().any(|one| are_equal(&one, &tag)))
}

fn tags(header: &str) -> impl Iterator<Item = Result<EntityTag, ParseError>> {
    header.split(',').map(str::trim).filter(|one| !one.is_empty()).map(str::parse)
}

#[cfg(test)]
mod tests {
    use super::{are_weak, has_unquoted, matches, matches_strongly};

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
    fn a_tag_is_in_quotes() {
        for (header, expected) in [
            ("\"7-1\"", false),
            ("W/\"7-1\" , \"7-2\",", false),
            ("7-1", true),
            ("\"7-1\", 7-2", true),
            ("\"", true),
            ("\"7\"1\"", true),
            ("*, \"7-1\"", true),
            ("w/\"7-1\"", true),
        ] {
            assert_eq!(has_unquoted(header), expected, "{header}");
        }
        assert!(are_weak("W/\"7-1\", W/\"7-2\"") && !are_weak("W/\"7-1\", \"7-2\""));
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
