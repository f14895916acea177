//! The holders of places, the waiting callers, and the choice of the next one.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// A caller's share of all places, and of the waiting requests.
const PART: usize = 4;

#[derive(Debug)]
pub(super) struct State<K> {
    pub(super) free: usize,
    waiting: usize,
    /// Grows with each place given and each caller come.
    turn: u64,
    /// Those who hold a place or wait for one.
    pub(super) callers: HashMap<K, Usage>,
}

#[derive(Debug, Default)]
pub(super) struct Usage {
    /// The oldest first.
    pub(super) held: Vec<Held>,
    waiting: VecDeque<Waiter>,
    /// When the caller came, or was last given a place.
    turn: u64,
}

#[derive(Debug)]
pub(super) struct Held {
    turn: u64,
    pub(super) recall: CancellationToken,
}

#[derive(Debug)]
struct Waiter {
    turn: u64,
    sender: oneshot::Sender<Granted>,
}

/// A place that was given and not yet taken.
#[derive(Debug)]
pub(super) struct Granted {
    pub(super) turn: u64,
    pub(super) recall: CancellationToken,
}

/// A quarter, at least one.
pub(super) fn part_of(all: usize) -> usize {
    (all / PART).max(1)
}

impl<K: Hash + Eq + Clone> State<K> {
    pub(super) fn new(places: usize) -> Self {
        Self { free: places, waiting: 0, turn: 0, callers: HashMap::new() }
    }

    fn next_turn(&mut self) -> u64 {
        self.turn += 1;
        self.turn
    }

    fn usage(&mut self, caller: &K, turn: u64) -> &mut Usage {
        self.callers.entry(caller.clone()).or_insert_with(|| Usage { turn, ..Usage::default() })
    }

    /// Gives one of the free places.
    pub(super) fn give(&mut self, caller: &K) -> Granted {
        let (turn, recall) = (self.next_turn(), CancellationToken::new());
        self.free = self.free.saturating_sub(1);
        let usage = self.usage(caller, turn);
        usage.turn = turn;
        usage.held.push(Held { turn, recall: recall.clone() });
        Granted { turn, recall }
    }

    /// `None` when too many wait already.
    pub(super) fn queue(&mut self, caller: &K, most: usize) -> Option<(u64, oneshot::Receiver<Granted>)> {
        let own = self.callers.get(caller).map_or(0, |usage| usage.waiting.len());
        if self.waiting >= most || own >= part_of(most) {
            return None;
        }
        let (turn, (sender, receiver)) = (self.next_turn(), oneshot::channel());
        self.waiting += 1;
        self.usage(caller, turn).waiting.push_back(Waiter { turn, sender });
        Some((turn, receiver))
    }

    /// Removes a waiting request from the queue; false if it no longer waits.
    pub(super) fn leave(&mut self, caller: &K, turn: u64) -> bool {
        let Some(usage) = self.callers.get_mut(caller) else { return false };
        let before = usage.waiting.len();
        usage.waiting.retain(|waiter| waiter.turn != turn);
        let has_left = usage.waiting.len() < before;
        self.waiting -= usize::from(has_left);
        self.forget_if_idle(caller);
        has_left
    }

    pub(super) fn take_back(&mut self, caller: &K, turn: u64) {
        let Some(usage) = self.callers.get_mut(caller) else { return };
        let before = usage.held.len();
        usage.held.retain(|held| held.turn != turn);
        self.free += before - usage.held.len();
        self.forget_if_idle(caller);
    }

    fn forget_if_idle(&mut self, caller: &K) {
        if self.callers.get(caller).is_some_and(|usage| usage.held.is_empty() && usage.waiting.is_empty()) {
            self.callers.remove(caller);
        }
    }

    /// Gives free places to those who wait.
    pub(super) fn hand_out(&mut self, share: usize) {
        while self.free > 0 {
            let Some(caller) = self.next(share) else { return };
            let waiter = self.callers.get_mut(&caller).and_then(|usage| usage.waiting.pop_front());
            let Some(waiter) = waiter else { return };
            self.waiting -= 1;
            let granted = self.give(&caller);
            // A request that has left in the meantime leaves the place to the next.
            if let Err(granted) = waiter.sender.send(granted) {
                self.take_back(&caller, granted.turn);
            }
        }
    }

    /// Of the waiting callers, those with less than a share come first; among them, the one whose last turn is longest
    /// ago.
    fn next(&self, share: usize) -> Option<K> {
        let waiting = self.callers.iter().filter(|(_, usage)| !usage.waiting.is_empty());
        let next = waiting.min_by_key(|(_, usage)| (usage.held.len() >= share, usage.turn));
        next.map(|(caller, _)| caller.clone())
    }

    /// The newest place of the caller furthest above its share, without places that were recalled already.
    pub(super) fn most_beyond(&self, share: usize) -> Option<&Held> {
        let kept = |usage: &Usage| usage.held.iter().filter(|held| !held.recall.is_cancelled()).count();
        let greediest = self.callers.values().max_by_key(|usage| kept(usage))?;
        let newest = greediest.held.iter().rfind(|held| !held.recall.is_cancelled());
        newest.filter(|_| kept(greediest) > share)
    }
}
