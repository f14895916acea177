//! The span of a request, whose ids are in each of its lines in the log.

use tracing::Span;

/// The span of a request. At level error, so that its ids are in every line at any log level.
pub(crate) fn of_request(correlation_id: &str, trace_id: &str) -> Span {
    tracing::error_span!("request", correlation_id, trace_id)
}
