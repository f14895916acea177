//! A private Redis server: started, killed, started again.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use devstack::{ProcessIdentity, RedisServerSettings};

use crate::TestkitError;
use crate::blocking::Blocking;

/// A Redis server of our own: [`devstack::RedisServer`], whose slow operations do not hold up the caller's runtime.
///
/// Dropping it kills the server, unless it was [detached](Self::detach); [`RedisServer::temporary`] ones are removed
/// as well.
#[derive(Debug)]
pub struct RedisServer(Blocking<devstack::RedisServer>);

impl RedisServer {
    /// Starts a server that works in `root`. One that already runs there is taken as it is.
    ///
    /// # Errors
    /// As [`devstack::RedisServer::start`].
    pub async fn start(
        program: &Path,
        root: impl Into<PathBuf>,
        settings: RedisServerSettings,
    ) -> Result<Self, TestkitError> {
        let (program, root) = (program.to_owned(), root.into());
        Blocking::make(move || devstack::RedisServer::start(&program, root, settings)).await.map(Self)
    }

    /// Starts a server in a temporary directory, which is removed when the server is dropped.
    ///
    /// # Errors
    /// As [`RedisServer::start`].
    pub async fn temporary(program: &Path, settings: RedisServerSettings) -> Result<Self, TestkitError> {
        let program = program.to_owned();
        Blocking::make(move || devstack::RedisServer::temporary(&program, settings)).await.map(Self)
    }

    /// The server's URL, with the password in it.
    #[must_use]
    pub fn url(&self) -> String {
        self.0.get().url()
    }

    /// Where the server listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.0.get().address()
    }

    /// The server's process, when it runs.
    #[must_use]
    pub fn process(&self) -> Option<ProcessIdentity> {
        self.0.get().process()
    }

    /// Starts the server again, empty, after [`RedisServer::stop`] or [`RedisServer::kill9`], on the same port.
    ///
    /// # Errors
    /// As [`RedisServer::start`].
    pub async fn restart(&mut self) -> Result<(), TestkitError> {
        self.0.run(devstack::RedisServer::restart).await
    }

    /// Stops the server; what it holds is gone.
    ///
    /// # Errors
    /// When it still runs after half a minute.
    pub async fn stop(&mut self) -> Result<(), TestkitError> {
        self.0.run(devstack::RedisServer::stop).await
    }

    /// Kills the server at once.
    ///
    /// # Errors
    /// When it cannot be signalled.
    pub async fn kill9(&mut self) -> Result<(), TestkitError> {
        self.0.run(devstack::RedisServer::kill9).await
    }

    /// Leaves the server running when this value is dropped.
    pub fn detach(&mut self) {
        self.0.get().detach();
    }
}
