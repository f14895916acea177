//! The same rows through pgbench, one prepared INSERT each.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use storage_testkit::Installation;
use tokio::process::Command;

/// A row like the one the service is sent. `bench_vector` holds the vectors of the same texts.
const COLUMNS: &str = "name, namespace, phase, action_type, status, start_time, alert_name, severity, error_message, \
    remediation_request_id, metadata";
const VALUES: &str = "'checkout-restart', 'payments', 'processing', 'restart-pod', 'running', now(), \
    'KubePodCrashLooping', 'critical', 'replica ' || :n::bigint || ' does not become ready', \
    'request-' || :n::bigint, jsonb_build_object('restarts', :n::bigint)";

/// What pgbench inserts into.
#[derive(Debug, Clone, Copy)]
pub(super) enum Table {
    /// The service's own, with its partitions, counters and indexes; the vectors' index is elsewhere.
    Same,
    /// A table of these columns, checks and indexes alone, without the indexes that have to do with vectors and words.
    Bare,
    /// The same with a vector, and its HNSW index and the index of words maintained in the insert.
    Inline,
}

impl Table {
    /// Makes [`Self::Bare`].
    pub(super) const BARE: &str = "CREATE TABLE bench_bare (LIKE remediation_audit INCLUDING ALL EXCLUDING INDEXES); \
         ALTER TABLE bench_bare ALTER id SET DEFAULT nextval('remediation_audit_id_seq'); \
         ALTER TABLE bench_bare ADD PRIMARY KEY (id, start_time); \
         CREATE INDEX ON bench_bare (start_time DESC, id DESC); \
         CREATE INDEX ON bench_bare (namespace, start_time DESC, id DESC); \
         CREATE INDEX ON bench_bare (status, start_time DESC, id DESC); \
         CREATE INDEX ON bench_bare (remediation_request_id) WHERE remediation_request_id IS NOT NULL; \
         CREATE INDEX ON bench_bare (target_name, start_time DESC, id DESC) WHERE target_name IS NOT NULL";

    /// Makes [`Self::Inline`], after [`Self::BARE`].
    pub(super) const INLINE: &str = "CREATE TABLE bench_inline (LIKE bench_bare INCLUDING ALL); \
         ALTER TABLE bench_inline ADD COLUMN embedding vector(384); \
         CREATE INDEX ON bench_inline USING gin \
            (audit_lexemes(name || ' ' || coalesce(target_name, '') || ' ' || coalesce(alert_name, '') || ' ' \
                || action_type || ' ' || coalesce(error_message, ''))); \
         CREATE INDEX ON bench_inline USING hnsw (embedding vector_cosine_ops) \
            WITH (m = 16, ef_construction = 64)";

    fn script(self, texts: usize) -> String {
        let insert = match self {
            Self::Same => format!("INSERT INTO remediation_audit ({COLUMNS}) VALUES ({VALUES})"),
            Self::Bare => format!("INSERT INTO bench_bare ({COLUMNS}) VALUES ({VALUES})"),
            Self::Inline => format!(
                "INSERT INTO bench_inline ({COLUMNS}, embedding) \
                 SELECT {VALUES}, embedding FROM bench_vector WHERE id = :n::bigint"
            ),
        };
        format!("\\set n random(1, {texts})\n{insert};\n")
    }
}

/// Inserts about `count` rows through `clients` clients; returns rows per second.
pub(super) async fn run(
    programs: &Installation,
    database_url: &str,
    table: Table,
    texts: usize,
    count: usize,
    clients: usize,
) -> Result<f64> {
    let dir = tempfile::tempdir()?;
    let script = dir.path().join("insert.sql");
    std::fs::write(&script, table.script(texts))?;
    let output = command(&programs.bin().join("pgbench"), &script)
        .args(["--client", &clients.to_string(), "--transactions", &(count / clients).to_string()])
        .arg(database_url)
        .output()
        .await
        .context("cannot run pgbench")?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "pgbench: {text}{}", String::from_utf8_lossy(&output.stderr));
    let rate = text.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    rate.with_context(|| format!("pgbench said no rate: {text}"))
}

fn command(program: &Path, script: &Path) -> Command {
    let mut pgbench = Command::new(program);
    pgbench.args(["--no-vacuum", "--protocol=prepared", "--jobs=2", "--random-seed=1", "--file"]).arg(script);
    pgbench
}
