//! For whom scarce things are counted.

use std::net::IpAddr;
use std::sync::Arc;

tokio::task_local! {
    /// Whom the request under way is from. It is kept with the task, as its span is: only the counting of places
    /// depends on it, so that no signature on the way to the store names it.
    static ASKER: Asker;
}

/// One who asks, as far as can be told.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Asker {
    /// One who is known, by name.
    Caller(Arc<str>),
    /// An address, where callers are not told apart.
    Address(IpAddr),
    /// The service itself.
    Service,
}

impl Asker {
    /// The one whom the request under way is from.
    pub(crate) fn current() -> Self {
        ASKER.try_with(Clone::clone).unwrap_or(Self::Service)
    }

    /// Does the work for this one.
    pub(crate) async fn scope<T>(self, work: impl Future<Output = T>) -> T {
        ASKER.scope(self, work).await
    }
}

#[cfg(test)]
mod tests {
    use super::Asker;

    #[tokio::test]
    async fn work_is_for_the_one_in_whose_scope_it_is() {
        let asker = Asker::Address([203, 0, 113, 9].into());
        assert_eq!(asker.clone().scope(async { Asker::current() }).await, asker);
        assert_eq!(Asker::current(), Asker::Service);
    }
}
