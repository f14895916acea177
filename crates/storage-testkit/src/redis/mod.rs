//! A private Redis server of a test's own, and a place of its own on a shared one.

mod server;
mod shared;
#[cfg(test)]
mod tests;

pub use server::RedisServer;
pub use shared::TestRedis;
