//! What `--full` adds: a Redis that is found, or started here; and a Qdrant, if there is one.

use std::path::PathBuf;

use anyhow::{Context, Result};
use devstack::{DevelopmentDir, RedisServer, RedisServerSettings, RedisSource};

use super::port::is_free;
use super::state::{RedisState, State, external_redis_url};
use crate::progress::{Step, say};

/// Where the private Redis is.
pub(super) fn root(dev: &DevelopmentDir) -> PathBuf {
    dev.path().join("redis")
}

/// The Redis of the stack: its URL, and the server when it was started by this run.
#[derive(Default)]
pub(super) struct Redis {
    pub(super) server: Option<RedisServer>,
    pub(super) url: Option<String>,
}

impl Redis {
    /// The server that `REDIS_URL` names, or a private one. Without any the stack comes up all the same, and says what
    /// is missing.
    pub(super) fn bring_up(dev: &DevelopmentDir, state: &mut State) -> Result<Self> {
        let finding = Step::begin("Redis");
        match RedisSource::find(external_redis_url()) {
            Ok(RedisSource::External(url)) => {
                finding.done("the server that REDIS_URL names");
                Ok(Self { server: None, url: Some(url) })
            }
            Ok(RedisSource::Program(program)) => {
                let server = start(dev, &program, state)?;
                let version = RedisSource::version(&program)?;
                finding.done(format!("{version} on port {}", server.address().port()));
                Ok(Self { url: Some(server.url()), server: Some(server) })
            }
            Err(missing) => {
                finding.done("none");
                say(&format!("  continuing without Redis: {missing}"));
                Ok(Self::default())
            }
        }
    }
}

fn start(dev: &DevelopmentDir, program: &std::path::Path, state: &mut State) -> Result<RedisServer> {
    let root = root(dev);
    let kept = state.redis.take();
    let kept = match kept {
        Some(known) => known,
        None => RedisState { password: devstack::password()?, port: None },
    };
    state.redis = Some(kept.clone());
    state.save()?;
    let ran_before = RedisServer::runs_in(&root);
    let settings = RedisServerSettings {
        port: kept.port.filter(|port| is_free(*port)),
        password: Some(kept.password.clone()),
        certificate: None,
    };
    let mut server =
        RedisServer::start(program, &root, settings).context("the private Redis does not start")?;
    if ran_before {
        server.detach();
    }
    state.redis = Some(RedisState { port: Some(server.address().port()), ..kept });
    state.save()?;
    Ok(server)
}
