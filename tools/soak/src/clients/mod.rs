//! Clients that write, repeat, change and read at random, and tell the model what they were answered.

mod client;
mod request;
mod shared;
mod writes;

pub(super) use client::Client;
pub(super) use shared::{Counts, Shared};
