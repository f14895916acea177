//! The breaker against tables and a reference model, on a clock of the test's own.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{ASKED_PAUSE_MAX, Breaker, BreakerSettings, BreakerState};

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_millis(450);

fn breaker(failures: u32) -> Breaker {
    Breaker::new(BreakerSettings { failures, first_pause: FIRST, longest_pause: LONGEST })
}

fn fail(breaker: &Breaker, now: Instant) {
    breaker.admit(now).unwrap().failed(now, None);
}

#[test]
fn it_opens_at_the_nth_failure_in_a_row_and_no_sooner() {
    let now = Instant::now();
    for failures in 1..5 {
        let breaker = breaker(failures);
        for _ in 1..failures {
            fail(&breaker, now);
        }
        assert_eq!(breaker.state(now), BreakerState::Closed, "{failures}");
        breaker.admit(now).unwrap().succeeded();
        for _ in 1..failures {
            fail(&breaker, now);
        }
        assert_eq!(breaker.state(now), BreakerState::Closed, "a success starts the count again");
        fail(&breaker, now);
        assert_eq!(breaker.state(now), BreakerState::Open);
        assert_eq!(breaker.admit(now).unwrap_err(), FIRST);
    }
}

#[test]
fn pauses_double_up_to_the_longest_and_a_success_begins_anew() {
    let breaker = breaker(1);
    let mut now = Instant::now();
    fail(&breaker, now);
    for pause in [100, 200, 400, 450, 450] {
        let pause = Duration::from_millis(pause);
        assert_eq!(breaker.admit(now).unwrap_err(), pause);
        now += pause;
        assert_eq!(breaker.state(now), BreakerState::HalfOpen);
        fail(&breaker, now);
    }
    now += LONGEST;
    breaker.admit(now).unwrap().succeeded();
    assert_eq!(breaker.state(now), BreakerState::Closed);
    fail(&breaker, now);
    assert_eq!(breaker.admit(now).unwrap_err(), FIRST);
}

#[test]
fn one_call_at_a_time_tries_a_dependency_that_failed() {
    let breaker = breaker(1);
    let start = Instant::now();
    fail(&breaker, start);
    let later = start + FIRST;
    let probe = breaker.admit(later).unwrap();
    assert_eq!(breaker.admit(later).unwrap_err(), FIRST);
    drop(probe);
    let second = breaker.admit(later).unwrap();
    second.succeeded();
    let _both = (breaker.admit(later).unwrap(), breaker.admit(later).unwrap());
}

/// F24: a dependency that names a pause gets it, up to a bound, without failing again first.
#[test]
fn a_pause_that_is_asked_for_is_kept() {
    let now = Instant::now();
    let minute = Duration::from_secs(60);
    for (asked, kept) in [
        (minute, minute),
        (Duration::ZERO, FIRST),
        (FIRST / 2, FIRST),
        (ASKED_PAUSE_MAX * 2, ASKED_PAUSE_MAX),
        (Duration::MAX, ASKED_PAUSE_MAX),
    ] {
        let breaker = breaker(5);
        breaker.admit(now).unwrap().failed(now, Some(asked));
        assert_eq!(breaker.admit(now).unwrap_err(), kept, "{asked:?}");
    }
}

#[test]
fn what_a_call_of_an_earlier_period_says_changes_nothing() {
    let breaker = breaker(1);
    let now = Instant::now();
    let (late_success, late_failure) = (breaker.admit(now).unwrap(), breaker.admit(now).unwrap());
    fail(&breaker, now);
    late_success.succeeded();
    assert_eq!(breaker.state(now), BreakerState::Open);
    breaker.admit(now + FIRST).unwrap().succeeded();
    late_failure.failed(now + FIRST, None);
    assert_eq!(breaker.state(now + FIRST), BreakerState::Closed);
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Pass(u16),
    Succeed,
    Fail,
    FailAsking(u16),
    Abandon,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0..600_u16).prop_map(Step::Pass),
        Just(Step::Succeed),
        Just(Step::Fail),
        (0..2000_u16).prop_map(Step::FailAsking),
        Just(Step::Abandon),
    ];
    proptest::collection::vec(step, 0..200)
}

/// The breaker said plainly, for calls that do not overlap.
#[derive(Debug, Default)]
struct Model {
    now: u64,
    run: u32,
    open_until: Option<u64>,
    pause: u64,
}

impl Model {
    fn admits(&self) -> bool {
        self.open_until.is_none_or(|until| self.now >= until)
    }

    fn fail(&mut self, asked: Option<u64>) {
        self.run += 1;
        if self.open_until.is_none() && self.run < 3 && asked.is_none() {
            return;
        }
        self.pause = if self.open_until.is_some() { (self.pause * 2).min(450) } else { 100 };
        self.open_until = Some(self.now + self.pause.max(asked.unwrap_or(0)));
    }

    fn succeed(&mut self) {
        (self.run, self.open_until) = (0, None);
    }

    fn state(&self) -> BreakerState {
        match self.open_until {
            None => BreakerState::Closed,
            Some(until) if self.now < until => BreakerState::Open,
            Some(_) => BreakerState::HalfOpen,
        }
    }
}

proptest! {
    #[test]
    fn it_does_what_the_model_does(steps in steps()) {
        let (breaker, mut model, start) = (breaker(3), Model::default(), Instant::now());
        for step in steps {
            let now = start + Duration::from_millis(model.now);
            prop_assert_eq!(breaker.state(now), model.state());
            if let Step::Pass(time) = step {
                model.now += u64::from(time);
                continue;
            }
            let permit = breaker.admit(now);
            prop_assert_eq!(permit.is_ok(), model.admits());
            let Ok(permit) = permit else { continue };
            match step {
                Step::Succeed => { permit.succeeded(); model.succeed() }
                Step::Fail => { permit.failed(now, None); model.fail(None) }
                Step::FailAsking(asked) => {
                    permit.failed(now, Some(Duration::from_millis(asked.into())));
                    model.fail(Some(asked.into()));
                }
                Step::Abandon | Step::Pass(_) => drop(permit),
            }
        }
    }
}
