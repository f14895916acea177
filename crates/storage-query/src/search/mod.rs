//! Search by meaning, by words, and by both.

mod candidates;
mod fuse;
mod hits;
mod incidents;
mod lexical;
mod nearest;
mod order;
mod request;
mod share;
#[cfg(test)]
mod tests;

pub use candidates::{Candidate, CandidateError, CandidateSource, MAX_REFILLS, candidates};
pub use fuse::{FusedHit, fuse};
pub use hits::{Hit, IncidentHit};
pub use incidents::{IncidentSummary, IncidentsQuery, MAX_COUNTED, NEWEST};
pub use lexical::{Lexical, LexicalHit, LexicalQuery};
pub(crate) use nearest::ACTIVE_SLOT;
pub use nearest::{Nearest, NearestQuery, Scan};
pub use request::SearchRequest;
pub(crate) use share::{placed, sharing};
