//! What tests, measurements and checks are given: programs, the embedding model, the built service.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use devstack::{DevelopmentDir, FetchStep, Installation, PostgresSource, RedisSource, environment};

use crate::progress::Step;
use crate::up::{external_database_url, external_redis_url};
use crate::workspace;

/// Finds PostgreSQL, the one that DATABASE_URL names or programs to start one with.
pub(crate) fn find_postgres(dev: &DevelopmentDir) -> Result<(PostgresSource, Step)> {
    let finding = Step::begin("PostgreSQL");
    let source = PostgresSource::find(dev, external_database_url(), &|it| finding.fetch(it))?;
    Ok((source, finding))
}

/// Finds programs to start a PostgreSQL of one's own with, whatever DATABASE_URL names.
pub(crate) fn find_postgres_programs(dev: &DevelopmentDir) -> Result<Installation> {
    let finding = Step::begin("PostgreSQL");
    let PostgresSource::Programs(programs) = PostgresSource::find(dev, None, &|it| finding.fetch(it))? else {
        bail!("this task starts and kills a PostgreSQL of its own, so PostgreSQL must be installed");
    };
    finding.done(programs.version()?);
    Ok(programs)
}

/// Provides the embedding model.
pub(crate) fn fetch_model(dev: &DevelopmentDir) -> Result<PathBuf> {
    let fetching = Step::begin("embedding model");
    let model = devstack::fetch_model(dev, &|it: FetchStep| fetching.fetch(it))?;
    fetching.done(model.display().to_string());
    Ok(model)
}

/// Puts the embedding model's files into `target`, for an image.
pub(crate) fn copy_model(target: &Path) -> Result<()> {
    let model = fetch_model(&workspace::development_dir()?)?;
    std::fs::create_dir_all(target).with_context(|| format!("cannot create {}", target.display()))?;
    for file in std::fs::read_dir(&model)? {
        let file = file?;
        std::fs::copy(file.path(), target.join(file.file_name()))
            .with_context(|| format!("cannot write into {}", target.display()))?;
    }
    Ok(())
}

/// Each test starts its own Redis, or all tests share the one that `REDIS_URL` names. Tests that kill their Redis need
/// the program in any case.
pub(crate) struct Redis {
    shared: Option<String>,
    program: Option<PathBuf>,
}

impl Redis {
    pub(crate) fn find() -> Result<Self> {
        let finding = Step::begin("Redis");
        match RedisSource::find(external_redis_url())? {
            RedisSource::External(url) => {
                finding.done("the server that REDIS_URL names");
                Ok(Self { shared: Some(url), program: RedisSource::program_on_path() })
            }
            RedisSource::Program(program) => {
                finding.done(RedisSource::version(&program)?);
                Ok(Self { shared: None, program: Some(program) })
            }
        }
    }

    /// Tells `command` where it is.
    pub(crate) fn tell(&self, command: &mut Command) {
        if let Some(program) = &self.program {
            command.env(environment::REDIS_SERVER, program);
        }
        if let Some(url) = &self.shared {
            command.env(environment::REDIS_URL, url);
        }
    }
}
