//! How long something takes, many times over.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::report::Figures;

/// Runs that are not counted: they fill caches.
const WARM_UP: usize = 3;
/// After this time no further run begins if there have been a few.
const ENOUGH: Duration = Duration::from_secs(20);
/// Runs that are made however long they take.
const LEAST: usize = 5;

/// Times in ascending order.
#[derive(Debug)]
pub(super) struct Latencies(Vec<Duration>);

impl Latencies {
    pub(super) fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// The time in milliseconds that this number of a thousand runs did not exceed.
    pub(super) fn per_mille(&self, share: usize) -> f64 {
        let place = (self.0.len() * share).div_ceil(1000).saturating_sub(1);
        self.0.get(place).copied().unwrap_or_default().as_secs_f64() * 1e3
    }

    /// The median in milliseconds.
    pub(super) fn p50(&self) -> f64 {
        self.per_mille(500)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// This number of a thousand, in milliseconds, of each round.
pub(super) fn of_each(rounds: &[Latencies], per_mille: usize) -> Vec<f64> {
    rounds.iter().map(|it| it.per_mille(per_mille)).collect()
}

/// The same as the median of the rounds.
pub(super) fn median(rounds: &[Latencies], per_mille: usize) -> f64 {
    Figures::of(of_each(rounds, per_mille)).median
}

/// Measures one thing again and again.
pub(super) async fn in_a_row(runs: usize, mut one: impl AsyncFnMut() -> Result<()>) -> Result<Latencies> {
    let begun = Instant::now();
    let mut times = Vec::with_capacity(runs);
    for run in 0..runs + WARM_UP {
        if run >= WARM_UP + LEAST && begun.elapsed() > ENOUGH {
            break;
        }
        let started = Instant::now();
        one().await?;
        if run >= WARM_UP {
            times.push(started.elapsed());
        }
    }
    Ok(Latencies::of(times))
}

/// Measures one thing again and again for this long, and a few times at least.
pub(super) async fn for_a_while(
    time: Duration,
    mut one: impl AsyncFnMut() -> Result<()>,
) -> Result<Latencies> {
    let begun = Instant::now();
    let mut times = Vec::new();
    while times.len() < LEAST || begun.elapsed() < time {
        let started = Instant::now();
        one().await?;
        times.push(started.elapsed());
    }
    Ok(Latencies::of(times))
}

/// Measures two things in turns for this long, and a few times at least.
pub(super) async fn in_turns_for_a_while(
    time: Duration,
    mut one: impl AsyncFnMut() -> Result<()>,
    mut other: impl AsyncFnMut() -> Result<()>,
) -> Result<[Latencies; 2]> {
    let begun = Instant::now();
    let (mut of_one, mut of_other) = (Vec::new(), Vec::new());
    while of_one.len() < LEAST || begun.elapsed() < time {
        let started = Instant::now();
        one().await?;
        let between = Instant::now();
        other().await?;
        of_one.push(between - started);
        of_other.push(between.elapsed());
    }
    Ok([Latencies::of(of_one), Latencies::of(of_other)])
}

/// Measures two ways of doing the same in turns, so that other work of the machine affects both.
pub(super) async fn in_turns(
    runs: usize,
    mut one: impl AsyncFnMut() -> Result<()>,
    mut other: impl AsyncFnMut() -> Result<()>,
) -> Result<[Latencies; 2]> {
    let begun = Instant::now();
    let (mut of_one, mut of_other) = (Vec::with_capacity(runs), Vec::with_capacity(runs));
    for run in 0..runs + WARM_UP {
        if run >= WARM_UP + LEAST && begun.elapsed() > ENOUGH {
            break;
        }
        let started = Instant::now();
        one().await?;
        let between = Instant::now();
        other().await?;
        if run >= WARM_UP {
            of_one.push(between - started);
            of_other.push(between.elapsed());
        }
    }
    Ok([Latencies::of(of_one), Latencies::of(of_other)])
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Latencies;

    #[test]
    fn a_share_of_the_runs_is_not_exceeded() {
        let latencies = Latencies::of((1..=200).rev().map(Duration::from_millis).collect());
        assert_eq!(
            (latencies.p50(), latencies.per_mille(990), latencies.per_mille(1000)),
            (100.0, 198.0, 200.0)
        );
        assert_eq!(Latencies::of(vec![Duration::from_millis(7)]).per_mille(990), 7.0);
        assert_eq!(Latencies::of(Vec::new()).p50(), 0.0);
    }
}
