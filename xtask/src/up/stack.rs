//! The parts of the stack, each started only when it is missing.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use devstack::{
    Cluster, ClusterSettings, DevelopmentDir, Installation, PostgresSource, ServiceOptions, ServiceProcess,
};

use super::UpArguments;
use super::port::is_free;
use super::redis::Redis;
use super::state::{self, ClusterState, Environment, ServiceState, State};
use crate::progress::{Step, answer, step};
use crate::service::Service;
use crate::signals::Signals;
use crate::stand::{fetch_model, find_postgres};
use crate::workspace;

/// The database of the development stack.
const DATABASE: &str = "datastorage";
/// The servers that the service uses besides PostgreSQL.
struct Urls {
    redis: Option<String>,
    qdrant: Option<String>,
}

/// How often the service's log is looked at while it is followed.
const FOLLOW_PAUSE: Duration = Duration::from_millis(200);

/// Where the private cluster is.
pub(super) fn cluster_root(dev: &DevelopmentDir) -> PathBuf {
    dev.path().join("cluster")
}

/// The running stack. Dropped before [`Stack::detach`], what was started for it is ended.
pub(super) struct Stack {
    cluster: Option<Cluster>,
    redis: Redis,
    database_url: String,
    /// The process, when it was started by this run.
    started: Option<ServiceProcess>,
    service: ServiceState,
}

impl Stack {
    /// Starts the missing parts, from the database to the sample.
    pub(super) fn bring_up(dev: &DevelopmentDir, arguments: &UpArguments, signals: &Signals) -> Result<Self> {
        let mut state = State::load()?;
        let (cluster, database_url) = bring_up_database(dev, &mut state)?;
        let model = fetch_model(dev)?;
        let service = Service::build(arguments.release)?;
        signals.check()?;
        step("schema", || service.bootstrap(&database_url), String::clone)?;
        let redis = if arguments.full { Redis::bring_up(dev, &mut state)? } else { Redis::default() };
        let qdrant_url = arguments.full.then(find_qdrant).flatten();
        let urls = Urls { redis: redis.url.clone(), qdrant: qdrant_url.clone() };
        let start = Start { bin: service.bin(), model: &model, database_url: &database_url, arguments };
        let (started, running) = start.bring_up(&mut state, urls)?;
        let stack = Self { cluster, redis, database_url, started, service: running };
        state::write_environment(&Environment {
            url: &stack.url(),
            admin_url: &stack.admin_url(),
            database_url: &stack.database_url,
            redis_url: stack.redis_url(),
            qdrant_url: qdrant_url.as_deref(),
        })?;
        if !arguments.no_sample {
            let url = stack.url();
            step("sample", || service.load_sample(&url), String::clone)?;
        }
        signals.check()?;
        Ok(stack)
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.service.port)
    }

    pub(super) fn admin_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.service.admin_port)
    }

    pub(super) fn database_url(&self) -> &str {
        &self.database_url
    }

    /// The Redis that the service uses.
    pub(super) fn redis_url(&self) -> Option<&str> {
        self.service.redis_url.as_deref()
    }

    /// Leaves everything running.
    pub(super) fn detach(mut self) {
        if let Some(redis) = &mut self.redis.server {
            redis.detach();
        }
        if let Some(cluster) = &mut self.cluster {
            cluster.detach();
        }
        if let Some(service) = &mut self.started {
            service.detach();
        }
    }

    /// Prints the service's log as it grows, until the service ends or the end of this program is requested.
    pub(super) fn follow_service(&self, signals: &Signals) -> Result<()> {
        let path = service_log();
        let mut log = File::open(&path).context("cannot open the service's log")?;
        if self.started.is_none() {
            log.seek(SeekFrom::End(0))?;
        }
        while !signals.end_is_requested() {
            // Asked before reading, so that the last lines are read after the end is known.
            let running = self.service.process.is_running();
            let mut new = Vec::new();
            log.read_to_end(&mut new)?;
            if !new.is_empty() {
                answer(String::from_utf8_lossy(&new).trim_end());
            }
            if !running {
                bail!("the service has ended; read its log {}", path.display());
            }
            let _ = self.service.process.wait_gone(FOLLOW_PAUSE);
        }
        Ok(())
    }
}

fn service_log() -> PathBuf {
    workspace::public_dir().join("service.log")
}

fn bring_up_database(dev: &DevelopmentDir, state: &mut State) -> Result<(Option<Cluster>, String)> {
    let (source, finding) = find_postgres(dev)?;
    match source {
        PostgresSource::External(url) => {
            finding.done("the server that DATABASE_URL names");
            Ok((None, url))
        }
        PostgresSource::Programs(programs) => {
            let cluster = start_cluster(dev, &programs, state)?;
            finding.done(format!("{} on port {}", programs.version()?, cluster.port()));
            cluster.ensure_database(DATABASE)?;
            let url = cluster.url(DATABASE);
            Ok((Some(cluster), url))
        }
    }
}

