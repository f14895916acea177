//! `cargo xtask test`: sets up what the tests need, runs them, and takes it down again.

use std::path::PathBuf;
use std::process::{ExitCode, ExitStatus};

use anyhow::{Context, Result, ensure};
use diesel_async::{AsyncConnection as _, AsyncPgConnection};
use storage_testkit::{
    Cluster, ClusterSettings, DevelopmentDir, PostgresSource, ProcessIdentity, RedisSource, environment,
};
use tokio::process::Command;
use tokio::signal::unix::{Signal, SignalKind, signal};
use uuid::Uuid;

use crate::progress::{Step, say, step};
use crate::{clusters, workspace};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Only the examples in documentation, with `cargo test --doc`.
    #[arg(long)]
    docs: bool,
    /// Passed to `cargo nextest run` (to `cargo test` where nextest is not installed, or with --docs). Without any, the whole workspace
    /// is tested, documentation included.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    runner: Vec<String>,
}

/// Runs the tests; the exit code is the runner's.
pub(crate) async fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut signals = Signals::listen()?;
    let dev = workspace::development_dir()?;
    clusters::sweep(&dev).await;
    let stand = Stand::set_up(&dev).await?;
    // Whatever comes of the tests, the cluster is taken down before this returns.
    let outcome = run_tests(&stand, &dev, arguments, &mut signals).await;
    stand.take_down().await?;
    outcome
}

/// The database server of one run, with the migrated template in it.
struct Stand {
    cluster: Option<Cluster>,
    admin_url: String,
    template: String,
    /// What services under test connect as.
    role: String,
    role_password: String,
    pg_bin: Option<PathBuf>,
    redis: Redis,
}

/// Each test starts its own Redis, or all share the one that `REDIS_URL` names; those that kill theirs need the program
/// in any case.
struct Redis {
    shared: Option<String>,
    program: Option<PathBuf>,
}

impl Redis {
    async fn find() -> Result<Self> {
        let finding = Step::begin("Redis");
        match RedisSource::find(crate::up::external_redis_url()).await? {
            RedisSource::External(url) => {
                finding.done("the server that REDIS_URL names");
                Ok(Self { shared: Some(url), program: RedisSource::program_on_path() })
            }
            RedisSource::Program(program) => {
                finding.done(RedisSource::version(&program).await?);
                Ok(Self { shared: None, program: Some(program) })
            }
        }
    }
}

impl Stand {
    async fn set_up(dev: &DevelopmentDir) -> Result<Self> {
        let redis = Redis::find().await?;
        let fetching = Step::begin("PostgreSQL");
        let source =
            PostgresSource::find(dev, crate::up::external_database_url(), &|it| fetching.fetch(it)).await?;
        let (cluster, admin_url, pg_bin) = match source {
            PostgresSource::External(url) => {
                fetching.done("the server that DATABASE_URL names");
                (None, url, None)
            }
            PostgresSource::Programs(programs) => {
                let root = clusters::root(dev);
                let cluster = Cluster::start(&programs, &root, ClusterSettings::for_tests()).await?;
                let version = programs.version().await?;
                fetching.done(format!("{version} on port {}, in {}", cluster.port(), root.display()));
                let url = cluster.url("postgres");
                (Some(cluster), url, Some(programs.bin().to_owned()))
            }
        };
        let template = format!("datastorage_template_{}", std::process::id());
        let role = format!("datastorage_test_{}", std::process::id());
        let role_password = Uuid::new_v4().simple().to_string();
        Ok(Self { cluster, admin_url, template, role, role_password, pg_bin, redis })
    }

    async fn make_template(&self) -> Result<()> {
        storage_testkit::create_database(&self.admin_url, &self.template, None).await?;
        let url = storage_testkit::with_database(&self.admin_url, &self.template);
        storage_schema::bootstrap(&url).await.context("cannot bootstrap the schema")?;
        // What is granted in the template is granted in its copies.
        let owner = AsyncPgConnection::establish(&url).await.context("cannot connect to the template")?;
        let made = storage_schema::make_role(owner, &self.role, Some(&self.role_password)).await;
        let left = made.context("cannot make the services' role")?.left;
        ensure!(left.is_empty(), "the services' role has not the rights it needs: {left:?}");
        Ok(())
    }

    fn server_url(&self) -> String {
        storage_testkit::with_user(&self.admin_url, &self.role, &self.role_password)
    }

