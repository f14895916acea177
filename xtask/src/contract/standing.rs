//! The service that the description is held against.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use devstack::{Cluster, ClusterSettings, ServiceOptions, ServiceProcess};

use crate::service::Service;
use crate::signals::Signals;
use crate::stand::find_postgres_programs;
use crate::workspace;

/// A running service on a database of its own, and a directory in which the tools leave what they make.
pub(super) struct Standing {
    postgres: Cluster,
    running: ServiceProcess,
    scratch: PathBuf,
    signals: Signals,
}

impl Standing {
    /// Starts it. `name` is the name of its database and of its directory.
    pub(super) fn start(name: &str) -> Result<Self> {
        let service = Service::build(false)?;
        let signals = Signals::listen()?;
        let programs = find_postgres_programs(&workspace::development_dir()?)?;
        let postgres = Cluster::temporary(&programs, ClusterSettings::for_tests())?;
        postgres.ensure_database(name)?;
        let database_url = postgres.url(name);
        service.bootstrap(&database_url)?;
        let options = ServiceOptions { bin: Some(service.bin().to_owned()), ..ServiceOptions::default() }
            .set("DATASTORAGE__EMBEDDING__PROVIDER", "hashing")
            // Generated records are of any month, and generated requests ask for pages without a pause.
            .set("DATASTORAGE__LIMITS__FAR_MONTHS", "0")
            .set("DATASTORAGE__LIMITS__STRANGER_RATE", "0");
        let running = ServiceProcess::start(&database_url, options)?;
        let scratch = workspace::public_dir().join(format!("{name}-run"));
        if scratch.exists() {
            std::fs::remove_dir_all(&scratch)?;
        }
        std::fs::create_dir_all(&scratch).with_context(|| format!("cannot create {}", scratch.display()))?;
        Ok(Self { postgres, running, scratch, signals })
    }

    pub(super) fn url(&self) -> String {
        self.running.url()
    }

    /// Runs a command in the directory; whether it succeeded.
    pub(super) fn run(&self, mut command: Command, bound: Duration) -> Result<bool> {
        command.current_dir(&self.scratch);
        Ok(self.signals.run_within(command, bound)?.success())
    }

    /// Stops it and takes its database down.
    pub(super) fn end(self) -> Result<()> {
        let Self { mut postgres, running, .. } = self;
        drop(running);
        Ok(postgres.destroy()?)
    }
}
