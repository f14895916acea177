//! A circuit breaker: it pauses calls to a dependency that fails, and then lets one call through before it closes
//! again.
//!
//! It does no I/O, has no clock and starts no task: the caller asks [`Breaker::admit`] before a call, reports the
//! outcome to the [`Permit`], and gives the time to both. A process has one breaker for each dependency, which all its
//! callers share.
//!
//! ```text
//! closed ── `failures` in a row, or an asked-for pause ──▶ open ── the pause is over ──▶ half-open
//!   ▲                                                       ▲                              │ one call
//!   │                                                       └── it fails: twice the pause ──┤
//!   └────────────────────────────────── it succeeds ─────────────────────────────────────────┘
//! ```

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The longest pause that a dependency's own wish is followed for.
pub const ASKED_PAUSE_MAX: Duration = Duration::from_secs(3600);

/// When a breaker opens, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerSettings {
    /// Failures in a row that open it, at least 1.
    pub failures: u32,
    /// The pause after it opens; doubles with each failed attempt to close it.
    pub first_pause: Duration,
    /// The longest pause, unless the dependency asks for a longer one.
    pub longest_pause: Duration,
}

impl Default for BreakerSettings {
    /// Opens after 3 failures in a row, for half a second to half a minute.
    fn default() -> Self {
        Self { failures: 3, first_pause: Duration::from_millis(500), longest_pause: Duration::from_secs(30) }
    }
}

/// The state of a breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BreakerState {
    /// Calls pass.
    Closed,
    /// One call at a time passes, to see whether the dependency is back.
    HalfOpen,
    /// No call passes.
    Open,
}

impl BreakerState {
    /// Its value in a gauge: 0 closed, 1 half-open, 2 open.
    #[must_use]
    pub const fn gauge(self) -> f64 {
        match self {
            Self::Closed => 0.0,
            Self::HalfOpen => 1.0,
            Self::Open => 2.0,
        }
    }
}

/// Guards the calls to one dependency.
#[derive(Debug)]
pub struct Breaker {
    settings: BreakerSettings,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Failures in a row since the last success.
    failures: u32,
    /// Set while it is not closed.
    trip: Option<Trip>,
    /// Counts the openings and closings: what a call of an earlier period says is out of date.
    period: u64,
}

#[derive(Debug, Clone, Copy)]
struct Trip {
    until: Instant,
    pause: Duration,
    is_probed: bool,
}

/// The permit for one call. Dropping it without an outcome, for example because the caller was cancelled, does not
/// change the state.
#[derive(Debug)]
#[must_use = "the breaker learns from the call's outcome"]
pub struct Permit<'a> {
    breaker: &'a Breaker,
    period: u64,
    is_settled: bool,
}

impl Breaker {
    /// A closed one.
    #[must_use]
    pub fn new(settings: BreakerSettings) -> Self {
        Self { settings, inner: Mutex::default() }
    }

    /// The permit for a call that begins now.
    ///
    /// # Errors
    /// The time to wait before the next call, if calls are paused. It is never zero; while another call tries the
    /// dependency, it is the first pause.
    pub fn admit(&self, now: Instant) -> Result<Permit<'_>, Duration> {
        let mut inner = self.lock();
        let period = inner.period;
        match &mut inner.trip {
            None => {}
            Some(trip) if now < trip.until => return Err(trip.until - now),
            Some(trip) if trip.is_probed => {
                return Err(self.settings.first_pause.max(Duration::from_millis(1)));
            }
            Some(trip) => trip.is_probed = true,
        }
        Ok(Permit { breaker: self, period, is_settled: false })
    }

    /// The state for a call that begins now.
    #[must_use]
    pub fn state(&self, now: Instant) -> BreakerState {
        match self.lock().trip {
            None => BreakerState::Closed,
            Some(trip) if now < trip.until => BreakerState::Open,
            Some(_) => BreakerState::HalfOpen,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every change is complete before anything can panic.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit<'_> {
    /// The dependency answered, even if it refused the request.
    pub fn succeeded(mut self) {
        self.is_settled = true;
        let mut inner = self.breaker.lock();
        if inner.period != self.period {
            return;
        }
        inner.failures = 0;
        if inner.trip.take().is_some() {
            inner.period += 1;
        }
    }

    /// The dependency did not answer, or said that it cannot serve. `asked_pause` is the pause that it asks for
    /// (Retry-After), at most [`ASKED_PAUSE_MAX`]; it opens the breaker at once.
    pub fn failed(mut self, now: Instant, asked_pause: Option<Duration>) {
        self.is_settled = true;
        let settings = &self.breaker.settings;
        let mut inner = self.breaker.lock();
        if inner.period != self.period {
            return;
        }
        inner.failures = inner.failures.saturating_add(1);
        let pause = match inner.trip {
            Some(trip) => trip.pause.saturating_mul(2).min(settings.longest_pause),
            None if asked_pause.is_some() || inner.failures >= settings.failures => settings.first_pause,
            None => return,
        };
        let wait = pause.max(asked_pause.unwrap_or_default().min(ASKED_PAUSE_MAX));
        inner.trip = Some(Trip { until: now + wait, pause, is_probed: false });
        inner.period += 1;
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.is_settled {
            return;
        }
        let mut inner = self.breaker.lock();
        if inner.period == self.period
            && let Some(trip) = &mut inner.trip
        {
            trip.is_probed = false;
        }
    }
}

#[cfg(test)]
mod tests;
