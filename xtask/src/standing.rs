//! A running service that checks are made against.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use devstack::{Cluster, ClusterSettings, Installation, ServiceOptions, ServiceProcess};

use crate::service::Service;
use crate::signals::Signals;
use crate::stand::find_postgres_programs;
use crate::workspace;

/// A running service on a database of its own, and a directory in which the tools leave what they make.
pub(crate) struct Standing {
    service: Service,
    programs: Installation,
    database_url: String,
    postgres: Cluster,
    running: ServiceProcess,
    scratch: PathBuf,
    signals: Signals,
}

impl Standing {
    /// Starts it with the embedder that needs no model and with these `settings`. `name` is the name of its database and of
    /// its directory.
    pub(crate) fn start(name: &str, settings: &[(&str, &str)]) -> Result<Self> {
        let service = Service::build(false)?;
        let signals = Signals::listen()?;
        let programs = find_postgres_programs(&workspace::development_dir()?)?;
        let postgres = Cluster::temporary(&programs, ClusterSettings::for_tests())?;
        postgres.ensure_database(name)?;
        let database_url = postgres.url(name);
        service.bootstrap(&database_url)?;
        let options = ServiceOptions { bin: Some(service.bin().to_owned()), ..ServiceOptions::default() }
            .set("DATASTORAGE__EMBEDDING__PROVIDER", "hashing");
        let options = settings.iter().fold(options, |options, (name, value)| options.set(name, *value));
        let running = ServiceProcess::start(&database_url, options)?;
        let scratch = empty_directory(&format!("{name}-run"))?;
        Ok(Self { service, programs, database_url, postgres, running, scratch, signals })
    }

    /// Base URL of the API.
    pub(crate) fn url(&self) -> String {
        self.running.url()
    }

    /// Base URL of the admin server.
    pub(crate) fn admin_url(&self) -> String {
        self.running.admin_url()
    }

    /// The service's own database.
    pub(crate) fn database_url(&self) -> &str {
        &self.database_url
    }

    /// The built service.
    pub(crate) fn service(&self) -> &Service {
        &self.service
    }

    /// The programs of its PostgreSQL.
    pub(crate) fn programs(&self) -> &Installation {
        &self.programs
    }

    /// Where the tools leave what they make.
    pub(crate) fn scratch(&self) -> &Path {
        &self.scratch
    }

    /// A further database with the current schema.
    pub(crate) fn another_database(&self, name: &str) -> Result<String> {
        self.postgres.ensure_database(name)?;
        let url = self.postgres.url(name);
        self.service.bootstrap(&url)?;
        Ok(url)
    }

    /// Runs a command in the directory; whether it succeeded.
    pub(crate) fn run(&self, mut command: Command, bound: Duration) -> Result<bool> {
        command.current_dir(&self.scratch);
        Ok(self.signals.run_within(command, bound)?.success())
    }

    /// Stops it and takes its database down.
    pub(crate) fn end(self) -> Result<()> {
        let Self { mut postgres, running, .. } = self;
        drop(running);
        Ok(postgres.destroy()?)
    }
}

/// A directory under `.dev/` without what an earlier run has left in it.
fn empty_directory(name: &str) -> Result<PathBuf> {
    let path = workspace::public_dir().join(name);
    if path.exists() {
        std::fs::remove_dir_all(&path)?;
    }
    std::fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
    Ok(path)
}
