//! Places in a document, by JSON pointer (RFC 6901).

use super::Json;

/// Appends one reference token to a JSON pointer, escaped as RFC 6901 says.
#[must_use]
pub fn pointer_to(parent: &str, token: &str) -> String {
    format!("{parent}/{}", token.replace('~', "~0").replace('/', "~1"))
}

/// Whether a key is the one that a token of a pointer stands for (RFC 6901, section 4).
#[must_use]
pub fn is_key_of(token: &str, key: &str) -> bool {
    if token.contains('~') { token.replace("~1", "/").replace("~0", "~") == key } else { token == key }
}

impl Json {
    /// The value at a place.
    #[must_use]
    pub fn at(&self, pointer: &str) -> Option<&Self> {
        pointer.split('/').skip(1).try_fold(self, |value, token| match value {
            Self::Object(members) => {
                members.iter().find(|(key, _)| is_key_of(token, key)).map(|(_, value)| value)
            }
            Self::Array(items) => items.get(token.parse::<usize>().ok()?),
            _ => None,
        })
    }

    /// The value at a place, to be changed.
    #[must_use]
    pub fn at_mut(&mut self, pointer: &str) -> Option<&mut Self> {
        pointer.split('/').skip(1).try_fold(self, |value, token| match value {
            Self::Object(members) => {
                members.iter_mut().find(|(key, _)| is_key_of(token, key)).map(|(_, value)| value)
            }
            Self::Array(items) => items.get_mut(token.parse::<usize>().ok()?),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Json, pointer_to};

    #[test]
    fn a_pointer_leads_to_its_place() {
        let text = r#"{"a/b": {"~1": [null, "x"]}, "": 1, "0": 2}"#;
        let mut document = Json::parse(text.as_bytes()).unwrap().value;
        let x = pointer_to(&pointer_to(&pointer_to("", "a/b"), "~1"), "1");
        assert_eq!(x, "/a~1b/~01/1");
        for (pointer, found) in [
            (x.as_str(), Some("string")),
            ("", Some("object")),
            ("/", Some("number")),
            ("/0", Some("number")),
            ("/a~1b/~01/2", None),
            ("/a~1b/~01/x", None),
            ("/a/b", None),
            ("//0", None),
        ] {
            assert_eq!(document.at(pointer).map(Json::kind), found, "{pointer}");
            assert_eq!(document.at_mut(pointer).map(|value| value.kind()), found, "{pointer}");
        }
    }
}
