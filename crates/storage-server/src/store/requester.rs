//! The requester for whom scarce resources are counted.

use std::net::IpAddr;
use std::sync::Arc;

tokio::task_local! {
    /// The requester of the current request. It is kept with the task, like its span, because only the counting of
    /// resources depends on it and function signatures should not name it.
    static REQUESTER: Requester;
}

/// The requester, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Requester {
    /// A known caller, by name.
    Caller(Arc<str>),
    /// An address, without authentication.
    Address(IpAddr),
    /// The service itself.
    Service,
}

impl Requester {
    /// The requester of the current request.
    pub(crate) fn current() -> Self {
        REQUESTER.try_with(Clone::clone).unwrap_or(Self::Service)
    }

    /// Does the work for this requester.
    pub(crate) async fn scope<T>(self, work: impl Future<Output = T>) -> T {
        REQUESTER.scope(self, work).await
    }
}

#[cfg(test)]
mod tests {
    use super::Requester;

    #[tokio::test]
    async fn work_is_for_the_one_in_whose_scope_it_is() {
        let requester = Requester::Address([203, 0, 113, 9].into());
        assert_eq!(requester.clone().scope(async { Requester::current() }).await, requester);
        assert_eq!(Requester::current(), Requester::Service);
    }
}
