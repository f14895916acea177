//! The command line.

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use storage_server::{Flag, Sources};

/// The version and the commit of this build.
pub(crate) const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("DATASTORAGE_COMMIT"), ")");

const EXAMPLES: &str = "\
Examples:
  datastorage settings --defaults > datastorage.toml
  datastorage schema bootstrap --database-url postgres://owner@localhost/audit
  DATASTORAGE__SCHEMA__OWNER_URL=postgres://owner@localhost/audit datastorage schema roles \
      --database-url postgres://app@localhost/audit --db-password-file app.password
  datastorage serve --config datastorage.toml
  DATASTORAGE__EMBEDDING__PROVIDER=hashing datastorage serve --database-url postgres://app@localhost/audit
  datastorage outbox list
  datastorage outbox retry --all
  datastorage reconcile --dry-run
  datastorage token new remediation-controller --permission audit:write --append tokens

Settings:
  Defaults give way to the file (--config), the file to the environment, the environment to flags.
  Every setting is an environment variable: server.addr is DATASTORAGE__SERVER__ADDR.
  `datastorage settings --defaults` lists them all.

Signals:
  SIGTERM and SIGINT stop the service step by step within 25 seconds; a second one stops it at once.

Exit codes:
  0    the command has done its work, or the service has stopped as asked
  1    the command failed, or `schema verify`, `schema roles` or `counters verify` found differences
       and has not removed them
  2    the command line is wrong
  3    `reconcile` stopped before it deleted too many points, and changed nothing
  69   PostgreSQL or Qdrant could not be reached
  78   the settings, or what they name (model, schema, stored vectors), cannot be used
  130  a second SIGINT ended the service during its stop
  143  a second SIGTERM ended the service during its stop";

const ROLES_EXAMPLE: &str = "\
Example:
  DATASTORAGE__SCHEMA__OWNER_URL=postgres://owner@localhost/audit datastorage schema roles \
      --database-url postgres://app@localhost/audit --db-password-file app.password";

const TOKEN_EXAMPLE: &str = "\
Example:
  datastorage token new remediation-controller --permission audit:read,audit:write --append tokens";

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  datastorage completions bash > /etc/bash_completion.d/datastorage
  datastorage completions zsh > ~/.zfunc/_datastorage
  datastorage completions fish > ~/.config/fish/completions/datastorage.fish";

/// Stores audit records of what was done to a cluster, when, by what and with which outcome, and finds them again.
#[derive(Debug, Parser)]
#[command(name = "datastorage", version = VERSION, after_help = EXAMPLES, propagate_version = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) settings: SettingsArguments,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the service.
    #[command(after_help = "Example:\n  datastorage serve --config datastorage.toml")]
    Serve,
    /// Create or update the tables, and check them.
    #[command(subcommand, after_help = "Example:\n  datastorage schema verify --config datastorage.toml")]
    Schema(SchemaAction),
    /// List records that could not be embedded, and try them again.
    #[command(
        subcommand,
        after_help = "Examples:\n  datastorage outbox list\n  datastorage outbox retry --all"
    )]
    Outbox(OutboxAction),
    /// Compare the vector index with the records, and repair the differences.
    #[command(after_help = "Example:\n  datastorage reconcile --dry-run --config datastorage.toml")]
    Reconcile(ReconcileArguments),
    /// Check and correct the counters that exact totals are read from.
    #[command(subcommand, after_help = "Example:\n  datastorage counters verify --config datastorage.toml")]
    Counters(CountersAction),
    /// Create tokens for callers.
    #[command(subcommand, after_help = TOKEN_EXAMPLE)]
    Token(TokenAction),
    /// Load sample records into an empty store. They are sent to a running service, which must have auth.mode = "none".
    #[command(after_help = "Example:\n  datastorage sample --url http://127.0.0.1:8080")]
    Sample {
        /// The address of the service.
        #[arg(long, default_value = "http://127.0.0.1:8080")]
        url: String,
    },
    /// Check the settings without starting the service.
    #[command(
        after_help = "Examples:\n  datastorage settings --config datastorage.toml\n  datastorage settings --defaults > datastorage.toml"
    )]
    Settings {
        /// Print a settings file instead, with every setting, its meaning and its default.
        #[arg(long)]
        defaults: bool,
    },
    /// Print the manual page of the program or of a command, for man(1).
    #[command(
        after_help = "Examples:\n  datastorage man | man -l -\n  datastorage man outbox retry > datastorage-outbox-retry.1"
    )]
    Man {
        /// The command, such as `outbox retry`; without one the page of the program.
        #[arg(value_name = "COMMAND")]
        command: Vec<String>,
    },
    /// Print what a shell needs to complete the program's commands and flags.
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions {
        /// The shell.
        shell: Shell,
    },
}

#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum SchemaAction {
    /// Create the tables, or update them to this version. A second run changes nothing.
    #[command(
        after_help = "Example:\n  datastorage schema bootstrap --database-url postgres://owner@localhost/audit"
    )]
    Bootstrap,
    /// Create the role that the service connects as, with exactly the rights that the service needs. The role's name and
    /// password are those of the database settings; schema.owner_url names the owner of the tables, who creates the role.
    /// A second run changes nothing.
    #[command(after_help = ROLES_EXAMPLE)]
    Roles,
    /// List the differences between the database, with the rights of the service's role, and what this version needs. The
    /// exit code is 1 when there is a difference.
    #[command(after_help = "Example:\n  datastorage schema verify --config datastorage.toml")]
    Verify,
}

