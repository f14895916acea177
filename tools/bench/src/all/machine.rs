//! What the figures were measured on.

use std::borrow::Cow;
use std::process::Command;

use anyhow::{Context as _, Result};
use chrono::Utc;
use diesel::sql_types::Text;
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncConnection as _, AsyncPgConnection, RunQueryDsl as _};
use serde::{Deserialize, Serialize};
use storage_testkit::{Cluster, Installation, RedisSource};

use crate::stand;

/// Settings that each installation has for itself, and those that decide about nothing here.
const OWN_SETTINGS: &str = "SELECT coalesce(string_agg(format('%s = %s', name, current_setting(name)), ', ' ORDER BY name), '') AS text \
    FROM pg_settings WHERE source = 'configuration file' \
    AND name !~ '^(lc_|log_|port$|listen_|unix_|dynamic_|default_text|timezone|datestyle)' AND boot_val IS DISTINCT FROM setting";
/// Named always, since the figures are worth nothing without them.
const DURABILITY: &str = "SELECT format('fsync = %s, synchronous_commit = %s', current_setting('fsync'), \
    current_setting('synchronous_commit')) AS text";

/// What the figures of one run were measured on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Machine {
    /// Names and values, in the order of the page.
    pub(super) facts: Vec<(Cow<'static, str>, String)>,
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Text)]
    text: String,
}

impl Machine {
    /// Looks at the machine, and at a PostgreSQL that is started as the scenarios start theirs.
    pub(super) async fn look() -> Result<Self> {
        let cores = std::thread::available_parallelism()?;
        let programs = Installation::from_test_run()?;
        let redis = RedisSource::version(&RedisSource::program_of_test_run()?)?;
        let [durability, settings] = postgres_settings(&programs).await?;
        let facts = [
            ("date", Utc::now().format("%Y-%m-%d").to_string()),
            ("commit", commit()?),
            ("processor", field("/proc/cpuinfo", "model name")?),
            ("cores", cores.to_string()),
            ("memory", memory()?),
            ("load average before, which is 0 on a quiet machine", load_average()?),
            ("kernel", read("/proc/sys/kernel/osrelease")?.trim().to_owned()),
            ("PostgreSQL", programs.version()?),
            ("PostgreSQL, durability", durability),
            ("PostgreSQL, settings that differ from the default", settings),
            ("Redis", redis),
            ("rustc", said("rustc", &["--version"])?),
        ];
        Ok(Self { facts: facts.into_iter().map(|(name, value)| (name.into(), value)).collect() })
    }
}

async fn postgres_settings(programs: &Installation) -> Result<[String; 2]> {
    let cluster = Cluster::temporary(programs, stand::cluster_settings()).await?;
    let mut connection = AsyncPgConnection::establish(&cluster.url("postgres")).await?;
    let mut ask =
        async |query| anyhow::Ok(sql_query(query).get_result::<Answer>(&mut connection).await?.text);
    let settings = [ask(DURABILITY).await?, ask(OWN_SETTINGS).await?];
    drop(connection);
    cluster.destroy().await?;
    Ok(settings)
}

/// The commit, and whether files differ from it.
fn commit() -> Result<String> {
    let commit = said("git", &["rev-parse", "--short=12", "HEAD"])?;
    let changes = said("git", &["status", "--porcelain", "--untracked-files=no"])?;
    Ok(if changes.is_empty() { commit } else { format!("{commit}, with changes") })
}

fn memory() -> Result<String> {
    let total = field("/proc/meminfo", "MemTotal")?;
    let kilobytes: u32 = total.trim_end_matches(" kB").parse().context("the memory is no number")?;
    Ok(format!("{:.1} GB", f64::from(kilobytes) * 1024.0 / 1e9))
}

/// Of the last minute.
fn load_average() -> Result<String> {
    Ok(read("/proc/loadavg")?.split(' ').next().unwrap_or_default().to_owned())
}

/// The value of the first line `NAME: VALUE`.
fn field(path: &str, name: &str) -> Result<String> {
    let text = read(path)?;
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix(':'));
    Ok(value.with_context(|| format!("{path} has no {name}"))?.trim().to_owned())
}

fn read(path: &str) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {path}"))
}

fn said(program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program).args(arguments).output();
    let output = output.with_context(|| format!("cannot run {program}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
