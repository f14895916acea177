//! onnxruntime in a process of its own.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::Deserialize;
use storage_testkit::environment;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// What it runs.
const PROGRAM: &str = include_str!("with_onnxruntime.py");

/// The process; it ends when this is dropped.
pub(super) struct Peer {
    _process: Child,
    requests: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    versions: String,
}

/// What it says about a batch.
#[derive(Deserialize)]
pub(super) struct Answer {
    seconds: f64,
    pub(super) vectors: Vec<Vec<f32>>,
}

impl Answer {
    /// From texts to vectors, without the way between the processes.
    pub(super) fn took(&self) -> Result<Duration> {
        Ok(Duration::try_from_secs_f64(self.seconds)?)
    }
}

impl Peer {
    /// Starts it with the weights of a directory; nothing where onnxruntime is not installed.
    pub(super) async fn start(directory: &str) -> Result<Option<Self>> {
        let Ok(python) = std::env::var(environment::ONNXRUNTIME_PYTHON) else { return Ok(None) };
        let mut process = Command::new(python)
            .args(["-I", "-c", PROGRAM, directory])
            .env("TOKENIZERS_PARALLELISM", "false")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("cannot run the Python that has onnxruntime")?;
        let requests = process.stdin.take().context("the process reads nothing")?;
        let answers = BufReader::new(process.stdout.take().context("the process writes nothing")?).lines();
        let mut peer = Self { _process: process, requests, answers, versions: String::new() };
        peer.versions = peer.line().await?;
        Ok(Some(peer))
    }

    pub(super) fn versions(&self) -> &str {
        &self.versions
    }

    pub(super) async fn embed(&mut self, texts: &[String]) -> Result<Answer> {
        let request = serde_json::to_string(texts)? + "\n";
        self.requests.write_all(request.as_bytes()).await?;
        Ok(serde_json::from_str(&self.line().await?)?)
    }

    async fn line(&mut self) -> Result<String> {
        self.answers.next_line().await?.context("onnxruntime ended; its errors are above")
    }
}
