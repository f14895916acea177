//! One queued record, and the hand-over of its answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use storage_models::{NewRecord, Record};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::Span;

use super::WriteError;
use super::group::Item;
use crate::Reservation;
use crate::idempotency::{Keyed, Written};

type Outcome = Result<Written<Record>, WriteError>;

/// The owner of a queued record: its client, until a writer has taken it.
#[derive(Debug, Default)]
struct Ticket(AtomicU8);

impl Ticket {
    const QUEUED: u8 = 0;
    const TAKEN: u8 = 1;
    const ABANDONED: u8 = 2;

    fn become_state(&self, state: u8) -> bool {
        self.change(Self::QUEUED, state)
    }

    fn change(&self, from: u8, to: u8) -> bool {
        self.0.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

/// A record on its way to a writer.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) record: NewRecord,
    keyed: Option<Keyed<Record>>,
    pub(super) span: Span,
    deadline: Instant,
    ticket: Arc<Ticket>,
    reply: oneshot::Sender<Outcome>,
    size: Reservation,
}

/// The client's side of a [`Job`]. Dropping it takes the record back if no writer has it yet.
#[derive(Debug)]
pub(super) struct Waiter {
    ticket: Arc<Ticket>,
    answer: oneshot::Receiver<Outcome>,
}

impl Job {
    pub(super) fn new(
        record: NewRecord,
        keyed: Option<Keyed<Record>>,
        size: Reservation,
        deadline: Instant,
    ) -> (Self, Waiter) {
        let (reply, answer) = oneshot::channel();
        let ticket = Arc::new(Ticket::default());
        let waiter = Waiter { ticket: Arc::clone(&ticket), answer };
        (Self { record, keyed, span: Span::current(), deadline, ticket, reply, size }, waiter)
    }

    /// Takes the record for a transaction; `None` when its client has given it up or its time has passed.
    pub(super) fn take(self, now: Instant) -> Option<Self> {
        if now >= self.deadline {
            if self.ticket.become_state(Ticket::ABANDONED) {
                self.answer(Err(WriteError::DeadlinePassed));
            }
            return None;
        }
        self.ticket.become_state(Ticket::TAKEN).then_some(self)
    }

    /// As it was before a writer took it: nothing was done about it, and its client may give it up again.
    pub(super) fn given_back(self) -> Self {
        self.ticket.change(Ticket::TAKEN, Ticket::QUEUED);
        self
    }

    /// The records that a group takes from the queue.
    pub(super) fn item(&self) -> Item<'_> {
        Item { record: &self.record, keyed: self.keyed.as_ref() }
    }

    /// Bytes that it takes in a transaction: as it was sent or as it comes back, whichever are more.
    pub(super) fn bytes(&self) -> usize {
        self.size.bytes().max(self.record.bulk())
    }

    /// Hands the outcome to the client. One that is gone misses it; the record stands as it is.
    pub(super) fn answer(self, outcome: Outcome) {
        let _gone = self.reply.send(outcome);
    }
}

impl Waiter {
    pub(super) async fn outcome(mut self, deadline: Instant) -> Outcome {
        tokio::select! {
            biased;
            outcome = &mut self.answer => return outcome.unwrap_or(Err(WriteError::OutcomeUnknown)),
            () = tokio::time::sleep_until(deadline) => {}
        }
        if self.ticket.become_state(Ticket::ABANDONED) {
            return Err(WriteError::DeadlinePassed);
        }
        (&mut self.answer).await.unwrap_or(Err(WriteError::OutcomeUnknown))
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.ticket.become_state(Ticket::ABANDONED);
    }
}

#[cfg(test)]
mod tests;
