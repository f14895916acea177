//! A cluster and a service of its own for a measurement over HTTP.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use diesel_async::AsyncPgConnection;
use serde_json::json;
use storage_testkit::{Cluster, ClusterSettings, Installation, ServiceOptions, ServiceProcess, environment};

use super::outbox;
use crate::progress::say;

const DATABASE: &str = "bench";
const QDRANT_SETTING: &str = "DATASTORAGE__QDRANT__URL";
/// The shortest pause between two looks whether everything is searchable.
const PAUSE: Duration = Duration::from_millis(100);
/// How much longer than a look a pause is at least. A look counts what waits, and takes that time from the projector.
const PAUSE_TO_LOOK: u32 = 20;
/// Longest until a round is searchable.
const SEARCHABLE_BOUND: Duration = Duration::from_secs(3_600);

/// A setting of the service, to measure what it costs.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    variable: String,
    value: String,
}

impl std::str::FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, value) =
            text.split_once('=').ok_or("expected a setting and its value, as in writer.writers=1")?;
        let variable = format!("DATASTORAGE__{}", name.replace('.', "__").to_ascii_uppercase());
        Ok(Self { variable, value: value.to_owned() })
    }
}

/// PostgreSQL with fsync and `synchronous_commit` on, and the service as it is released.
pub(super) struct Stand {
    pub(super) programs: Installation,
    pub(super) database_url: String,
    pub(super) service: ServiceProcess,
    /// The settings that the service was started with.
    pub(super) options: ServiceOptions,
    cluster: Cluster,
}

impl Stand {
    /// Starts both. `scenario` is what the command is called by.
    pub(super) async fn start(scenario: &str, embedder: &str) -> Result<Self> {
        Self::start_with(scenario, embedder, &[]).await
    }

    /// As [`Self::start`], with these settings besides.
    pub(super) async fn start_with(scenario: &str, embedder: &str, settings: &[Setting]) -> Result<Self> {
        say(&format!("{scenario}: starting PostgreSQL and the service"));
        let programs = Installation::from_test_run()?;
        let model = environment::required(environment::MODEL_DIR)?;
        let cluster = Cluster::temporary(&programs, cluster_settings()).await?;
        storage_testkit::create_database(&cluster.url("postgres"), DATABASE, None).await?;
        let database_url = cluster.url(DATABASE);
        storage_schema::bootstrap(&database_url).await?;
        let mut options = ServiceOptions::default()
            .set("DATASTORAGE__EMBEDDING__PROVIDER", embedder)
            .set("DATASTORAGE__EMBEDDING__MODEL_DIR", model);
        for Setting { variable, value } in settings {
            options = options.set(variable, value);
        }
        match std::env::var("QDRANT_URL") {
            Ok(url) => {
                say(&format!("with the Qdrant of QDRANT_URL: {url}"));
                options = options
                    .set(QDRANT_SETTING, url)
                    .set("DATASTORAGE__QDRANT__COLLECTION", format!("bench-{}", uuid::Uuid::new_v4()));
            }
            Err(_) => say(
                "WITHOUT QDRANT, because QDRANT_URL is not set: searchable means searchable through pgvector",
            ),
        }
        let service = ServiceProcess::start(&database_url, options.clone()).await?;
        Ok(Self { programs, database_url, service, options, cluster })
    }

    /// Another database of the same cluster, with the service's schema and without a service.
    pub(super) async fn other_database(&self, name: &str) -> Result<String> {
        let url = self.empty_database(name).await?;
        storage_schema::bootstrap(&url).await?;
        Ok(url)
    }

    /// Another database of the same cluster, with nothing in it.
    pub(super) async fn empty_database(&self, name: &str) -> Result<String> {
        storage_testkit::create_database(&self.cluster.url("postgres"), name, None).await?;
        Ok(self.cluster.url(name))
    }

    /// Whether the service keeps its points in a Qdrant.
    pub(super) fn has_qdrant(&self) -> bool {
        self.options.environment.iter().any(|(name, _)| name == QDRANT_SETTING)
    }

    /// Where the service listens, as HTTP/1.1 names it.
    pub(super) fn host(&self) -> Result<String> {
        host(&self.service)
    }

    pub(super) async fn end(self) -> Result<()> {
        drop(self.service);
        self.cluster.destroy().await?;
        Ok(())
    }
}

/// What PostgreSQL is started with: durable, and with connections enough for pgbench beside the service.
pub(super) fn cluster_settings() -> ClusterSettings {
    let mut settings = ClusterSettings::for_development("bench".to_owned());
    settings.max_connections = 200;
    settings
}

/// Where a service listens, as HTTP/1.1 names it.
pub(super) fn host(service: &ServiceProcess) -> Result<String> {
    let url = service.url();
    Ok(url.strip_prefix("http://").context("the URL of the service has another scheme")?.to_owned())
}

/// The record of text number `n`, as pgbench inserts it.
pub(super) fn body(n: usize) -> String {
    json!({
        "name": "checkout-restart", "namespace": "payments", "phase": "processing", "action_type": "restart-pod",
        "status": "running", "alert_name": "KubePodCrashLooping", "severity": "critical",
        "error_message": format!("replica {n} does not become ready"),
        "remediation_request_id": format!("request-{n}"), "metadata": { "restarts": n },
    })
    .to_string()
}

/// Waits until every record has reached the index: nothing is left in the outbox.
pub(super) async fn until_searchable(connection: &mut AsyncPgConnection) -> Result<()> {
    let started = Instant::now();
    loop {
        let look = Instant::now();
        let left = outbox::waiting(connection).await?;
        if left == 0 {
            return Ok(());
        }
        ensure!(started.elapsed() < SEARCHABLE_BOUND, "{left} records are not searchable in time");
        tokio::time::sleep(PAUSE.max(look.elapsed() * PAUSE_TO_LOOK)).await;
    }
}
