//! Why an operation failed, in words no transport owns.

/// The cause of a failure, as far as callers react differently to it. The HTTP edge maps each to a status in one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// The input breaks a rule; sending it again unchanged cannot succeed.
    Invalid,
    /// No such record.
    NotFound,
    /// The record's state forbids it, such as changing a finished record.
    Conflict,
    /// The record has another version than the caller thinks.
    Stale,
    /// The idempotency key was used for another request.
    KeyReused,
    /// The first request with this idempotency key is still under way. Worth repeating.
    KeyInFlight,
    /// No room for more work now; nothing was stored. Worth repeating later.
    Overloaded,
    /// The request's time was up before its work began; nothing was stored. Worth repeating.
    DeadlinePassed,
    /// PostgreSQL cannot be reached or refuses work; nothing was stored. Worth repeating.
    Unavailable,
    /// The vector index or the embedder cannot take what must be in both stores; nothing was stored. Worth repeating.
    IndexUnavailable,
    /// The service is stopping; nothing was stored. Worth repeating elsewhere.
    Stopping,
    /// The database's answer to COMMIT was lost, and whether the record is stored could not be learnt.
    OutcomeUnknown,
    /// A defect of this service or of its data.
    Internal,
}
