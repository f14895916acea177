//! The consistency of a write beyond the commit: to wait for the index, or to have the record in both stores or in
//! neither.

use std::time::Duration;

use storage_dualwrite::idempotency::{IdempotencyKey, Reply};
use storage_models::{RecordType, Timestamp};
use storage_validation::Handling;
use tokio::time::Instant;
use utoipa::openapi::path::Parameter;

use super::{answer, preference};
use crate::http::state::AppState;
use crate::openapi::{parameters, schema};
use crate::routes::answer::Sent;
use crate::routes::parameters::Parameters;
use crate::settings::Consistency;

/// The parameter that chooses the consistency.
const PARAMETER: &str = "consistency";

/// Which consistencies a route has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::routes) enum Offer {
    /// All of them.
    Any,
    /// All but `strict`, which is for single new records.
    NotStrict,
}

/// Takes the consistency that is asked for, or the one of the settings where the route has it.
pub(super) fn take(parameters: &mut Parameters, offer: Offer, default: Consistency) -> Consistency {
    match (parameters.take(PARAMETER).as_deref(), offer) {
        (None, Offer::Any) => default,
        (None, Offer::NotStrict) | (Some("deferred"), _) => Consistency::Deferred,
        (Some("strict"), Offer::Any) => Consistency::Strict,
        (Some("strict"), Offer::NotStrict) => {
            parameters.refuse(PARAMETER, "invalid_value", "may be strict only for a single new record");
            default
        }
        (Some(_), _) => {
            parameters.refuse(PARAMETER, "invalid_value", "must be deferred or strict");
            default
        }
    }
}

/// The parameter, as the routes that make this offer have it.
pub(in crate::routes) fn consistency_parameter(offer: Offer) -> Parameter {
    let offered: &[&str] = match offer {
        Offer::Any => &["deferred", "strict"],
        Offer::NotStrict => &["deferred"],
    };
    let about = "With `deferred`, the answer means that PostgreSQL has committed the record; the index follows. With \
                 `strict`, both PostgreSQL and the index have the record, or neither has it.";
    let of = match offered {
        [only] => schema::words([*only]),
        several => schema::set("Consistency", several.iter().copied()),
    };
    parameters::query(PARAMETER, of, about).build()
}

/// A wait that was granted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waited {
    granted: Duration,
    /// Whether the records have reached every store.
    pub(super) is_synced: bool,
}

/// Waits for what was written, as long as the client wants and the request may take.
pub(super) async fn until_synced(
    state: &AppState,
    record_type: RecordType,
    versions: Vec<(i64, Timestamp)>,
    wanted: Option<Duration>,
    deadline: Instant,
) -> Option<Waited> {
    let granted = wanted?.min(deadline.saturating_duration_since(Instant::now()));
    let is_synced = record_type == RecordType::Remediation
        && state.writer.until_synced(versions, Instant::now() + granted).await;
    Some(Waited { granted, is_synced })
}

/// The answer after a wait. The answer that is kept for repetitions is updated to the same; if that fails, this answer
/// is the one that was kept at the commit, so that both are equal byte for byte. `render` gets whether the index still
/// lacks something. The answer names `handling` if it was preferred or has adjusted something.
pub(super) async fn answered<F>(
    state: &AppState,
    key: Option<&IdempotencyKey>,
    waited: Option<Waited>,
    handling: Option<Handling>,
    deadline: Instant,
    render: impl Fn(bool) -> Reply,
) -> Sent<F> {
    let mut reply = render(!waited.is_some_and(|waited| waited.is_synced));
    if let (Some(key), Some(Waited { is_synced: true, .. })) = (key, waited)
        && !state.writer.amend(key, &reply.body, deadline).await
    {
        reply = render(true);
    }
    let mut response = answer::response(reply);
    if let Some(Waited { granted, .. }) = waited {
        preference::tell(&mut response, &format!("wait={}", granted.as_secs()));
    }
    if let Some(handling) = handling {
        preference::tell_handling(&mut response, handling);
    }
    Sent::of(response)
}
