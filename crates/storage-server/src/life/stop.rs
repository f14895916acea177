//! The stop: every step with its own bound, and always every step (F16).

use std::time::Duration;

use super::signals::{EndSignal, Signals};
use super::{Parts, RunningServer, Server, StartError};
use crate::settings::stop::CLOSE_TIMEOUT;
use crate::telemetry::millis;

/// How a run of the service ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Stopped as asked, step by step.
    Stopped,
    /// A second signal came during the stop, which was broken off.
    AtOnce {
        /// The second signal's number.
        signal: u8,
    },
    /// A port failed; what could be stopped in order was.
    Failed,
}

impl Ended {
    /// What the process exits with: 0, 1 for a failure, or 128 and the number of the second signal.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Stopped => 0,
            Self::AtOnce { signal } => 128 + signal,
            Self::Failed => 1,
        }
    }
}

impl Server {
    /// Starts the service and runs it until SIGTERM or SIGINT. A signal before it is ready ends the start.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn run(parts: Parts) -> Result<Ended, StartError> {
        let mut signals = take_over();
        let mut starting = tokio::spawn(Self::start(parts));
        tokio::select! {
            started = &mut starting => {
                let server = started.map_err(StartError::Interrupted)??;
                Ok(server.run_with(signals).await)
            }
            EndSignal { name, .. } = next(&mut signals) => {
                tracing::info!(signal = name, "stopped before the service was ready");
                starting.abort();
                Ok(Ended::Stopped)
            }
        }
    }
}

fn take_over() -> Option<Signals> {
    Signals::take_over().map_err(|error| tracing::warn!(%error, "signals cannot be handled")).ok()
}

async fn next(signals: &mut Option<Signals>) -> EndSignal {
    match signals {
        Some(signals) => signals.next().await,
        None => std::future::pending().await,
    }
}

impl RunningServer {
    /// Serves until SIGTERM, SIGINT or [`Self::stopper`], then stops step by step. A second signal stops at once.
    pub async fn run_until_stopped(self) -> Ended {
        let signals = take_over();
        self.run_with(signals).await
    }

    async fn run_with(mut self, mut signals: Option<Signals>) -> Ended {
        let stopping = self.stopping.clone();
        let ended = tokio::select! {
            EndSignal { name, .. } = next(&mut signals) => {
                tracing::info!(signal = name, "stopping");
                Ended::Stopped
            }
            () = stopping.cancelled() => {
                tracing::info!("stopping as asked");
                Ended::Stopped
            }
            error = self.api.failed() => {
                tracing::error!(error, "the API port failed; stopping");
                Ended::Failed
            }
            error = self.admin.failed() => {
                tracing::error!(error, "the admin port failed; stopping");
                Ended::Failed
            }
        };
        tokio::select! {
            () = self.stop() => ended,
            EndSignal { name, number } = next(&mut signals) => {
                tracing::warn!(signal = name, "stopping at once");
                Ended::AtOnce { signal: number }
            }
        }
    }

    /// Runs every step, whatever became of the one before.
    async fn stop(mut self) {
        let started = tokio::time::Instant::now();
        self.health.begin_stop();
        self.writes.waits.stop();
        tokio::time::sleep(self.settings.server.drain_delay).await;
        // What may take minutes is not waited for.
        self.exports.stop();
        let limit = self.settings.server.drain_timeout;
        tell("requests", limit, self.api.drain(limit).await);
        let limit = self.settings.writer.stop_timeout;
        let (in_time, drained) = tokio::join!(
            self.writes.writer.stop(limit),
            tokio::time::timeout(limit, self.writes.strict.drain())
        );
        tell("writer", limit, in_time && drained.is_ok());
        let limit = self.settings.projector.stop_timeout;
        tell("projector", limit, self.projector.stop(limit).await);
        self.tasks_stopping.cancel();
        self.tasks.close();
        let ended = tokio::time::timeout(CLOSE_TIMEOUT, self.tasks.wait()).await;
        tell("background tasks", CLOSE_TIMEOUT, ended.is_ok());
        self.pool.close();
        self.admin.close().await;
        tracing::info!(after_ms = millis(started.elapsed()), "stopped");
    }
}

fn tell(step: &'static str, limit: Duration, in_time: bool) {
    if in_time {
        tracing::debug!(step, "stopped in time");
    } else {
        tracing::warn!(
            step,
            limit_seconds = limit.as_secs_f64(),
            "did not finish in time; going on with the stop"
        );
    }
}
