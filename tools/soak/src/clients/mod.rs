//! Clients that write, repeat, change and read at random, and report the answers to the model.

mod client;
mod request;
mod shared;
mod writes;

pub(super) use client::Client;
pub(super) use shared::{Counts, Shared};
