//! The file: one token a line, as `NAME sha256:HASH PERMISSION,…`. Tokens themselves are not in it.

use std::collections::HashMap;

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use sha2::{Digest as _, Sha256};

use crate::auth::{ANONYMOUS, Caller, Permission, Permissions};

/// The prefix of a hash.
pub(super) const PREFIX: &str = "sha256:";

/// Characters of a name.
const MAX_NAME: usize = 128;

/// Of a token; it cannot be turned back.
pub(super) type TokenHash = [u8; 32];

/// The owner of a token and its permissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Holder {
    pub(super) caller: Caller,
    pub(super) permissions: Permissions,
}

/// Every token of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct TokenSet(HashMap<TokenHash, Holder>);

/// The fault of a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// Other than three words.
    #[error("line {0} must have three parts: a name, {PREFIX} with the token's hash, and permissions")]
    Parts(usize),
    /// A name that a log line could not show.
    #[error(
        "line {0} must begin with a name of at most {MAX_NAME} visible ASCII characters other than `{ANONYMOUS}`"
    )]
    Name(usize),
    /// No SHA-256.
    #[error("line {0} must have {PREFIX} and 64 hexadecimal digits, as `datastorage token new` prints them")]
    Hash(usize),
    /// A permission that does not exist.
    #[error("line {0} must end with permissions (audit:read, audit:write or admin), separated by commas")]
    Permission(usize),
    /// The token of an earlier line.
    #[error("line {0} repeats the token of another line")]
    Repeated(usize),
}

/// The hash under which a token is kept. Tokens have 256 random bits, so that no slow hash is needed.
pub(super) fn hash(token: &str) -> TokenHash {
    Sha256::digest(token.as_bytes()).into()
}

/// A hash as it stands in the file.
pub(super) fn shown(hash: &TokenHash) -> String {
    format!("{PREFIX}{}", HEXLOWER.encode(hash))
}

/// Whether it may be a caller's name.
pub(super) fn is_name(name: &str) -> bool {
    let is_visible = name.bytes().all(|byte| byte.is_ascii_graphic()) && !name.starts_with('#');
    (1..=MAX_NAME).contains(&name.len()) && is_visible && name != ANONYMOUS
}

impl TokenSet {
    /// Reads a file's text. Empty lines and lines that begin with `#` are ignored.
    pub(super) fn parse(text: &str) -> Result<Self, Vec<TokenFault>> {
        let (mut set, mut faults) = (Self::default(), Vec::new());
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match entry(number, line) {
                Ok((hash, _)) if set.0.contains_key(&hash) => faults.push(TokenFault::Repeated(number)),
                Ok((hash, holder)) => {
                    set.0.insert(hash, holder);
                }
                Err(fault) => faults.push(fault),
            }
        }
        if faults.is_empty() { Ok(set) } else { Err(faults) }
    }

    /// Looks a token up by its hash, so that the time of the look-up reveals nothing about the tokens of the file.
    pub(super) fn holder(&self, token: &str) -> Option<&Holder> {
        self.0.get(&hash(token))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

fn entry(number: usize, line: &str) -> Result<(TokenHash, Holder), TokenFault> {
    let parts: Vec<&str> = line.split_whitespace().collect();
    let [name, hash, permissions] = parts.as_slice() else { return Err(TokenFault::Parts(number)) };
    if !is_name(name) {
        return Err(TokenFault::Name(number));
    }
    let hash = hash.strip_prefix(PREFIX).and_then(from_hex).ok_or(TokenFault::Hash(number))?;
    let permissions: Option<Permissions> = permissions.split(',').map(Permission::named).collect();
    let permissions = permissions.ok_or(TokenFault::Permission(number))?;
    Ok((hash, Holder { caller: Caller::named(name), permissions }))
}

fn from_hex(text: &str) -> Option<TokenHash> {
    HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::{TokenFault, TokenSet, hash, shown};
    use crate::auth::Permission;

    /// BR-STORAGE-020
    #[test]
    fn a_file_names_tokens_by_their_hash() {
        let line = |name: &str, token: &str, permissions: &str| {
            format!("{name} {} {permissions}\n", shown(&hash(token)))
        };
        let text = format!(
            "# tokens\n\n{}  {}",
            line("writer", "t1", "audit:write"),
            line("both", "t2", "audit:read,audit:write")
        );
        let set = TokenSet::parse(&text).unwrap();
        let holder = set.holder("t2").unwrap();
        assert_eq!(holder.caller.name(), "both");
        assert!(holder.permissions.holds(Permission::Read) && !holder.permissions.holds(Permission::Admin));
        assert!(!set.holder("t1").unwrap().permissions.holds(Permission::Read));
        assert_eq!(set.holder("t3"), None);
        assert_eq!(set.holder(&shown(&hash("t1"))), None);
    }

    /// F23: every bad line is named, and none of them reveals what it holds.
    #[test]
    fn every_bad_line_is_named() {
        let good = shown(&hash("t"));
        let text = format!(
            "a {good} audit:read\nb {good} audit:read\nc token audit:read\nd {good}0 audit:read\n\
             anonymous {good} admin\ne {good} audit\nf {good}\ng {good} audit:read, admin\n"
        );
        let faults = TokenSet::parse(&text).unwrap_err();
        assert_eq!(
            faults,
            [
                TokenFault::Repeated(2),
                TokenFault::Hash(3),
                TokenFault::Hash(4),
                TokenFault::Name(5),
                TokenFault::Permission(6),
                TokenFault::Parts(7),
                TokenFault::Parts(8)
            ]
        );
        assert!(faults.iter().all(|fault| !fault.to_string().contains(&good)));
        assert_eq!(TokenSet::parse("").unwrap().len(), 0);
    }
}
