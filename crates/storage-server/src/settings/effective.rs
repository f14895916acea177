//! The settings as they are in force, to be shown: without secrets.

use std::fmt;

use serde::Serialize;
use utoipa::ToSchema;

use super::value::Setting;

/// What stands in place of a password inside an address.
const HIDDEN: &str = "***";

/// One setting as it is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Setting)]
pub struct EffectiveSetting {
    /// `section.key`.
    #[schema(examples("server.addr"))]
    pub name: String,
    /// As it was written; null when it is not set, and for a secret.
    #[schema(required, examples("127.0.0.1:8080"))]
    pub value: Option<String>,
    /// Whether it has a value, which tells of a secret what can be told.
    #[schema(examples(true))]
    pub is_set: bool,
    /// Whether it is a secret: then its value is never shown.
    pub is_secret: bool,
    /// The defaults, a file, the environment or a flag.
    #[schema(examples("the defaults"))]
    pub source: String,
}

impl EffectiveSetting {
    pub(super) fn new<T: Setting>(name: &str, text: &str, source: String) -> Self {
        let is_set = !text.is_empty();
        let value = (is_set && !T::SECRET).then(|| without_password(text));
        Self { name: name.to_owned(), value, is_set, is_secret: T::SECRET, source }
    }
}

/// As messages show it, after "is".
impl fmt::Display for EffectiveSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "`{value}` ({})", self.source),
            None if self.is_set => write!(f, "a secret ({})", self.source),
            None => f.write_str("not set"),
        }
    }
}

/// The text, but for what stands before the host of an address.
fn without_password(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://{HIDDEN}@{host}{path}"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::without_password;

    #[test]
    fn an_address_is_shown_without_what_opens_it() {
        for (text, shown) in [
            ("https://h:1/p?q=a@b", "https://h:1/p?q=a@b"),
            ("https://user:s3@cret@h:1/p", "https://***@h:1/p"),
            ("https://key@h", "https://***@h"),
            ("a@b", "a@b"),
            ("info,storage_dualwrite=debug", "info,storage_dualwrite=debug"),
        ] {
            assert_eq!(without_password(text), shown);
        }
    }
}
