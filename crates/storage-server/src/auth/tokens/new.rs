//! Making a token.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;

use super::file::{hash, is_name, shown};
use crate::auth::Permission;

/// The prefix of every token, so that scanners for leaked secrets can recognise it.
const PREFIX: &str = "dst_";

/// A token that was just made, and the line that makes it known.
pub struct NewToken {
    /// The token, which is nowhere else.
    pub token: SecretString,
    /// The line of the file.
    pub line: String,
}

/// Why no token was made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NewTokenError {
    /// The name cannot stand in a log.
    #[error(
        "the name must have 1 to 128 visible ASCII characters, must not begin with # and must not be `anonymous`"
    )]
    Name,
    /// There is no such permission.
    #[error("`{0}` is not a permission; use audit:read, audit:write or admin")]
    Permission(String),
}

impl NewToken {
    /// Makes a token of 256 random bits for the caller called `name`.
    ///
    /// # Errors
    /// When the name or a permission cannot be used.
    pub fn for_caller(name: &str, permissions: &[String]) -> Result<Self, NewTokenError> {
        if !is_name(name) {
            return Err(NewTokenError::Name);
        }
        for permission in permissions {
            Permission::named(permission).ok_or_else(|| NewTokenError::Permission(permission.clone()))?;
        }
        let token = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()));
        let line = format!("{name} {} {}", shown(&hash(&token)), permissions.join(","));
        Ok(Self { token: token.into(), line })
    }
}

impl fmt::Debug for NewToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewToken").field("line", &self.line).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::{NewToken, NewTokenError};
    use crate::auth::tokens::file::TokenSet;

    /// BR-STORAGE-020
    #[test]
    fn a_new_token_is_known_by_its_line_and_never_the_same() {
        let permissions = ["audit:read".to_owned(), "admin".to_owned()];
        let (first, second) = (
            NewToken::for_caller("a", &permissions).unwrap(),
            NewToken::for_caller("a", &permissions).unwrap(),
        );
        let token = first.token.expose_secret();
        assert_ne!(token, second.token.expose_secret());
        assert_eq!(token.len(), 47);
        assert!(!first.line.contains(token) && !format!("{first:?}").contains(token));
        let set = TokenSet::parse(&first.line).unwrap();
        assert_eq!(set.holder(token).unwrap().caller.name(), "a");
        assert_eq!(set.holder(second.token.expose_secret()), None);
    }

    #[test]
    fn a_name_or_permission_that_no_file_may_have_is_refused() {
        assert_eq!(NewToken::for_caller("a b", &[]).unwrap_err(), NewTokenError::Name);
        assert_eq!(NewToken::for_caller("anonymous", &[]).unwrap_err(), NewTokenError::Name);
        let all = ["all".to_owned()];
        assert_eq!(NewToken::for_caller("a", &all).unwrap_err(), NewTokenError::Permission("all".to_owned()));
    }
}
