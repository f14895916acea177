//! Search by meaning.

mod hits;
mod nearest;
mod request;
#[cfg(test)]
mod tests;

pub use hits::Hit;
pub use nearest::{Nearest, NearestQuery};
pub use request::SearchRequest;
