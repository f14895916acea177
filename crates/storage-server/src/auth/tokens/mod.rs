//! Mode `tokens`: a file of names, hashes and permissions, read again whenever it changes.

mod file;
mod new;
mod verifier;

pub use file::TokenFault;
pub use new::{NewToken, NewTokenError};
pub(crate) use verifier::TokenFile;
