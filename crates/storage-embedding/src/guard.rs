//! A circuit breaker that shows its state in a metric and reports each change to its caller, which logs it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use storage_breaker::{Breaker, BreakerSettings, BreakerState};

/// State of the circuit breaker: 0 closed, 1 half open, 2 open; label `dependency`.
pub const BREAKER_STATE: &str = "datastorage_breaker_state";

/// The circuit breaker of a dependency and the last state that was reported.
pub(crate) struct Guard {
    dependency: &'static str,
    breaker: Breaker,
    is_away: AtomicBool,
}

/// The change of state after a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum News {
    /// Calls to the dependency are paused from now on.
    Away,
    /// It is asked again.
    Back,
}

impl Guard {
    pub(crate) fn new(dependency: &'static str, settings: BreakerSettings) -> Self {
        let guard = Self { dependency, breaker: Breaker::new(settings), is_away: AtomicBool::new(false) };
        guard.show(BreakerState::Closed);
        guard
    }

    pub(crate) fn is_up(&self) -> bool {
        !self.is_away.load(Ordering::Relaxed)
    }

    /// Makes the call, unless calls to the dependency are paused; then the error is the rest of the pause.
    /// `asked_pause` reads from a failure the pause that the dependency asks for.
    pub(crate) async fn call<T, E>(
        &self,
        call: impl Future<Output = Result<T, E>>,
        asked_pause: impl FnOnce(&E) -> Option<Duration>,
    ) -> Result<(Result<T, E>, Option<News>), Duration> {
        let permit = self.breaker.admit(Instant::now())?;
        let outcome = call.await;
        match &outcome {
            Ok(_) => permit.succeeded(),
            Err(error) => permit.failed(Instant::now(), asked_pause(error)),
        }
        Ok((outcome, self.news()))
    }

    /// Shows the state, and says whether it is another than the last.
    fn news(&self) -> Option<News> {
        let state = self.breaker.state(Instant::now());
        self.show(state);
        let is_away = state != BreakerState::Closed;
        let was_away = self.is_away.swap(is_away, Ordering::Relaxed);
        (is_away != was_away).then_some(if is_away { News::Away } else { News::Back })
    }

    fn show(&self, state: BreakerState) {
        metrics::gauge!(BREAKER_STATE, "dependency" => self.dependency).set(state.gauge());
    }
}
