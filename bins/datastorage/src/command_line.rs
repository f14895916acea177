//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use storage_server::{Flag, Sources};

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
  0    done; the service was stopped as asked
  1    the command failed, or `schema verify`, `schema roles` or `counters verify` found differences
       that are left
  3    `reconcile` stopped because it would have deleted too many points; nothing was changed
  2    the command line is wrong
  69   PostgreSQL or Qdrant could not be reached
  78   the settings, or what they name (model, schema, stored vectors), cannot be used
  130  a second SIGINT ended the service during its stop; 143: a second SIGTERM";

/// Stores what was done on a cluster, when, by what, and whether it worked; and finds it again.
#[derive(Debug, Parser)]
#[command(name = "datastorage", version, after_help = EXAMPLES, propagate_version = true)]
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
    Serve,
    /// Make the database's schema, or compare it.
    #[command(subcommand)]
    Schema(SchemaAction),
    /// Look after records that could not be embedded.
    #[command(subcommand)]
    Outbox(OutboxAction),
    /// Compare the vector index with the records, and repair what differs.
    Reconcile(ReconcileArguments),
    /// Look after the counters behind exact totals.
    #[command(subcommand)]
    Counters(CountersAction),
    /// Make tokens for callers.
    #[command(subcommand)]
    Token(TokenAction),
    /// Load a sample of audits into an empty store, through the API of a running service without authentication.
    Sample {
        /// Where the service is.
        #[arg(long, default_value = "http://127.0.0.1:8080")]
        url: String,
    },
    /// Check the settings, or print them all with their defaults.
    Settings {
        /// Print a commented file of every setting at its default.
        #[arg(long)]
        defaults: bool,
    },
}

#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum SchemaAction {
    /// Bring the database to the current schema; may be run any number of times.
    Bootstrap,
    /// Make the role that the service connects as (database.user, or in database.url), with its password and the rights it
    /// needs and no others; as the owner of the tables (schema.owner_url). May be run any number of times.
    Roles,
    /// Name every difference between the database, the rights of the service's role, and what they shall be; exit 1 when
    /// there is one.
    Verify,
}

#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum CountersAction {
    /// Compare them with the table, month by month; exit 1 when one is wrong.
    Verify,
    /// Make them right, while the service runs; needed after a partition was attached or detached by hand.
    Recompute,
}

#[derive(Debug, Subcommand)]
pub(crate) enum OutboxAction {
    /// List parked records: those that failed for their own reasons again and again.
    List {
        /// How many at most, the oldest first.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..=100_000))]
        limit: i64,
        /// Print one JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Put parked records back to work.
    Retry {
        /// Their ids, as `outbox list` shows them.
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        ids: Vec<i64>,
        /// All of them.
        #[arg(long)]
        all: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenAction {
    /// Make a token for a caller: printed once and kept nowhere. What goes into auth.tokens_file is its hash.
    New {
        /// The caller's name, as logs will have it; two tokens may have the same, so that one can replace the other.
        name: String,
        /// What it may do: audit:read, audit:write, admin. None implies another.
        #[arg(long = "permission", required = true, value_delimiter = ',', value_name = "PERMISSION")]
        permissions: Vec<String>,
        /// Add the line to this file, and print the token alone.
        #[arg(long, value_name = "FILE")]
        append: Option<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ReconcileArguments {
    /// Say what differs and change nothing.
    #[arg(long, conflicts_with = "rebuild")]
    pub(crate) dry_run: bool,
    /// Fill the index from PostgreSQL: after a change of collection, or when Qdrant has lost it.
    #[arg(long)]
    pub(crate) rebuild: bool,
    /// Delete even more points than a run may delete by itself (1,000, or one in a hundred).
    #[arg(long, conflicts_with_all = ["dry_run", "rebuild"])]
    pub(crate) force: bool,
    /// The time between the two passes, instead of `reconcile.gap`; shorter than twice the longest write deadline it
    /// takes writes that are on their way for drift.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) gap: Option<Duration>,
    /// Print the report as one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

fn duration(text: &str) -> Result<Duration, String> {
    storage_server::duration(text).ok_or_else(|| format!("`{text}` is no duration such as 90s or 2m"))
}

/// Flags that override settings; every one fits every command.
#[derive(Debug, Args)]
pub(crate) struct SettingsArguments {
    /// A file of settings, TOML or YAML.
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
    /// The role to connect as [database.user].
    #[arg(long, global = true, value_name = "ROLE")]
    db_user: Option<String>,
    /// Its password; others on this machine can see it here, so better a file [database.password].
    #[arg(long, global = true, value_name = "PASSWORD")]
    db_password: Option<String>,
    /// A file with its password [database.password_file].
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

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::Arguments;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn flags_may_follow_the_command_and_become_settings() {
        let arguments =
            Arguments::parse_from(["datastorage", "serve", "--db-host", "h", "--addr", "127.0.0.1:1"]);
        let sources = arguments.settings.sources();
        let flags: Vec<_> = sources.flags.iter().map(|flag| (flag.key, flag.value.as_str())).collect();
        assert_eq!(flags, [("database.host", "h"), ("server.addr", "127.0.0.1:1")]);
    }

    #[test]
    fn a_retry_names_records_or_says_all() {
        let parses = |arguments: &[&str]| Arguments::try_parse_from(arguments).is_ok();
        assert!(parses(&["datastorage", "outbox", "retry", "1", "2"]));
        assert!(parses(&["datastorage", "outbox", "retry", "--all"]));
        assert!(!parses(&["datastorage", "outbox", "retry"]));
        assert!(!parses(&["datastorage", "outbox", "retry", "1", "--all"]));
    }
}
