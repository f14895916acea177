//! The explorer in a real browser: Chromium, driven over WebDriver, on a service with a database of its own.
//!
//! Without `chromium` and `chromedriver` in `PATH` the tests say so and prove nothing, but in CI, where they fail. Every test
//! ends with [`page::Page::close`], which fails on what the console calls an error and on any violation of the policy.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test that cannot go on shall stop where it is"
)]

mod access;
mod counts;
mod keys;
mod page;
mod states;
mod store;
mod views;
