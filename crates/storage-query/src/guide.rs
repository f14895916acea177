//! The guide in `docs/` and the README, whose examples are tests.

#[doc = include_str!("../../../docs/query-guide.md")]
pub struct QueryGuide;

#[doc = include_str!("../README.md")]
pub struct Readme;
