//! Authentication and authorisation.
//!
//! | step | where |
//! |---|---|
//! | what the route asks of its caller | `routes::access`, the one table |
//! | the token in the header | [`bearer`] |
//! | whose token it is, and what it permits | a [`TokenVerifier`]: [`tokens`], [`kubernetes`]; none in mode `none` |
//! | all of it, in order, for each request | [`AccessGuard`] |
//! | for whom places are counted | `store::requester` |
//!
//! A route that the table does not have is never answered, in every mode. Only this module reads tokens. No log line,
//! label or answer has a token.

mod access;
pub(crate) mod bearer;
mod caller;
mod guard;
pub(crate) mod kubernetes;
mod peer;
mod permission;
mod rate;
pub(crate) mod tokens;
mod verifier;

pub(crate) use access::Access;
pub(crate) use caller::{ANONYMOUS, Caller, CallerSlot};
pub(crate) use guard::AccessGuard;
pub(crate) use peer::Proxies;
pub use peer::{ForwardedHeader, Network};
pub(crate) use permission::{Permission, Permissions};
pub(crate) use rate::Rates;
pub(crate) use verifier::{Refusal, TokenVerifier, Verdict};
