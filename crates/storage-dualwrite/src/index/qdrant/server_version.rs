//! Which versions of Qdrant will do.

/// The oldest Qdrant that keeps an older version from replacing a newer one (`update_filter`); an older server
/// ignores the condition without a word.
pub(super) const OLDEST: &str = "1.16";
const OLDEST_VERSION: (u64, u64) = (1, 16);

/// Whether a server that names this version will do.
pub(super) fn is_new_enough(text: &str) -> bool {
    version(text).is_some_and(|version| version >= OLDEST_VERSION)
}

/// Major and minor number of a version such as `1.17.1` or `1.18.0-dev`.
fn version(text: &str) -> Option<(u64, u64)> {
    let mut numbers = text.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::is_new_enough;

    #[test]
    fn only_versions_that_can_be_read_and_are_new_enough_pass() {
        for (text, passes) in [
            ("1.16.0", true),
            ("1.17.1", true),
            ("1.18.0-dev", true),
            ("2.0.0", true),
            ("1.15.5", false),
            ("0.11.7", false),
            ("", false),
            ("v1.17.1", false),
            ("1", false),
        ] {
            assert_eq!(is_new_enough(text), passes, "{text}");
        }
    }
}
