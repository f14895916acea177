//! Redis: finding the server program, running a private server.

mod install;
mod server;
mod settings;

pub use install::RedisSource;
pub use server::RedisServer;
pub use settings::{CertificatePair, RedisServerSettings};
