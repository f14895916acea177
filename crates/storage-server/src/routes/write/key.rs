//! The idempotency key of a request.

use std::fmt::Write as _;

use actix_web::HttpRequest;
use storage_dualwrite::WriteError;
use storage_dualwrite::idempotency::{IdempotencyKey, Kept, RequestDigest};
use storage_models::json::Parsed;
use tokio::time::Instant;
use utoipa::openapi::path::Parameter;

use super::answer;
use crate::auth::Caller;
use crate::http::state::AppState;
use crate::openapi::{parameters, schema};
use crate::problem::{Problem, ProblemKind};
use crate::routes::answer::HandlerResult;

/// The header that carries it.
const HEADER: &str = "Idempotency-Key";

/// Characters it may have.
const MAX_LENGTH: usize = 255;

/// The header, as the description has it.
pub(super) fn parameter() -> Parameter {
    let form = schema::pattern(&format!("^[!-~]{{1,{MAX_LENGTH}}}$"));
    let about = "Names this request. The service stores a repetition with the same key and body only once, and gives \
                 it the same answer.";
    parameters::header(HEADER, form, about).build()
}

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
        let detail = "Idempotency-Key must have 1 to 255 visible ASCII characters and must not be repeated.";
        return Err(Problem::new(ProblemKind::BadRequest).detail(detail));
    }
    Ok(Some(GivenKey { caller: Caller::of(request), text: text.to_owned() }))
}

/// The key of a request to a route. `None` for a body with values that cannot be stored, which is refused in any case,
/// whatever it was sent with, and so has never been answered otherwise.
pub(super) fn of(header: Option<&GivenKey>, route: &str, body: &Parsed) -> Option<IdempotencyKey> {
    let header = header.filter(|_| body.faults.is_empty())?;
    let mut digest = RequestDigest::default();
    body.value.write_canonical(&mut digest).ok()?;
    Some(header.to_key(route, digest))
}

impl GivenKey {
    fn to_key(&self, route: &str, request: RequestDigest) -> IdempotencyKey {
        IdempotencyKey::new(&self.caller.scope(), route, &self.text, request)
    }
}

/// The key of a batch, whose records are seen one after the other: as of the array of them.
pub(super) struct BatchKey {
    header: GivenKey,
    /// None once a record held what cannot be kept.
    digest: Option<RequestDigest>,
    /// Opens the array, then separates its items.
    next: char,
}

impl BatchKey {
    pub(super) fn new(header: GivenKey) -> Self {
        Self { header, digest: Some(RequestDigest::default()), next: '[' }
    }

    /// Takes the next record.
    pub(super) fn see(&mut self, record: &Parsed) {
        let Some(mut digest) = self.digest.take().filter(|_| record.faults.is_empty()) else { return };
        let written = digest.write_char(self.next).and_then(|()| record.value.write_canonical(&mut digest));
        self.digest = written.is_ok().then_some(digest);
        self.next = ',';
    }

    /// After the last record, of which there was one at least.
    pub(super) fn finish(self, route: &str) -> Option<IdempotencyKey> {
        let mut digest = self.digest.filter(|_| self.next == ',')?;
        digest.write_char(']').ok()?;
        Some(self.header.to_key(route, digest))
    }
}

/// The answer to a request that would be refused now. A refusal may depend on the clock or on later changes, and the
/// answer to a repeated request must not.
pub(super) async fn unless_replayed<F>(
    state: &AppState,
    key: Option<&IdempotencyKey>,
    refusal: Problem,
    deadline: Instant,
) -> HandlerResult<F> {
    let Some(key) = key else { return Err(refusal) };
    match state.reader.kept(key, deadline).await? {
        Some(Kept::Reply(reply)) => Ok(answer::replayed(reply)),
        Some(Kept::Other) => Err(WriteError::KeyReused.into()),
        None => Err(refusal),
    }
}

#[cfg(test)]
mod tests {
    use storage_models::Json;
    use storage_models::json::{ItemLimits, Items};

    use super::{BatchKey, GivenKey, of};
    use crate::auth::Caller;

    /// F42: the key of a batch is that of its whole text, though that is never held as one.
    #[test]
    fn a_batch_has_the_key_of_its_array() {
        let header = GivenKey { caller: Caller::named("a"), text: "k".to_owned() };
        let limits = ItemLimits::of_bytes(1 << 20, 1 << 16);
        let key = |items: Items<'_>| {
            let mut key = BatchKey::new(header.clone());
            items.for_each(|item| key.see(&item.unwrap()));
            key.finish("r")
        };
        let array = br#"[{"b": 1.0, "a": "x"}, [], 2]"#;
        let whole = of(Some(&header), "r", &Json::parse(array).unwrap());
        assert!(whole.is_some());
        assert_eq!(key(Items::of_array(array, limits).unwrap()), whole);
        assert_eq!(key(Items::of_lines(b"{\"a\":\"x\",\"b\":1}\n[]\n2\n", limits)), whole);
        assert_eq!(key(Items::of_array(b"[1, 1e999]", limits).unwrap()), None);
        assert_eq!(key(Items::of_array(b"[]", limits).unwrap()), None);
    }
}
