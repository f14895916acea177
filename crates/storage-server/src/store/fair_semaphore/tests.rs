//! The places, with callers that come, go and give up in any order.

use std::collections::HashMap;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::FutureExt as _;
use proptest::prelude::*;

use super::{FairPermit, FairSemaphore, Limits, NoPermit};

const PATIENCE: Duration = Duration::from_secs(30);

fn semaphore(places: usize, waiting: usize) -> FairSemaphore<&'static str> {
    FairSemaphore::new(Limits { places, waiting, patience: PATIENCE, more_patience: PATIENCE })
}

/// A caller's wish for a place.
type Wish = Pin<Box<dyn Future<Output = Result<FairPermit<&'static str>, NoPermit>>>>;

fn wish(semaphore: &FairSemaphore<&'static str>, caller: &'static str) -> Wish {
    let semaphore = semaphore.clone();
    Box::pin(async move { semaphore.acquire(&caller).await })
}

fn poll(wish: &mut Wish) -> Option<Result<FairPermit<&'static str>, NoPermit>> {
    match wish.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => Some(outcome),
        Poll::Pending => None,
    }
}

#[track_caller]
fn taken(semaphore: &FairSemaphore<&'static str>, caller: &'static str) -> FairPermit<&'static str> {
    poll(&mut wish(semaphore, caller)).unwrap().unwrap()
}

/// A wish that waits.
#[track_caller]
fn waiting(semaphore: &FairSemaphore<&'static str>, caller: &'static str) -> Wish {
    let mut wish = wish(semaphore, caller);
    assert!(poll(&mut wish).is_none(), "{caller} did not have to wait");
    wish
}

/// F45: a caller alone has all places; the next one that comes free is another's, however many of the first wait.
#[tokio::test]
async fn a_caller_alone_has_all_places_and_waits_once_another_comes() {
    let semaphore = semaphore(8, 400);
    let mut held: Vec<_> = (0..8).map(|_| taken(&semaphore, "greedy")).collect();
    let mut queue: Vec<_> = (0..100).map(|_| waiting(&semaphore, "greedy")).collect();
    let mut other =
        [waiting(&semaphore, "other"), waiting(&semaphore, "other"), waiting(&semaphore, "other")];
    for wish in &mut other[..2] {
        held.remove(0);
        assert!(queue.iter_mut().all(|wish| poll(wish).is_none()), "the greedy one got a place");
        held.push(poll(wish).unwrap().unwrap());
    }
    // Both have their share now: whose turn is longest past is first.
    held.remove(0);
    assert!(poll(&mut other[2]).is_none());
    assert!(poll(&mut queue[0]).unwrap().is_ok());
}

/// F45: with a single place two callers take turns; the later one does not wait behind the queue of the first.
#[tokio::test]
async fn callers_take_turns_at_a_single_place() {
    let semaphore = semaphore(1, 400);
    let first = taken(&semaphore, "first");
    let mut queue = [waiting(&semaphore, "first"), waiting(&semaphore, "first")];
    let mut later = waiting(&semaphore, "later");
    drop(first);
    let second = poll(&mut queue[0]).unwrap();
    assert!(poll(&mut later).is_none());
    drop(second);
    assert!(poll(&mut queue[1]).is_none(), "the whole queue of the first came before the later one");
    drop(poll(&mut later).unwrap());
    assert!(poll(&mut queue[1]).unwrap().is_ok());
}

/// F45: who may wait is bounded too, and one caller has a quarter of that.
#[tokio::test]
async fn those_beyond_the_bound_are_refused_at_once() {
    let semaphore = semaphore(1, 8);
    let _held = taken(&semaphore, "a");
    let _two: Vec<_> = (0..2).map(|_| waiting(&semaphore, "a")).collect();
    assert_eq!(semaphore.acquire(&"a").now_or_never().unwrap().unwrap_err(), NoPermit);
    let _others: Vec<_> =
        ["b", "c", "d"].map(|caller| [waiting(&semaphore, caller), waiting(&semaphore, caller)]).into();
    assert_eq!(semaphore.acquire(&"e").now_or_never().unwrap().unwrap_err(), NoPermit);
}