#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum CountersAction {
    /// Compare the counters with the records, month by month. The exit code is 1 when a counter is wrong.
    #[command(after_help = "Example:\n  datastorage counters verify --config datastorage.toml")]
    Verify,
    /// Correct the counters. The service may run meanwhile. Run this after you attached or detached a partition by hand.
    #[command(after_help = "Example:\n  datastorage counters recompute --config datastorage.toml")]
    Recompute,
}

#[derive(Debug, Subcommand)]
pub(crate) enum OutboxAction {
    /// List the parked records: those that failed again and again for a reason of their own.
    #[command(after_help = "Example:\n  datastorage outbox list --limit 20 --json")]
    List {
        /// The most records to list, the oldest first.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=100_000))]
        limit: i64,
        /// Print one JSON object per line.
        #[arg(long)]
        json: bool,
    },
    /// Try parked records again.
    #[command(after_help = "Examples:\n  datastorage outbox retry 17 42\n  datastorage outbox retry --all")]
    Retry {
        /// The records' ids, as `outbox list` shows them.
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        ids: Vec<i64>,
        /// Try all parked records again.
        #[arg(long)]
        all: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenAction {
    /// Create a token for a caller and print it. The token is stored nowhere: the line for auth.tokens_file holds its hash.
    #[command(after_help = TOKEN_EXAMPLE)]
    New {
        /// The caller's name in logs. Two tokens may have the same name, so that one can replace the other.
        name: String,
        /// What the caller may do: audit:read, audit:write or admin. No permission includes another.
        #[arg(long = "permission", required = true, value_delimiter = ',', value_name = "PERMISSION")]
        permissions: Vec<String>,
        /// Add the line to this file, and print only the token.
        #[arg(long, value_name = "FILE")]
        append: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ReconcileArguments {
    /// Report the differences and change nothing.
    #[arg(long, conflicts_with = "rebuild")]
    pub(crate) dry_run: bool,
    /// Fill the index from PostgreSQL. Use this for a new collection, or when Qdrant has lost its points.
    #[arg(long)]
    pub(crate) rebuild: bool,
    /// Also delete more points than a run deletes unasked: 1,000, or one in a hundred.
    #[arg(long, conflicts_with_all = ["dry_run", "rebuild"])]
    pub(crate) force: bool,
    /// The time between the two passes, instead of `reconcile.gap`. Too short a time takes records that are being written
    /// for differences: give at least twice the longest deadline of a write.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) gap: Option<Duration>,
    /// Print the report as one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

fn duration(text: &str) -> Result<Duration, String> {
    storage_server::duration(text)
        .ok_or_else(|| format!("`{text}` is not a duration: write one such as 90s or 2m"))
}

/// Flags that override settings. Every command takes them.
#[derive(Debug, Args)]
pub(crate) struct SettingsArguments {
    /// A settings file that ends in .toml, .yaml or .yml.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The database's address, such as postgres://user@host:5432/name [database.url].
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<String>,
    /// The database's host [database.host].
    #[arg(long, global = true, value_name = "HOST")]
    db_host: Option<String>,
    /// The database's port [database.port].
    #[arg(long, global = true, value_name = "PORT")]
    db_port: Option<String>,
    /// The database's name [database.name].
    #[arg(long, global = true, value_name = "NAME")]
    db_name: Option<String>,
    /// The role that the service connects as [database.user].
    #[arg(long, global = true, value_name = "ROLE")]
    db_user: Option<String>,
    /// The role's password [database.password]. Others on this machine can see a flag: prefer --db-password-file.
    #[arg(long, global = true, value_name = "PASSWORD")]
    db_password: Option<String>,
    /// A file with the role's password [database.password_file].
    #[arg(long, global = true, value_name = "FILE")]
    db_password_file: Option<String>,
    /// Where the API listens [server.addr].
    #[arg(long, global = true, value_name = "ADDR:PORT")]
    addr: Option<String>,
    /// Where metrics and health listen [server.admin_addr].
    #[arg(long, global = true, value_name = "ADDR:PORT")]
    admin_addr: Option<String>,
}

impl SettingsArguments {
    /// The file, the environment and the flags.
    pub(crate) fn sources(&self) -> Sources {
        let flags = [
            ("database.url", "--database-url", &self.database_url),
            ("database.host", "--db-host", &self.db_host),
            ("database.port", "--db-port", &self.db_port),
            ("database.name", "--db-name", &self.db_name),
            ("database.user", "--db-user", &self.db_user),
            ("database.password", "--db-password", &self.db_password),
            ("database.password_file", "--db-password-file", &self.db_password_file),
            ("server.addr", "--addr", &self.addr),
            ("server.admin_addr", "--admin-addr", &self.admin_addr),
        ];
        let flags = flags.into_iter().filter_map(|(key, name, value)| {
            value.as_ref().map(|value| Flag { key, name, value: value.clone() })
        });
        Sources { file: self.config.clone(), flags: flags.collect(), ..Sources::of_process() }
    }
}
