//! Changing one record.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::IF_MATCH;
use actix_web::{HttpRequest, web};
use serde_json::json;
use storage_dualwrite::Updated;
use storage_dualwrite::idempotency::{Render, Written};
use storage_models::json::Parsed;
use storage_models::{Json, Record, RecordUpdate, Timestamp};
use storage_query::AuditRecord;
use storage_validation::{Handling, RefusedUpdate, ValidUpdate};
use tokio::time::Instant;
use utoipa::openapi::Required;
use utoipa::openapi::path::Parameter;

use super::altered::AlteredFields;
use super::consistency::{self, Offer};
use super::{answer, key, preference, refusal, version};
use crate::http::observe::RequestContext;
use crate::http::state::AppState;
use crate::openapi::parameters::{self, EXAMPLE_ETAG};
use crate::openapi::{Named, schema};
use crate::problem::{Problem, ProblemKind};
use crate::routes::answer::HandlerResult;
use crate::routes::body::{self, MediaType, ReceivedBody};
use crate::routes::etag;
use crate::routes::parameters::Parameters;
use crate::routes::{get, id};

/// The media types of a change. Both are a merge patch.
const ACCEPTED: &[MediaType] = &[MediaType::MergePatch, MediaType::Json];

/// The header that names the version.
pub(crate) fn if_match_header() -> Parameter {
    let about = "The `ETag` of the version to change.";
    parameters::header("If-Match", schema::pattern(parameters::ETAG), about)
        .required(Required::True)
        .example(Some(json!(EXAMPLE_ETAG)))
        .build()
}

/// `PATCH /api/v1/audit/{type}/{id}`
pub(crate) async fn update<R: AuditRecord + Named>(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
    context: web::ReqData<RequestContext>,
) -> HandlerResult<answer::Changed<R>> {
    let mut parameters = Parameters::parse(request.query_string());
    consistency::take(&mut parameters, Offer::NotStrict, state.limits.consistency);
    parameters.finish()?;
    let header = key::header(&request)?;
    let id = id::of(&request)?;
    let if_match = if_match(&request)?;
    let preferred = preference::handling(&request);
    let handling = preferred.unwrap_or(state.limits.handling);
    let (deadline, limit) = (context.deadline, state.limits.body);
    let ReceivedBody { bytes, reservation, .. } =
        body::read(request.headers(), payload, &state.budget.of_requester(), limit, deadline, ACCEPTED)
            .await?;
    let (size, values) = (bytes.len(), state.limits.values_of_one());
    let reading = move || {
        let patch = Json::parse_within(&bytes, values)?;
        let key = key::of(header.as_ref(), &format!("PATCH /audit/{}/{id}", R::TYPE.path()), &patch);
        Ok::<_, Problem>((patch, key))
    };
    let (patch, key) = state.heavy.run(size, deadline, reading).await??;
    // A repeated request meets the version that the first has made; its kept answer comes before any refusal.
    let patch = Patch { value: patch, size, handling };
    let Change { current, update, altered } = match change::<R>(&state, id, &if_match, patch, deadline).await
    {
        Ok(change) => change,
        Err(refusal) => return key::unless_replayed(&state, key.as_ref(), refusal, deadline).await,
    };
    let render = rendering::<R>(altered.clone());
    let keyed = answer::keyed(key.clone(), &render);
    let updated = match state.writer.update(&current, update, keyed, reservation, deadline).await? {
        Written::Now(updated) => updated,
        Written::Before(reply) => return Ok(answer::replayed(reply)),
    };
    altered.count(|pointer| pointer);
    let versions = version(&updated.record).into_iter().collect();
    let wanted = preference::wait(&request);
    let waited = consistency::until_synced(&state, R::TYPE, versions, wanted, deadline).await;
    let (is_pending, told) = (updated.is_pending, altered.handling(preferred));
    let render = |still| render(&Updated { is_pending: is_pending && still, ..updated.clone() });
    Ok(consistency::answered(&state, key.as_ref(), waited, told, deadline, render).await)
}

/// A change that may be made, of the record as it was read.
struct Change {
    current: Record,
    update: RecordUpdate,
    altered: AlteredFields,
}

/// A change as it was sent.
struct Patch {
    value: Parsed,
    /// Bytes that it came in.
    size: usize,
    handling: Handling,
}

async fn change<R: AuditRecord>(
    state: &AppState,
    id: i64,
    if_match: &str,
    patch: Patch,
    deadline: Instant,
) -> Result<Change, Problem> {
    let current = get::record::<R>(state, id, deadline).await?;
    if !etag::matches_strongly(if_match, &etag::of(&current)) {
        return Err(unmatched(if_match));
    }
    let (size, received_at) = (patch.size + metadata_size(&current), Timestamp::now());
    let judging = move || {
        let valid = storage_validation::update(&current, patch.value, received_at, patch.handling);
        (current, valid)
    };
    let (current, valid) = state.heavy.run(size, deadline, judging).await?;
    let ValidUpdate { update, sanitized_fields, adjusted_fields } = valid.map_err(refused)?;
    let altered = AlteredFields { sanitized: sanitized_fields, adjusted: adjusted_fields };
    Ok(Change { current, update, altered })
}

/// Bytes of what a patch is merged with, which are as much work as the patch.
fn metadata_size(record: &Record) -> usize {
    match record {
        Record::Remediation(record) => record.metadata.as_ref().map_or(0, |text| text.as_str().len()),
        Record::AiAnalysis(_) | Record::Workflow(_) | Record::Execution(_) => 0,
    }
}

fn refused(refused: RefusedUpdate) -> Problem {
    match refused {
        RefusedUpdate::Invalid(invalid) => refusal(invalid, |pointer| pointer),
        state => Problem::new(ProblemKind::Conflict).detail(format!("Nothing was changed: {state}.")),
    }
}

/// The versions that the change is for. `*` would match any version (RFC 9110, section 13.1.1) and could overwrite
/// another client's change, so it is refused.
fn if_match(request: &HttpRequest) -> Result<String, Problem> {
    let named: Vec<&str> =
        request.headers().get_all(IF_MATCH).filter_map(|value| value.to_str().ok()).collect();
    let named = named.join(",");
    match named.trim() {
        "" => Err(Problem::new(ProblemKind::PreconditionRequired)),
        "*" => Err(Problem::new(ProblemKind::PreconditionRequired)
            .detail("If-Match must name the version to change, not `*`. Send the ETag of the record.")),
        header if etag::has_unquoted(header) => Err(Problem::new(ProblemKind::BadRequest).detail(format!(
            "If-Match must be an entity tag in quotes. Send the record's header ETag unchanged, with its quotes, for \
             example `If-Match: {EXAMPLE_ETAG}`. In a shell, put the whole header in single quotes."
        ))),
        _ => Ok(named),
    }
}

/// A weak tag matches no version (RFC 9110, section 13.1.1).
fn unmatched(if_match: &str) -> Problem {
    let problem = Problem::new(ProblemKind::PreconditionFailed);
    if !etag::are_weak(if_match) {
        return problem;
    }
    problem.detail(
        "If-Match names a weak entity tag, which matches no version; nothing was changed. Send the tag without its \
         `W/`, which a proxy may have added.",
    )
}

fn rendering<R: 'static>(altered: AlteredFields) -> Render<Updated> {
    Arc::new(move |updated: &Updated| {
        let vector_sync = answer::vector_sync(updated.record.record_type(), updated.is_pending);
        answer::record::<R>(StatusCode::OK, &updated.record, vector_sync, &altered)
    })
}
