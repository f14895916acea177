//! The servers of a rollout: PostgreSQL, Redis, Qdrant, three replicas as the service's restricted role, and a balancer.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use storage_testkit::{
    Cluster, ClusterSettings, Installation, RedisServer, RedisServerSettings, RedisSource, ServiceOptions,
    TestQdrant, environment, with_user,
};

use super::balancer::Balancer;
use crate::progress::say;
use crate::stand::{Process, on_fixed_ports};

const DATABASE: &str = "audit";
/// The role that the replicas connect as, and its password.
const SERVICE: (&str, &str) = ("datastorage", "of-the-replicas");
const REPLICAS: usize = 3;
/// The settings of the overlay, of which the rollout takes the time that a stopping replica goes on serving.
const PRODUCTION: &str = include_str!("../../../../deploy/kubernetes/overlays/production/settings.yaml");

/// Everything of a rollout. Dropping it ends every process that it started.
pub(super) struct Stand {
    pub(super) replicas: Vec<Process>,
    pub(super) balancer: Balancer,
    pub(super) qdrant: TestQdrant,
    /// The service as it was built from this checkout.
    pub(super) current: PathBuf,
    postgres: Cluster,
    _redis: RedisServer,
}

impl Stand {
    /// Starts everything, the replicas from `previous` if there is one; their logs go to the directory `logs`.
    pub(super) async fn set_up(previous: Option<&Path>, logs: &Path) -> Result<Self> {
        let current = PathBuf::from(environment::required(environment::SERVICE_BIN)?);
        let redis = RedisSource::program_of_test_run()?;
        let redis = RedisServer::temporary(&redis, RedisServerSettings::default()).await?;
        let qdrant = TestQdrant::create()?;
        let postgres =
            Cluster::temporary(&Installation::from_test_run()?, ClusterSettings::for_tests()).await?;
        storage_testkit::create_database(&postgres.url("postgres"), DATABASE, None).await?;

        let program = previous.unwrap_or(&current);
        prepare_database(&postgres, program).await?;
        let mut replicas = Vec::new();
        for number in 1..=REPLICAS {
            let options = on_fixed_ports(logs.join(format!("replica-{number}.log")))?;
            let options = ServiceOptions { bin: Some(program.to_owned()), ..options };
            let options = configure(options, &redis, &qdrant)?;
            replicas.push(Process::start(server_url(&postgres), options).await?);
        }
        let urls: Vec<_> = replicas.iter().map(|it| (it.url(), it.admin_url())).collect();
        let balancer = Balancer::start(&urls).await?;
        Ok(Self { replicas, balancer, qdrant, current, postgres, _redis: redis })
    }

    /// The database, for its owner.
    pub(super) fn database_url(&self) -> String {
        self.postgres.url(DATABASE)
    }

    /// Does what the Job of the manifests does before the replicas change.
    pub(super) async fn prepare_database(&self, program: &Path) -> Result<()> {
        prepare_database(&self.postgres, program).await
    }

    /// Stops one replica after the other as Kubernetes does, and starts it from this program.
    pub(super) async fn replace_all(&mut self, program: &Path) -> Result<()> {
        for replica in &mut self.replicas {
            replica.run_next(program);
            replica.stop().await?;
            replica.revive().await?;
            replica.wait_ready().await?;
        }
        Ok(())
    }

    /// Kills the replica with most connections and starts it again; how many connections it had.
    pub(super) async fn kill_the_busiest(&mut self) -> Result<usize> {
        let (number, connections) = self.balancer.busiest()?;
        let replica = self.replicas.get_mut(number).context("there is no such replica")?;
        replica.kill9().await?;
        replica.revive().await?;
        replica.wait_ready().await?;
        Ok(connections)
    }
}

fn server_url(postgres: &Cluster) -> String {
    with_user(&postgres.url(DATABASE), SERVICE.0, SERVICE.1)
}

async fn prepare_database(postgres: &Cluster, program: &Path) -> Result<()> {
    for action in ["bootstrap", "roles"] {
        let mut command = Command::new(program);
        command.args(["schema", action, "--database-url", &server_url(postgres)]);
        command.env("DATASTORAGE__SCHEMA__OWNER_URL", postgres.url(DATABASE));
        let output = tokio::task::spawn_blocking(move || command.output()).await??;
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        ensure!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
        say(&format!("schema {action}: {}", said.lines().last().unwrap_or_default()));
    }
    Ok(())
}

fn configure(options: ServiceOptions, redis: &RedisServer, qdrant: &TestQdrant) -> Result<ServiceOptions> {
    let line = |line: &str| line.trim().strip_prefix("drain_delay: ").map(str::to_owned);
    let drain_delay = PRODUCTION.lines().find_map(line).context("the overlay has no drain_delay")?;
    let options = options
        .set("DATASTORAGE__SERVER__DRAIN_DELAY", drain_delay)
        // A client that a busy machine keeps from sending is not cut off.
        .set("DATASTORAGE__SERVER__HEADER_TIMEOUT", "60s")
        .set("DATASTORAGE__EMBEDDING__PROVIDER", "hashing")
        .set("DATASTORAGE__REDIS__URL", format!("redis://{}/0", redis.address()))
        .set("DATASTORAGE__QDRANT__URL", qdrant.url())
        .set("DATASTORAGE__QDRANT__COLLECTION", qdrant.collection());
    Ok(match qdrant.api_key() {
        Some(key) => options.set("DATASTORAGE__QDRANT__API_KEY", key),
        None => options,
    })
}
