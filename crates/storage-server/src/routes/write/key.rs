//! The idempotency key of a request.

use actix_web::HttpRequest;
use storage_dualwrite::WriteError;
use storage_dualwrite::idempotency::{IdempotencyKey, Kept};
use storage_models::json::Parsed;
use tokio::time::Instant;

use super::answer;
use crate::auth::Caller;
use crate::problem::{Problem, ProblemKind};
use crate::routes::Answer;
use crate::state::AppState;

/// The header that carries it.
const HEADER: &str = "Idempotency-Key";

/// Characters it may have.
const MAX_LENGTH: usize = 255;

/// A key as the header has it, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GivenKey {
    caller: Caller,
    text: String,
}

/// The key of the header.
pub(super) fn header(request: &HttpRequest) -> Result<Option<GivenKey>, Problem> {
    let mut values = request.headers().get_all(HEADER);
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    if values.next().is_some() || text.is_empty() || text.len() > MAX_LENGTH || !is_visible {
        let detail = "Idempotency-Key must be given once, with 1 to 255 visible ASCII characters.";
        return Err(Problem::new(ProblemKind::BadRequest).detail(detail));
    }
    Ok(Some(GivenKey { caller: Caller::of(request), text: text.to_owned() }))
}

/// The key of a request to a route. None for a body that holds what cannot be kept: it is refused whatever it was
/// sent with, and so has never been answered otherwise.
pub(super) fn of(header: Option<&GivenKey>, route: &str, body: &Parsed) -> Option<IdempotencyKey> {
    let GivenKey { caller, text } = header.filter(|_| body.faults.is_empty())?;
    Some(IdempotencyKey::new(&caller.scope(), route, text, &body.value.to_canonical()))
}

/// What a request that is to be refused is answered: a refusal may depend on the clock or on what has changed since,
/// and the answer to a request that was done before does not.
pub(super) async fn unless_replayed(
    state: &AppState,
    key: Option<&IdempotencyKey>,
    refusal: Problem,
    deadline: Instant,
) -> Answer {
    let Some(key) = key else { return Err(refusal) };
    match state.reader.kept(key, deadline).await? {
        Some(Kept::Reply(reply)) => Ok(answer::replayed(reply)),
        Some(Kept::Other) => Err(WriteError::KeyReused.into()),
        None => Err(refusal),
    }
}
