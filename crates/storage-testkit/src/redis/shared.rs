//! A Redis for tests that only read and write.

use devstack::{RedisServerSettings, RedisSource, environment};
use uuid::Uuid;

use super::RedisServer;
use crate::TestkitError;

/// A Redis for one test: the server that `REDIS_URL` names for the run, or a private one; and a prefix of the test's
/// own, so that tests that share a server do not collide. Values in a shared server must expire by themselves.
#[derive(Debug)]
pub struct TestRedis {
    url: String,
    prefix: String,
    // Stops with this value.
    _server: Option<RedisServer>,
}

impl TestRedis {
    /// # Errors
    /// [`devstack::DevstackError::MissingEnvironment`] outside `cargo xtask test`; else as [`RedisServer::temporary`].
    pub async fn create() -> Result<Self, TestkitError> {
        let prefix = format!("test-{}:", Uuid::now_v7().simple());
        if let Ok(url) = environment::required(environment::REDIS_URL) {
            return Ok(Self { url, prefix, _server: None });
        }
        let program = RedisSource::program_of_test_run()?;
        let server = RedisServer::temporary(&program, RedisServerSettings::default()).await?;
        Ok(Self { url: server.url(), prefix, _server: Some(server) })
    }

    /// The server's URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The prefix of the test's keys.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }
}
