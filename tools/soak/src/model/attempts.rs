//! The outcome of a request, from the answers to its attempts.

/// What one attempt came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// Done, now or by an earlier attempt with the same key.
    Acknowledged,
    /// Refused for good: the request is wrong.
    Refused,
    /// Not done by this attempt, which the answer promises, or which never arrived.
    NotStored,
    /// Another attempt with the same key is under way.
    InFlight,
    /// Unknown.
    Unknown,
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Done.
    Acknowledged,
    /// Not done, and never will be.
    Refused,
    /// Done once or not at all.
    Unknown,
}

/// The next step after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing more will be learnt.
    Final(Standing),
    /// Try again.
    Again,
}

/// The attempts of one request so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attempts {
    has_key: bool,
    in_doubt: bool,
}

impl Attempts {
    /// None yet. Without a key a request must not be repeated once its outcome is in doubt.
    pub(crate) const fn new(has_key: bool) -> Self {
        Self { has_key, in_doubt: false }
    }

    /// Takes in what the next attempt came to.
    pub(crate) fn after(&mut self, outcome: Outcome) -> Verdict {
        match outcome {
            Outcome::Acknowledged => Verdict::Final(Standing::Acknowledged),
            Outcome::Refused => Verdict::Final(Standing::Refused),
            Outcome::NotStored => Verdict::Again,
            Outcome::InFlight | Outcome::Unknown => {
                self.in_doubt = true;
                if self.has_key { Verdict::Again } else { Verdict::Final(Standing::Unknown) }
            }
        }
    }

    /// The outcome of the request when it is not repeated any more.
    pub(crate) const fn given_up(&self) -> Standing {
        if self.in_doubt { Standing::Unknown } else { Standing::Refused }
    }
}
