//! The reconciler: what it takes for drift, and what it never does.

mod limit;
mod merge;
mod repair;
mod suspects;
