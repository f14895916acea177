//! Bytes in memory for requests and answers, shared among callers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use storage_dualwrite::ByteBudget;

use crate::store::requester::Requester;

/// Callers that are remembered before those who hold nothing are forgotten.
const REMEMBERED: usize = 1_024;

/// A budget of bytes, of which one caller has three quarters at most. Nothing waits for bytes, so the quarter is left to the
/// others whether they want it or not. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct SharedBudget {
    whole: ByteBudget,
    parts: Arc<Mutex<HashMap<Requester, ByteBudget>>>,
}

impl SharedBudget {
    pub(crate) fn new(bytes: u32) -> Self {
        Self { whole: ByteBudget::new(bytes), parts: Arc::default() }
    }

    /// The part of the current requester.
    pub(crate) fn of_requester(&self) -> ByteBudget {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        if parts.len() >= REMEMBERED {
            parts.retain(|_, part| !part.is_whole());
        }
        parts.entry(Requester::current()).or_insert_with(|| self.whole.part()).clone()
    }

    /// How many bytes are free now.
    #[cfg(test)]
    pub(crate) fn free(&self) -> usize {
        self.whole.free()
    }
}

#[cfg(test)]
mod tests {
    use super::{REMEMBERED, Requester, SharedBudget};

    fn address(number: usize) -> Requester {
        Requester::Address(std::net::Ipv6Addr::from(u128::try_from(number).unwrap()).into())
    }

    /// F45: what one caller holds bounds that caller, and leaves a quarter to the others.
    #[tokio::test]
    async fn one_caller_leaves_a_quarter_to_the_others() {
        let budget = SharedBudget::new(100);
        let take = async |requester: Requester, bytes| {
            requester.scope(async { budget.of_requester().reserve(bytes) }).await
        };
        let held = take(address(1), 75).await.unwrap();
        assert!(take(address(1), 1).await.is_none());
        assert!(take(address(2), 25).await.is_some());
        drop(held);
        assert!(take(address(1), 75).await.is_some());
    }

    #[tokio::test]
    async fn callers_who_hold_nothing_are_forgotten() {
        let budget = SharedBudget::new(100);
        let held = address(0).scope(async { budget.of_requester().reserve(75) }).await;
        for number in 1..=2 * REMEMBERED {
            address(number).scope(async { drop(budget.of_requester()) }).await;
        }
        assert!(budget.parts.lock().unwrap().len() <= REMEMBERED + 1);
        assert!(
            address(0).scope(async { budget.of_requester().reserve(1) }).await.is_none(),
            "what is held counts"
        );
        drop(held);
    }
}
