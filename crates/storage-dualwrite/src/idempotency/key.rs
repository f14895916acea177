//! A key, and the answer that is kept under it.

use std::fmt;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

/// The caller, the route and the key, which together identify an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    pub(crate) caller: String,
    pub(crate) route: String,
    pub(crate) key: String,
}

/// The hash of a request's canonical text, which is written into it and never held as a whole.
#[derive(Debug, Clone, Default)]
pub struct RequestDigest(Sha256);

impl fmt::Write for RequestDigest {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text);
        Ok(())
    }
}

/// The key of a request, with a hash of the request itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    pub(crate) identity: Identity,
    pub(crate) hash: [u8; 32],
}

impl IdempotencyKey {
    /// The key of a request. Each part has at most 255 characters.
    #[must_use]
    pub fn new(caller: &str, route: &str, key: &str, request: RequestDigest) -> Self {
        let identity = Identity { caller: caller.to_owned(), route: route.to_owned(), key: key.to_owned() };
        Self { identity, hash: request.0.finalize().into() }
    }

    /// The number of the key's advisory lock. Two keys that share it, one pair in 2^64, are never written at once.
    pub(crate) fn lock(&self) -> i64 {
        let Identity { caller, route, key } = &self.identity;
        let digest: [u8; 32] = Sha256::new()
            .chain_update(caller.len().to_be_bytes())
            .chain_update(caller)
            .chain_update(route.len().to_be_bytes())
            .chain_update(route)
            .chain_update(key)
            .finalize()
            .into();
        let mut number = [0; 8];
        for (place, byte) in number.iter_mut().zip(digest) {
            *place = byte;
        }
        i64::from_be_bytes(number)
    }
}

/// The answer to a repeated request, byte for byte. Only the server knows the meaning of its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: i16,
    /// Where what was stored is.
    pub location: Option<String>,
    /// Its version.
    pub etag: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

/// Makes the answer from what was stored; pure, since it is asked once inside the transaction and once for the
/// client.
pub type Render<T> = Arc<dyn Fn(&T) -> Reply + Send + Sync>;

/// A request's key and the way to answer it.
pub struct Keyed<T: ?Sized> {
    /// The key.
    pub key: IdempotencyKey,
    /// The answer to the first request, which its repetitions get too.
    pub render: Render<T>,
}

impl<T: ?Sized> fmt::Debug for Keyed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyed").field("key", &self.key).finish_non_exhaustive()
    }
}

/// How a write that succeeded came about.
#[derive(Debug, Clone, PartialEq)]
pub enum Written<T> {
    /// It was done now.
    Now(T),
    /// It was done before, under the same key, and answered with this.
    Before(Reply),
}

impl<T> Written<T> {
    /// The same with another result.
    pub fn map<U>(self, other: impl FnOnce(T) -> U) -> Written<U> {
        match self {
            Self::Now(result) => Written::Now(other(result)),
            Self::Before(reply) => Written::Before(reply),
        }
    }
}
