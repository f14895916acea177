//! `cargo xtask test`: sets up what the tests need, runs them, and takes it down again.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use devstack::{Cluster, ClusterSettings, DevelopmentDir, Installation, PostgresSource, environment};

use crate::cargo::cargo;
use crate::progress::{say, step};
use crate::service::Service;
use crate::signals::{Signals, exit_code};
use crate::stand::{Redis, fetch_model, find_postgres};
use crate::{clusters, workspace};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Run only the examples in documentation, with `cargo test --doc`.
    #[arg(long)]
    docs: bool,
    /// Passed to `cargo nextest run` (to `cargo test` where nextest is not installed, or with --docs). Without any, the whole workspace
    /// is tested, documentation included.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    runner: Vec<String>,
}

/// How many tests nextest runs at a time.
const TEST_THREADS: &str = "NEXTEST_TEST_THREADS";

/// One more than there are cores: a third of the time a test waits, for an outage to pass or a silent client to be sent away.
fn test_threads() -> usize {
    std::thread::available_parallelism().map_or(2, |cores| cores.get() + 1)
}

/// Runs the tests; the exit code is the runner's.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let signals = Signals::listen()?;
    let dev = workspace::development_dir()?;
    clusters::sweep(&dev);
    let model = fetch_model(&dev)?;
    let service = build_service(arguments)?;
    signals.check()?;
    let stand = Stand::set_up(&dev)?;
    tell_missing_browser();
    // Whatever comes of the tests, the cluster is taken down before this returns.
    let outcome = run_tests(&stand, service.as_ref(), &model, arguments, &signals);
    stand.take_down()?;
    outcome
}

/// The explorer's tests prove nothing without a browser, and the runner hides what passing tests say.
fn tell_missing_browser() {
    let is_there =
        |name: &str| Command::new(name).arg("--version").output().is_ok_and(|it| it.status.success());
    if !is_there("chromium") || !is_there("chromedriver") {
        say(
            "SKIPPED: the tests of the explorer, since chromium and chromedriver are not both in PATH (Debian: apt-get install chromium chromium-driver)",
        );
    }
}

/// The database server of one run, with the migrated template in it.
struct Stand {
    cluster: Option<Cluster>,
    programs: Installation,
    admin_url: String,
    template: String,
    /// What services under test connect as.
    role: String,
    server_url: String,
    redis: Redis,
}

impl Stand {
    fn set_up(dev: &DevelopmentDir) -> Result<Self> {
        let redis = Redis::find()?;
        let (source, finding) = find_postgres(dev)?;
        let (cluster, admin_url, programs) = match source {
            PostgresSource::External(url) => {
                finding.done("the server that DATABASE_URL names");
                (None, url, Installation::client(dev, &|_| ())?)
            }
            PostgresSource::Programs(programs) => {
                let root = clusters::root(dev);
                let cluster = Cluster::start(&programs, &root, ClusterSettings::for_tests())?;
                let version = programs.version()?;
                finding.done(format!("{version} on port {}, in {}", cluster.port(), root.display()));
                let url = cluster.url("postgres");
                (Some(cluster), url, programs)
            }
        };
        let template = format!("datastorage_template_{}", std::process::id());
        let role = format!("datastorage_test_{}", std::process::id());
        let server_url = devstack::with_user(&admin_url, &role, &devstack::password()?);
        Ok(Self { cluster, programs, admin_url, template, role, server_url, redis })
    }

    /// Makes the database that tests copy, with the role for services under test: what is granted in it is granted in
    /// its copies.
    fn make_template(&self, service: &Service) -> Result<()> {
        self.programs.sql(&self.admin_url, &format!("CREATE DATABASE \"{}\"", self.template))?;
        let owner_url = devstack::with_database(&self.admin_url, &self.template);
        service.bootstrap(&owner_url)?;
        service.make_role(&owner_url, &devstack::with_database(&self.server_url, &self.template))
    }

    fn take_down(self) -> Result<()> {
        let Self { cluster, programs, admin_url, template, role, .. } = self;
        match cluster {
            Some(mut cluster) => cluster.destroy()?,
            None => {
                programs.sql(&admin_url, &format!("DROP DATABASE IF EXISTS \"{template}\" WITH (FORCE)"))?;
                programs.sql(&admin_url, &format!("DROP ROLE IF EXISTS \"{role}\""))?;
            }
        }
        Ok(())
    }

    /// Tells `command` where everything is that does not need the built service.
    fn tell(&self, command: &mut Command) {
        command.env(environment::DATABASE_URL, &self.admin_url);
        command.env(environment::SERVER_URL, &self.server_url);
        if self.cluster.is_some() {
            command.env(environment::PG_BIN, self.programs.bin());
        }
        self.redis.tell(command);
    }
}

fn run_tests(
    stand: &Stand,
    service: Option<&Service>,
    model: &Path,
    arguments: &Arguments,
    signals: &Signals,
) -> Result<ExitCode> {
    if let Some(service) = service {
        let made = || stand.make_template(service);
        step("schema", made, |()| "migrated template database".to_owned())?;
    }
    for mut command in runner_commands(arguments) {
        signals.check()?;
        stand.tell(&mut command);
        command.env(environment::MODEL_DIR, model);
        if std::env::var_os(TEST_THREADS).is_none() {
            command.env(TEST_THREADS, test_threads().to_string());
        }
        if let Some(service) = service {
            command.env(environment::SERVICE_BIN, service.bin()).env(environment::TEMPLATE, &stand.template);
        }
        let status = signals.run_to_end(command).context("cannot run the tests")?;
        if !status.success() {
            return Ok(exit_code(status));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The built service. When only some of the tests are wanted it may be missing: those that need it, or a database with
/// its schema, will say so.
fn build_service(arguments: &Arguments) -> Result<Option<Service>> {
    match Service::build(false) {
        Err(error) if !arguments.runner.is_empty() => {
            say(&format!("  going on without the service: {error}"));
            Ok(None)
        }
        result => result.map(Some),
    }
}

/// The commands to run, in order.
fn runner_commands(arguments: &Arguments) -> Vec<Command> {
    if arguments.docs {
        return vec![examples(&arguments.runner)];
    }
    let mut runner = cargo();
    if nextest_is_installed() {
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
    let mut examples = cargo();
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

fn nextest_is_installed() -> bool {
    cargo().args(["nextest", "--version"]).output().is_ok_and(|it| it.status.success())
}
