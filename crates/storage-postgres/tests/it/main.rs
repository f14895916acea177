//! Against a real PostgreSQL; run with `cargo xtask test -p storage-postgres`.

#![cfg(test)]

mod silence;
mod statements;
mod transactions;
