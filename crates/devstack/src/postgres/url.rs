//! Parts of a database's URL.

/// `url` with another database in it.
#[must_use]
pub fn with_database(url: &str, database: &str) -> String {
    let (base, query) = url.split_once('?').map_or((url, None), |(base, query)| (base, Some(query)));
    let (scheme, rest) = base.split_once("://").unwrap_or(("postgres", base));
    let authority = rest.split_once('/').map_or(rest, |(authority, _)| authority);
    let query = query.map(|it| format!("?{it}")).unwrap_or_default();
    format!("{scheme}://{authority}/{database}{query}")
}

/// `url` with another user and password in it.
#[must_use]
pub fn with_user(url: &str, user: &str, password: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("postgres", url));
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let address = authority.rsplit_once('@').map_or(authority, |(_, address)| address);
    format!("{scheme}://{user}:{password}@{address}{path}")
}

#[cfg(test)]
mod tests {
    //! Tests for the parts.

    use super::{with_database, with_user};

    #[test]
    fn the_database_of_a_url_is_replaced_and_nothing_else() {
        for (url, expected) in [
            ("postgres://u:p@h:1/a", "postgres://u:p@h:1/x"),
            ("postgres://u@h", "postgres://u@h/x"),
            ("postgresql://h/a?sslmode=disable", "postgresql://h/x?sslmode=disable"),
            ("postgres://u@h/?application_name=a/b", "postgres://u@h/x?application_name=a/b"),
        ] {
            assert_eq!(with_database(url, "x"), expected, "{url}");
        }
    }

    #[test]
    fn the_user_of_a_url_is_replaced_and_nothing_else() {
        for (url, expected) in [
            ("postgres://u:p@h:1/a", "postgres://x:y@h:1/a"),
            ("postgres://h", "postgres://x:y@h"),
            ("postgresql://u@h/a?sslmode=disable", "postgresql://x:y@h/a?sslmode=disable"),
        ] {
            assert_eq!(with_user(url, "x", "y"), expected, "{url}");
        }
    }
}
