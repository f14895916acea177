//! The switches of a test: the lasting fault and the one-shot trigger.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use super::frontend::contains;

/// No protocol begins an answer with it, and it is no UTF-8.
const GARBAGE: u8 = 0xff;

/// The behaviour of the proxy on all of its connections, until the next switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: bytes pass.
    Pass,
    /// New connections are closed as soon as they are accepted, open ones at once.
    Refuse,
    /// Connections are accepted and nothing passes in either direction. After the fault, held data continues.
    Hang,
    /// Each piece a client sends (with PostgreSQL each message, and the end of the connection) is held this long before it
    /// goes on.
    Delay(Duration),
    /// Answers arrive as bytes that mean nothing in any protocol; requests pass. Not with PostgreSQL.
    Garble,
}

/// The single event when the awaited request comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// The request is not forwarded; both sides are cut.
    CutAfterRequest,
    /// The request is forwarded and answered; the client is cut instead of getting the answer.
    CutBeforeAnswer,
    /// The request is forwarded and answered; the client gets nothing and stays connected.
    HangBeforeAnswer,
}

/// The one-shot trigger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trigger {
    /// None was set.
    Idle,
    /// Waits for a request with these bytes.
    Armed(Vec<u8>, Action),
    /// The request came; its fault is under way.
    Matched,
    /// The fault has happened.
    Fired,
}

/// The switches of one proxy, shared with its connections.
#[derive(Debug)]
pub(super) struct Switches {
    pub(super) fault: watch::Sender<Fault>,
    pub(super) trigger: watch::Sender<Trigger>,
    /// What the start of a session must contain for the trigger to see its requests.
    pub(super) sessions: watch::Sender<Vec<u8>>,
    /// Counts the calls of `cut_all`.
    pub(super) cuts: watch::Sender<u64>,
    pub(super) accepted: AtomicU64,
    pub(super) open: watch::Sender<usize>,
}

impl Switches {
    pub(super) fn new() -> Self {
        Self {
            fault: watch::Sender::new(Fault::Pass),
            trigger: watch::Sender::new(Trigger::Idle),
            sessions: watch::Sender::default(),
            cuts: watch::Sender::new(0),
            accepted: AtomicU64::new(0),
            open: watch::Sender::new(0),
        }
    }

    /// The bytes that are waited for, if a trigger is set that sees sessions with this start.
    pub(super) fn needle(&self, start: &[u8]) -> Option<Vec<u8>> {
        match &*self.trigger.borrow() {
            Trigger::Armed(needle, _) if contains(start, &self.sessions.borrow()) => Some(needle.clone()),
            _ => None,
        }
    }

    /// Takes the trigger, for the connection whose request matched; another may have been faster.
    pub(super) fn take_trigger(&self) -> Option<Action> {
        let mut taken = None;
        self.trigger.send_if_modified(|trigger| {
            if let Trigger::Armed(_, action) = trigger {
                taken = Some(*action);
                *trigger = Trigger::Matched;
            }
            taken.is_some()
        });
        taken
    }

    pub(super) fn fired(&self) {
        self.trigger.send_replace(Trigger::Fired);
    }

    /// Waits as the standing fault demands before a piece goes on in the direction of the server.
    pub(super) async fn hold_request(&self) {
        self.hold_answer().await;
        self.delay().await;
    }

    /// Waits as long as the standing fault holds each piece.
    pub(super) async fn delay(&self) {
        let fault = *self.fault.borrow();
        if let Fault::Delay(time) = fault {
            tokio::time::sleep(time).await;
        }
    }

    /// Waits as the standing fault demands before a piece goes on in the direction of the client.
    pub(super) async fn hold_answer(&self) {
        // The sender lives in `self`, so waiting cannot fail.
        let _ = self.fault.subscribe().wait_for(|fault| *fault != Fault::Hang).await;
    }

    /// Spoils an answer when the standing fault demands it.
    pub(super) fn garble(&self, answer: &mut [u8]) {
        if *self.fault.borrow() == Fault::Garble {
            answer.fill(GARBAGE);
        }
    }

    /// Ends when the connections that are open now are to be closed.
    pub(super) async fn until_cut(&self) {
        let (mut fault, mut cuts) = (self.fault.subscribe(), self.cuts.subscribe());
        tokio::select! {
            _ = fault.wait_for(|fault| *fault == Fault::Refuse) => {}
            _ = cuts.changed() => {}
        }
    }

    pub(super) fn count_accepted(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }
}
