//! Reads against a migrated database; run with `cargo xtask test -p storage-query`.

#![cfg(test)]

mod advice;
mod aggregates;
mod cursors;
mod errors;
mod feed;
mod filters;
mod large_plans;
mod lexical;
mod lists;
mod model;
mod nearest_months;
mod newer;
mod nulls;
mod outcomes;
mod plans;
mod prepared;
mod search;
mod streams;
mod support;
mod timelines;
