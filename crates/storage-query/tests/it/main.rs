//! Reads against a migrated database; run with `cargo xtask test -p storage-query`.

#![cfg(test)]

mod errors;
mod filters;
mod lists;
mod model;
mod nulls;
mod plans;
mod search;
mod support;
