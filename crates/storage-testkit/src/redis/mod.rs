//! Redis: finding the server program, running a private server, a place of its own for each test.

mod install;
mod server;
mod settings;
mod shared;

pub use install::RedisSource;
pub use server::RedisServer;
pub use settings::RedisServerSettings;
pub use shared::TestRedis;
