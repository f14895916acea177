//! The servers of a run: PostgreSQL, Redis, Qdrant, proxies in front of them, replicas of the service.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use storage_testkit::{
    Cluster, ClusterSettings, FaultProxy, Installation, RedisServer, RedisServerSettings, RedisSource,
    ServiceOptions, ServiceProcess, TestQdrant,
};

use super::arguments::Arguments;

/// The database of the run.
const DATABASE: &str = "soak";
/// How long to ask whether a replica has ended.
const NOW: Duration = Duration::from_millis(1);
/// Longest a replica may take to stop: more than the budgets of its steps together.
const STOP_BOUND: Duration = Duration::from_secs(40);

/// One replica of the service, with a way to PostgreSQL of its own.
pub(super) struct Replica {
    pub(super) process: Process,
    /// Between this replica and PostgreSQL.
    pub(super) postgres: FaultProxy,
}

impl Replica {
    async fn start(database_url: &str, log: PathBuf, shared: &Shared<'_>) -> Result<Self> {
        let postgres = FaultProxy::for_postgres(database_url).await?;
        let database_url = postgres.url(database_url);
        let options = on_fixed_ports(log)?;
        let process = Process::start(database_url, shared.configure(options)).await?;
        Ok(Self { process, postgres })
    }

    /// Its process, to be ended and started; and the way to PostgreSQL, to be broken meanwhile.
    pub(super) const fn parts(&mut self) -> (&mut Process, &FaultProxy) {
        (&mut self.process, &self.postgres)
    }
}

/// The process of a replica, which is ended and started again on the same ports.
pub(super) struct Process {
    service: ServiceProcess,
    database_url: String,
    options: ServiceOptions,
}

impl Process {
    /// Starts it and waits until it is ready.
    pub(super) async fn start(database_url: String, options: ServiceOptions) -> Result<Self> {
        let service = ServiceProcess::start(&database_url, options.clone()).await?;
        Ok(Self { service, database_url, options })
    }

    /// Has it run this program from its next start on.
    pub(super) fn run_next(&mut self, program: &Path) {
        self.options.bin = Some(program.to_owned());
    }

    pub(super) fn admin_url(&self) -> String {
        self.service.admin_url()
    }

    pub(super) fn url(&self) -> String {
        self.service.url()
    }

    /// The log's path and text.
    pub(super) fn log(&self) -> (PathBuf, String) {
        (self.service.log_path().to_owned(), self.service.logs())
    }

    pub(super) async fn kill9(&mut self) -> Result<()> {
        Ok(self.service.kill9().await?)
    }

    pub(super) fn pause(&self) -> Result<()> {
        Ok(self.service.process().map_or(Ok(()), |it| it.pause())?)
    }

    pub(super) fn resume(&self) -> Result<()> {
        Ok(self.service.process().map_or(Ok(()), |it| it.resume())?)
    }

    /// Asks it to stop, and waits until it has.
    pub(super) async fn stop(&mut self) -> Result<()> {
        self.service.terminate()?;
        self.service.wait_exit(STOP_BOUND).await?;
        Ok(())
    }

    /// Starts it again when it has ended. It need not be ready when this returns.
    pub(super) async fn revive(&mut self) -> Result<()> {
        if self.service.wait_exit(NOW).await.is_ok() {
            self.service = ServiceProcess::spawn(&self.database_url, self.options.clone())?;
        }
        Ok(())
    }

    pub(super) async fn wait_ready(&mut self) -> Result<()> {
        Ok(self.service.wait_ready().await?)
    }
}

/// The settings of all replicas.
struct Shared<'a> {
    redis_url: &'a str,
    /// The way to it, and itself; none when the run is without.
    qdrant: Option<(&'a str, &'a TestQdrant)>,
}

