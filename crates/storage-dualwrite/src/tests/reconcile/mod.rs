//! The reconciler: what it takes for drift, and what it never does.

mod faults;
mod limit;
mod merge;
mod repair;
mod support;
mod suspects;