/// One who has a share is told soon that there is no more; one who has less waits for the next place.
#[tokio::test]
async fn patience_is_for_those_who_have_less_than_a_share() {
    let limits =
        Limits { places: 1, waiting: 8, patience: Duration::from_millis(20), more_patience: PATIENCE };
    let semaphore = FairSemaphore::new(limits);
    let held = semaphore.acquire(&"a").await.unwrap();
    assert_eq!(semaphore.acquire(&"a").await.unwrap_err(), NoPermit);
    let mut other = Box::pin(semaphore.acquire(&"b"));
    tokio::select! {
        outcome = &mut other => panic!("{outcome:?}"),
        refused = semaphore.acquire(&"a") => assert_eq!(refused.unwrap_err(), NoPermit),
    }
    drop(held);
    assert!(other.await.is_ok());
}

/// F45: where places are held for long, the newest beyond a share is recalled for one who has none; nothing is, for one
/// who has a share.
#[tokio::test]
async fn a_place_beyond_a_share_is_recalled_for_one_who_has_none() {
    let limits = Limits { places: 2, waiting: 8, patience: Duration::ZERO, more_patience: PATIENCE };
    let semaphore = FairSemaphore::new(limits);
    let (older, newer) = (semaphore.acquire(&"a").await.unwrap(), semaphore.acquire(&"a").await.unwrap());
    assert_eq!(semaphore.acquire(&"a").await.unwrap_err(), NoPermit);
    assert!(newer.recalled().now_or_never().is_none(), "a caller is no reason to recall their own");
    let heeding = async move {
        newer.recalled().await;
        drop(newer);
    };
    let (other, ()) = tokio::join!(semaphore.acquire(&"b"), heeding);
    assert!(older.recalled().now_or_never().is_none(), "one was enough");
    assert!(other.is_ok());
    assert_eq!(semaphore.held(), 2);
}

/// What a caller does next.
#[derive(Debug, Clone, Copy)]
enum Step {
    Come(usize),
    Leave(usize),
    GiveBack(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..4_usize).prop_map(Step::Come),
        1 => any::<prop::sample::Index>().prop_map(|at| Step::Leave(at.index(64))),
        2 => any::<prop::sample::Index>().prop_map(|at| Step::GiveBack(at.index(64))),
    ]
}

/// Everything that callers hold and wish for.
#[derive(Default)]
struct World {
    held: Vec<(&'static str, FairPermit<&'static str>)>,
    wishes: Vec<(&'static str, Wish)>,
}

impl World {
    fn held_by(&self) -> HashMap<&'static str, usize> {
        self.held.iter().fold(HashMap::new(), |mut counts, (caller, _)| {
            *counts.entry(*caller).or_default() += 1;
            counts
        })
    }

    fn take(&mut self, step: Step, semaphore: &FairSemaphore<&'static str>) {
        match step {
            Step::Come(who) => {
                let caller = ["a", "b", "c", "d"][who];
                self.wishes.push((caller, wish(semaphore, caller)));
            }
            Step::Leave(at) if !self.wishes.is_empty() => drop(self.wishes.remove(at % self.wishes.len())),
            Step::GiveBack(at) if !self.held.is_empty() => drop(self.held.remove(at % self.held.len())),
            Step::Leave(_) | Step::GiveBack(_) => {}
        }
    }

    /// Who was given a place since, in no order.
    fn settle(&mut self) -> Vec<&'static str> {
        let mut given = Vec::new();
        for (caller, mut wish) in std::mem::take(&mut self.wishes) {
            match poll(&mut wish) {
                Some(Ok(place)) => {
                    given.push(caller);
                    self.held.push((caller, place));
                }
                Some(Err(NoPermit)) => {}
                None => self.wishes.push((caller, wish)),
            }
        }
        given
    }
}

proptest! {
    /// F45: never more places than there are, none free while one waits, and none to a caller who has a share while
    /// one waits who has less.
    #[test]
    fn places_are_bounded_used_and_shared(places in 1..12_usize, steps in prop::collection::vec(step(), 1..200)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let _entered = runtime.enter();
        let (semaphore, mut world) = (semaphore(places, 1_000), World::default());
        let share = (places / 4).max(1);
        for step in steps {
            world.take(step, &semaphore);
            let given = world.settle();
            prop_assert!(world.held.len() <= places);
            prop_assert_eq!(semaphore.held(), world.held.len());
            prop_assert!(world.wishes.is_empty() || world.held.len() == places);
            let counts = world.held_by();
            let has = |caller| counts.get(caller).copied().unwrap_or_default();
            let is_short = world.wishes.iter().any(|(caller, _)| has(*caller) < share);
            for caller in given {
                prop_assert!(!is_short || has(caller) <= share, "{caller} had a share, another waits");
            }
        }
        drop(world);
        prop_assert_eq!(semaphore.held(), 0);
    }
}