fn start_cluster(dev: &DevelopmentDir, programs: &Installation, state: &mut State) -> Result<Cluster> {
    let root = cluster_root(dev);
    let kept = match state.cluster.take() {
        Some(known) => known,
        None if root.exists() => bail!(
            "the password of the database in {} is lost: remove the database with `cargo xtask down --purge`",
            root.display()
        ),
        None => ClusterState { password: devstack::password()?, port: None },
    };
    // Saved before the cluster is created, because a cluster without its password cannot be used.
    state.cluster = Some(kept.clone());
    state.save()?;
    let ran_before = Cluster::runs_in(&root);
    let mut settings = ClusterSettings::for_development(kept.password.clone());
    settings.port = kept.port.filter(|port| is_free(*port));
    let mut cluster = Cluster::start(programs, &root, settings).context(
        "the private PostgreSQL does not start; remove it and its data with `cargo xtask down --purge`",
    )?;
    if ran_before {
        cluster.detach();
    }
    state.cluster = Some(ClusterState { port: Some(cluster.port()), ..kept });
    state.save()?;
    Ok(cluster)
}

/// The settings that the service starts with.
struct Start<'a> {
    bin: &'a Path,
    model: &'a Path,
    database_url: &'a str,
    arguments: &'a UpArguments,
}

impl Start<'_> {
    /// Starts the service, or takes the one that runs already.
    fn bring_up(&self, state: &mut State, urls: Urls) -> Result<(Option<ServiceProcess>, ServiceState)> {
        if let Some(running) = state.service.take().filter(|it| it.process.is_running()) {
            reuse(&running, &urls, self.arguments)?;
            return Ok((None, running));
        }
        let (port, admin_port) = self.arguments.ports();
        for (port, flag) in [(port, "--port"), (admin_port, "--admin-port")] {
            if !is_free(port) {
                bail!("another program uses port {port}: choose another port with {flag}");
            }
        }
        let options = self.options(&urls)?;
        let starting = Step::begin("service");
        let service = ServiceProcess::start(self.database_url, options)?;
        starting.done(format!("ready on port {port}"));
        let process = service.process().context("the service ended right after it was ready")?;
        let running =
            ServiceState { process, port, admin_port, redis_url: urls.redis, qdrant_url: urls.qdrant };
        state.service = Some(running.clone());
        state.save()?;
        Ok((Some(service), running))
    }

    fn options(&self, urls: &Urls) -> Result<ServiceOptions> {
        let (port, admin_port) = self.arguments.ports();
        let log = service_log();
        File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut options = ServiceOptions {
            bin: Some(self.bin.to_owned()),
            port: Some(port),
            admin_port: Some(admin_port),
            log: Some(log),
            ..ServiceOptions::default()
        }
        .set("DATASTORAGE__EMBEDDING__PROVIDER", "local")
        .set("DATASTORAGE__EMBEDDING__MODEL_DIR", self.model.display().to_string());
        if let Some(url) = &urls.redis {
            options = options.set("DATASTORAGE__REDIS__URL", url);
        }
        if let Some(url) = &urls.qdrant {
            options = options.set("DATASTORAGE__QDRANT__URL", url);
        }
        if let Some(key) = state::external_qdrant_key().filter(|_| urls.qdrant.is_some()) {
            options = options.set("DATASTORAGE__QDRANT__API_KEY", key);
        }
        Ok(options)
    }
}

/// Accepts the service that runs already, unless other ports were asked for, or a Redis or Qdrant that it does not use.
fn reuse(running: &ServiceState, urls: &Urls, arguments: &UpArguments) -> Result<()> {
    if urls.redis.is_some() && running.redis_url != urls.redis {
        bail!("the service already runs without this Redis: stop it with `cargo xtask down`");
    }
    if urls.qdrant.is_some() && running.qdrant_url != urls.qdrant {
        bail!("the service already runs without this Qdrant: stop it with `cargo xtask down`");
    }
    let fits = arguments.port.is_none_or(|it| it == running.port)
        && arguments.admin_port.is_none_or(|it| it == running.admin_port);
    if !fits {
        bail!("the service already runs on port {}: stop it with `cargo xtask down`", running.port);
    }
    let note = format!("already runs (process {}); stop it with `cargo xtask down`", running.process.pid);
    Step::begin("service").done(note);
    Ok(())
}

/// Says which Qdrant there is.
fn find_qdrant() -> Option<String> {
    let finding = Step::begin("Qdrant");
    let url = state::external_qdrant_url();
    match &url {
        Some(_) => finding.done("the server that QDRANT_URL names"),
        None => finding.done("none; pgvector answers searches (set QDRANT_URL to use a Qdrant)"),
    }
    url
}
