//! The guide in `docs/`, whose examples are tests.

#[doc = include_str!("../../../docs/query-guide.md")]
pub struct QueryGuide;
