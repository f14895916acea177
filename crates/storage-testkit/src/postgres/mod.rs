//! A private PostgreSQL cluster of a test's own.

use std::path::PathBuf;

use devstack::{ClusterSettings, Installation, ProcessIdentity};

use crate::TestkitError;
use crate::blocking::Blocking;

/// A PostgreSQL server of our own: [`devstack::Cluster`], whose slow operations do not hold up the caller's runtime.
///
/// Dropping it stops the server at once, unless it was [detached](Self::detach); [`Cluster::temporary`] ones are
/// removed as well.
#[derive(Debug)]
pub struct Cluster(Blocking<devstack::Cluster>);

impl Cluster {
    /// Starts the cluster in `root`, and creates it first if needed. A server that already runs there is used as it is.
    ///
    /// # Errors
    /// As [`devstack::Cluster::start`].
    pub async fn start(
        programs: &Installation,
        root: impl Into<PathBuf>,
        settings: ClusterSettings,
    ) -> Result<Self, TestkitError> {
        let (programs, root) = (programs.clone(), root.into());
        Blocking::make(move || devstack::Cluster::start(&programs, root, settings)).await.map(Self)
    }

    /// Starts a new cluster in a temporary directory, which is removed when the cluster is dropped.
    ///
    /// # Errors
    /// As [`Cluster::start`].
    pub async fn temporary(programs: &Installation, settings: ClusterSettings) -> Result<Self, TestkitError> {
        let programs = programs.clone();
        Blocking::make(move || devstack::Cluster::temporary(&programs, settings)).await.map(Self)
    }

    /// Starts a standby of `primary`, which runs and asks for no password, in a temporary directory as
    /// [`Cluster::temporary`] does. The primary knows it by `name`, for `synchronous_standby_names`.
    ///
    /// # Errors
    /// As [`Cluster::start`].
    pub async fn standby_of(primary: &Self, name: &str) -> Result<Self, TestkitError> {
        let (primary, name) = (primary.0.share(), name.to_owned());
        Blocking::make(move || devstack::Cluster::standby_of(&primary.get(), &name)).await.map(Self)
    }

    /// Starts a cluster whose server is gone as a standby of `primary`, on its old port. A copy of the primary's data
    /// replaces its data.
    ///
    /// # Errors
    /// As [`Cluster::start`].
    pub async fn follow(&mut self, primary: &Self, name: &str) -> Result<(), TestkitError> {
        let (primary, name) = (primary.0.share(), name.to_owned());
        self.0.run(move |cluster| cluster.follow(&primary.get(), &name)).await
    }

    /// Makes a standby a primary; returns once it takes writes.
    ///
    /// # Errors
    /// When it is no standby, or does not become a primary within a minute.
    pub async fn promote(&self) -> Result<(), TestkitError> {
        self.0.run(|cluster| cluster.promote()).await
    }

    /// The URL of `database` for the superuser.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        self.0.get().url(database)
    }

    /// The TCP port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.0.get().port()
    }

    /// The server's main process, when it runs.
    #[must_use]
    pub fn process(&self) -> Option<ProcessIdentity> {
        self.0.get().process()
    }

    /// The end of the server's log.
    #[must_use]
    pub fn log(&self) -> String {
        self.0.get().log()
    }

    /// Starts the server again after [`Cluster::stop`] or [`Cluster::kill9`], on the same port.
    ///
    /// # Errors
    /// As [`Cluster::start`].
    pub async fn restart(&mut self) -> Result<(), TestkitError> {
        self.0.run(devstack::Cluster::restart).await
    }

    /// Stops the server; its sessions are ended, nothing is lost.
    ///
    /// # Errors
    /// When it still runs after a minute.
    pub async fn stop(&mut self) -> Result<(), TestkitError> {
        self.0.run(devstack::Cluster::stop).await
    }

    /// Kills the server and all of its processes at once, as when its container is killed.
    ///
    /// # Errors
    /// When a process cannot be signalled.
    pub async fn kill9(&self) -> Result<(), TestkitError> {
        self.0.run(|cluster| cluster.kill9()).await
    }

    /// Freezes the server and all of its processes: connections stay open and nothing is answered.
    ///
    /// # Errors
    /// When a process cannot be signalled.
    pub fn pause(&self) -> Result<(), TestkitError> {
        Ok(self.0.get().pause()?)
    }

    /// Resumes a paused server.
    ///
    /// # Errors
    /// When a process cannot be signalled.
    pub fn resume(&self) -> Result<(), TestkitError> {
        Ok(self.0.get().resume()?)
    }

    /// Leaves the server running when this value is dropped.
    pub fn detach(&mut self) {
        self.0.get().detach();
    }

    /// Stops the server and removes its directory.
    ///
    /// # Errors
    /// When the server does not stop, or the directory cannot be removed.
    pub async fn destroy(self) -> Result<(), TestkitError> {
        self.0.run(devstack::Cluster::destroy).await
    }
}

#[cfg(test)]
mod tests;
