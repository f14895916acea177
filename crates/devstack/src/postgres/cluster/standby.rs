//! Two clusters under streaming replication.

use std::fs;

use super::{ADVICE, Cluster, SCRATCH, START_BOUND};
use crate::account::{self, Account};
use crate::scratch::Scratch;
use crate::{DevstackError, command};

/// The setting that names the primary of a standby, and the standby itself.
const PRIMARY: &str = "primary_conninfo";

impl Cluster {
    /// Starts a standby of `primary`, which runs and asks for no password, in a temporary directory as
    /// [`Cluster::temporary`] does. The primary knows it by `name`, for `synchronous_standby_names`.
    ///
    /// # Errors
    /// As [`Cluster::start`].
    pub fn standby_of(primary: &Self, name: &str) -> Result<Self, DevstackError> {
        let scratch = Scratch::new(SCRATCH)?;
        let settings = crate::ClusterSettings { port: None, ..primary.settings.clone() };
        let mut standby = Self {
            programs: primary.programs.clone(),
            settings,
            root: scratch.path().join("cluster"),
            account: Account::for_servers()?,
            port: 0,
            attached: true,
            _scratch: Some(scratch),
        };
        fs::create_dir_all(&standby.root).map_err(DevstackError::file("create", &standby.root))?;
        account::give(&standby.root, standby.account)?;
        standby.copy(primary, name)?;
        standby.bring_up()?;
        Ok(standby)
    }

    /// Starts a cluster whose server is gone as a standby of `primary`, on its old port. A copy of the primary's data
    /// replaces its data.
    ///
    /// # Errors
    /// As [`Cluster::start`].
    pub fn follow(&mut self, primary: &Self, name: &str) -> Result<(), DevstackError> {
        fs::remove_dir_all(self.data()).map_err(DevstackError::file("remove", &self.data()))?;
        self.copy(primary, name)?;
        self.restart()
    }

    /// Makes a standby a primary; returns once it takes writes.
    ///
    /// # Errors
    /// When it is no standby, or does not become a primary within a minute.
    pub fn promote(&self) -> Result<(), DevstackError> {
        let mut pg_ctl = self.program("pg_ctl");
        pg_ctl.args(["promote", "--wait", "--silent"]);
        pg_ctl.arg("--timeout").arg(START_BOUND.as_secs().to_string()).arg("--pgdata").arg(self.data());
        command::run(&mut pg_ctl, ADVICE).map(drop)
    }

    fn copy(&mut self, primary: &Self, name: &str) -> Result<(), DevstackError> {
        let source = format!("host=127.0.0.1 port={} user=postgres", primary.port);
        let mut copy = self.program("pg_basebackup");
        copy.args(["--checkpoint=fast", "--no-sync", "--dbname", &source]).arg("--pgdata").arg(self.data());
        command::run(&mut copy, ADVICE)?;
        self.write(&self.data().join("standby.signal"), "")?;
        self.settings.extra.retain(|(setting, _)| setting != PRIMARY);
        self.settings.extra.push((PRIMARY.to_owned(), format!("{source} application_name={name}")));
        Ok(())
    }
}