    async fn take_down(self) -> Result<()> {
        match self.cluster {
            Some(cluster) => cluster.destroy().await?,
            None => {
                storage_testkit::drop_database(&self.admin_url, &self.template).await?;
                storage_testkit::drop_role(&self.admin_url, &self.role).await?;
            }
        }
        Ok(())
    }
}

async fn run_tests(
    stand: &Stand,
    dev: &DevelopmentDir,
    arguments: &Arguments,
    signals: &mut Signals,
) -> Result<ExitCode> {
    step("schema", stand.make_template(), |()| "migrated template database".to_owned()).await?;
    let fetching = Step::begin("embedding model");
    let model = storage_testkit::fetch_model(dev, &|it| fetching.fetch(it)).await?;
    fetching.done(model.display().to_string());
    let service = build_service(arguments).await?;

    let set_environment = |command: &mut Command| {
        command
            .env(environment::DATABASE_URL, &stand.admin_url)
            .env(environment::SERVER_URL, stand.server_url())
            .env(environment::TEMPLATE, &stand.template)
            .env(environment::MODEL_DIR, &model);
        if let Some(service) = &service {
            command.env(environment::SERVICE_BIN, service);
        }
        if let Some(bin) = &stand.pg_bin {
            command.env(environment::PG_BIN, bin);
        }
        if let Some(program) = &stand.redis.program {
            command.env(environment::REDIS_SERVER, program);
        }
        if let Some(url) = &stand.redis.shared {
            command.env(environment::REDIS_URL, url);
        }
    };
    for mut command in runner_commands(arguments).await {
        set_environment(&mut command);
        let status = signals.run_to_end(command).await?;
        if !status.success() {
            return Ok(exit_code(status));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The built service. When only some of the tests are wanted it may be missing: those that need it will say so.
async fn build_service(arguments: &Arguments) -> Result<Option<PathBuf>> {
    let built = step("service", workspace::build_service(false), |it| it.display().to_string()).await;
    match built {
        Err(error) if !arguments.runner.is_empty() => {
            say(&format!("  going on without the service: {error}"));
            Ok(None)
        }
        result => result.map(Some),
    }
}

/// The commands to run, in order.
async fn runner_commands(arguments: &Arguments) -> Vec<Command> {
    if arguments.docs {
        return vec![examples(&arguments.runner)];
    }
    let mut runner = workspace::cargo();
    if nextest_is_installed().await {
        runner.args(["nextest", "run"]);
    } else {
        say("cargo-nextest is not installed; using cargo test");
        // Not the examples in documentation: they are the next command's.
        runner.args(["test", "--no-fail-fast", "--lib", "--bins", "--tests"]);
    }
    if !names_package(&arguments.runner) {
        runner.arg("--workspace");
    }
    runner.args(&arguments.runner);
    if !arguments.runner.is_empty() {
        return vec![runner];
    }
    vec![runner, examples(&[])]
}

fn examples(arguments: &[String]) -> Command {
    let mut examples = workspace::cargo();
    examples.args(["test", "--doc"]);
    if !names_package(arguments) {
        examples.arg("--workspace");
    }
    examples.args(arguments);
    examples
}

fn names_package(arguments: &[String]) -> bool {
    arguments.iter().any(|it| it == "-p" || it.starts_with("--package"))
}

async fn nextest_is_installed() -> bool {
    workspace::cargo().args(["nextest", "--version"]).output().await.is_ok_and(|it| it.status.success())
}

/// The requests to end that this process gets. From [`Signals::listen`] on they no longer end it by themselves, so that
/// it can take down what it has set up.
struct Signals {
    interrupts: Signal,
    terminations: Signal,
}

impl Signals {
    fn listen() -> Result<Self> {
        Ok(Self {
            interrupts: signal(SignalKind::interrupt())?,
            terminations: signal(SignalKind::terminate())?,
        })
    }

    /// Runs `command` to its end. The terminal's interrupt reaches it as well, so it is left to end by itself; a
    /// request to terminate is passed on.
    async fn run_to_end(&mut self, mut command: Command) -> Result<ExitStatus> {
        let mut child = command.spawn().context("cannot run cargo")?;
        let identity = child.id().and_then(|pid| ProcessIdentity::of(i32::try_from(pid).ok()?));
        loop {
            tokio::select! {
                status = child.wait() => return Ok(status?),
                _ = self.interrupts.recv() => say("interrupted; waiting for the tests to end"),
                _ = self.terminations.recv() => if let Some(child) = identity { child.terminate()? },
            }
        }
    }
}

fn exit_code(status: ExitStatus) -> ExitCode {
    status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
}