impl Shared<'_> {
    /// Times are short, so that a run of minutes sees many recoveries.
    fn configure(&self, options: ServiceOptions) -> ServiceOptions {
        let options = options
            .set("DATASTORAGE__EMBEDDING__PROVIDER", "hashing")
            .set("DATASTORAGE__EMBEDDING__CACHE_TTL", "5s")
            .set("DATASTORAGE__REDIS__URL", self.redis_url)
            .set("DATASTORAGE__PROJECTOR__WORKERS", "2")
            .set("DATASTORAGE__PROJECTOR__LEASE", "3s")
            .set("DATASTORAGE__PROJECTOR__RETRY_DELAY", "100ms")
            .set("DATASTORAGE__PROJECTOR__OUTAGE_PAUSE", "200ms")
            // The replicas themselves must repair the points that a killed strict write leaves in the index.
            .set("DATASTORAGE__RECONCILE__INTERVAL", "5s")
            .set("DATASTORAGE__RECONCILE__GAP", "54s");
        let Some((url, qdrant)) = self.qdrant else { return options };
        let options = options
            .set("DATASTORAGE__QDRANT__URL", url)
            .set("DATASTORAGE__QDRANT__COLLECTION", qdrant.collection())
            .set("DATASTORAGE__QDRANT__TIMEOUT", "2s");
        match qdrant.api_key() {
            Some(key) => options.set("DATASTORAGE__QDRANT__API_KEY", key),
            None => options,
        }
    }
}

/// Everything of one run. Dropping it ends every process that it started.
pub(super) struct Stand {
    pub(super) replicas: Vec<Replica>,
    pub(super) postgres: Cluster,
    pub(super) redis: RedisServer,
    pub(super) redis_proxy: FaultProxy,
    pub(super) qdrant: TestQdrant,
    pub(super) qdrant_proxy: FaultProxy,
}

impl Stand {
    /// Starts everything; the logs go to the directory `logs`.
    pub(super) async fn set_up(arguments: &Arguments, logs: &Path) -> Result<Self> {
        let programs = Installation::from_test_run()?;
        let redis = RedisSource::program_of_test_run()?;
        let redis = RedisServer::temporary(&redis, RedisServerSettings::default()).await?;
        let redis_proxy = FaultProxy::for_tcp(redis.address()).await?;
        let qdrant = TestQdrant::create()?;
        let qdrant_proxy = FaultProxy::for_tcp(address(qdrant.url()).await?).await?;
        let postgres = Cluster::temporary(&programs, ClusterSettings::for_tests()).await?;
        storage_testkit::create_database(&postgres.url("postgres"), DATABASE, None).await?;
        let database_url = postgres.url(DATABASE);
        storage_schema::bootstrap(&database_url).await?;

        let redis_url = format!("redis://{}/0", redis_proxy.address());
        let qdrant_url = qdrant_proxy.url(qdrant.url());
        let used = (!arguments.without_qdrant).then_some((qdrant_url.as_str(), &qdrant));
        let shared = Shared { redis_url: &redis_url, qdrant: used };
        let mut started = Vec::new();
        for number in 1..=arguments.replicas {
            let log = logs.join(format!("replica-{number}.log"));
            started.push(Replica::start(&database_url, log, &shared).await?);
        }
        Ok(Self { replicas: started, postgres, redis, redis_proxy, qdrant, qdrant_proxy })
    }

    /// The database, past every proxy.
    pub(super) fn database_url(&self) -> String {
        self.postgres.url(DATABASE)
    }
}

/// The address in an `http://host:port` URL.
async fn address(url: &str) -> Result<SocketAddr> {
    let (_, rest) = url.split_once("://").context("the Qdrant URL has no scheme")?;
    let host = rest.trim_end_matches('/');
    let mut found = tokio::net::lookup_host(host).await.with_context(|| format!("cannot resolve {host}"))?;
    found.next().context("the host of Qdrant has no address")
}

/// Options of a process that is started again on the same ports.
pub(super) fn on_fixed_ports(log: PathBuf) -> Result<ServiceOptions> {
    Ok(ServiceOptions {
        port: Some(free_port()?),
        admin_port: Some(free_port()?),
        log: Some(log),
        ..ServiceOptions::default()
    })
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
