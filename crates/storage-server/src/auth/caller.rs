//! The caller of a request.

use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::Arc;

use actix_web::{HttpMessage as _, HttpRequest};
use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

/// The name of an unknown caller, and of every caller in mode `none`.
pub(crate) const ANONYMOUS: &str = "anonymous";

/// Characters of a name that an idempotency key has room for.
const MAX_SCOPE: usize = 255;

/// A caller, by name: a token's, or what Kubernetes calls it (`system:serviceaccount:…`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Caller(Arc<str>);

impl Caller {
    pub(crate) fn named(name: &str) -> Self {
        Self(name.into())
    }

    /// The caller of this request.
    pub(crate) fn of(request: &HttpRequest) -> Self {
        let known = request.extensions().get::<CallerSlot>().and_then(CallerSlot::get);
        known.unwrap_or_else(|| Self::named(ANONYMOUS))
    }

    pub(crate) fn name(&self) -> &str {
        &self.0
    }

    pub(crate) fn into_name(self) -> Arc<str> {
        self.0
    }

    /// The scope of this caller's idempotency keys: the name, or its hash if the name is too long.
    pub(crate) fn scope(&self) -> String {
        if self.0.chars().count() <= MAX_SCOPE {
            return self.0.to_string();
        }
        format!("sha256:{}", HEXLOWER.encode(&Sha256::digest(self.0.as_bytes())))
    }
}

/// Where the guard leaves the caller for the handler and for the line in the log.
#[derive(Debug, Clone, Default)]
pub(crate) struct CallerSlot(Rc<OnceCell<Caller>>);

impl CallerSlot {
    /// The first caller set stays.
    pub(crate) fn set(&self, caller: Caller) {
        let _first = self.0.set(caller);
    }

    pub(crate) fn get(&self) -> Option<Caller> {
        self.0.get().cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::Caller;

    /// BR-STORAGE-004: every caller has keys of their own, however long the name.
    #[test]
    fn a_scope_fits_an_idempotency_key_and_tells_callers_apart() {
        let (first, second) = (format!("{}a", "n".repeat(300)), format!("{}b", "n".repeat(300)));
        for name in ["controller", &first, &second] {
            assert!(Caller::named(name).scope().len() <= 255);
        }
        assert_eq!(Caller::named("controller").scope(), "controller");
        assert_ne!(Caller::named(&first).scope(), Caller::named(&second).scope());
    }
}
