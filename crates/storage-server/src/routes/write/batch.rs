//! Storing many records at once, all of them or none.

use std::marker::PhantomData;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};
use serde::Serialize;
use serde_json::Value;
use storage_dualwrite::idempotency::{IdempotencyKey, Render, Written};
use storage_models::json::{Items, Parsed};
use storage_models::{Receipt, RecordType, Timestamp};
use storage_query::AuditRecord;
use storage_validation::{Handling, Invalid, RefusedBatch, ValidBatch};
use utoipa::ToSchema;

use super::altered::AlteredFields;
use super::answer::VectorSync;
use super::consistency::{self, Offer};
use super::key::{BatchKey, GivenKey};
use super::{answer, key, months, preference, receipt, refusal, reserve_growth};
use crate::http::observe::RequestContext;
use crate::http::state::AppState;
use crate::openapi::responses::{Answers, json_body};
use crate::openapi::{JsonBody, Named};
use crate::problem::Problem;
use crate::routes::answer::{Form, HandlerResult};
use crate::routes::body::{self, MediaType, ReceivedBody};
use crate::routes::parameters::Parameters;

/// The media types of a batch: an array, or one record per line.
const ACCEPTED: &[MediaType] = &[MediaType::Json, MediaType::JsonLines];

/// The answer to a batch that is stored.
#[derive(Serialize, ToSchema)]
#[schema(as = StoredBatch, bound = "")]
#[serde(bound = "")]
struct Stored<'a, R> {
    /// In the order of the records.
    #[schema(minimum = 1, examples(3))]
    ids: &'a [i64],
    #[schema(minimum = 1, examples(1))]
    count: usize,
    vector_sync: VectorSync,
    /// The places that the service cleaned or escaped, as JSON pointers.
    sanitized_fields: &'a [String],
    /// The places that lenient handling changed, as JSON pointers.
    adjusted_fields: &'a [String],
    #[serde(skip)]
    of: PhantomData<R>,
}

impl<R: Named> JsonBody for Stored<'_, R> {
    fn example(of_members: Value) -> Value {
        answer::just_stored::<R>(of_members)
    }
}

/// 201 with the ids of a batch of records of the type `R`.
pub(crate) struct CreatedBatch<R>(PhantomData<R>);

impl<R: Named> Form for CreatedBatch<R> {
    fn answers(about: &str) -> Answers {
        Answers::new::<Stored<'static, R>>(201, json_body::<Stored<'static, R>>(about))
    }
}

/// `POST /api/v1/audit/{type}/batch`
pub(crate) async fn write_batch<R: AuditRecord + Named>(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
    context: web::ReqData<RequestContext>,
) -> HandlerResult<CreatedBatch<R>> {
    let mut parameters = Parameters::parse(request.query_string());
    consistency::take(&mut parameters, Offer::NotStrict, state.limits.consistency);
    parameters.finish()?;
    let header = key::header(&request)?;
    let preferred = preference::handling(&request);
    let handling = preferred.unwrap_or(state.limits.handling);
    let (deadline, limit) = (context.deadline, state.limits.batch_body);
    let body =
        body::read(request.headers(), payload, &state.budget.of_requester(), limit, deadline, ACCEPTED)
            .await?;
    let ReceivedBody { bytes, mut reservation, media_type } = body;
    let (size, limits, receipt) = (bytes.len(), state.limits.items(), receipt(&request, &context));
    let most = state.limits.stored_batch();
    let judging = move || {
        let items = match media_type {
            MediaType::JsonLines => Ok(Items::of_lines(&bytes, limits)),
            MediaType::Json | MediaType::MergePatch => Items::of_array(&bytes, limits),
        };
        judged(R::TYPE, header, items, (&receipt, handling, most))
    };
    let Judged { key, valid } = state.heavy.run(size, deadline, judging).await??;
    let ValidBatch { records, sanitized_fields, adjusted_fields } = match valid {
        Ok(valid) => valid,
        Err(invalid) => {
            let problem = refusal(invalid, within_record);
            return key::unless_replayed(&state, key.as_ref(), problem, deadline).await;
        }
    };
    reserve_growth(&mut reservation, &records, size)?;
    if let Err(refusal) = months::open(&request, &state, &records, deadline).await {
        return key::unless_replayed(&state, key.as_ref(), refusal, deadline).await;
    }
    let altered = AlteredFields { sanitized: sanitized_fields, adjusted: adjusted_fields };
    let keyed = answer::keyed(key.clone(), &rendering::<R>(altered.clone(), true));
    let ids = match state.writer.write_batch(records, keyed, reservation, deadline).await? {
        Written::Now(ids) => ids,
        Written::Before(reply) => return Ok(answer::replayed(reply)),
    };
    altered.count(within_record);
    // These are new records, so any waiting version is theirs or a later one.
    let versions = ids.iter().filter_map(|id| Some((*id, Timestamp::from_micros(0)?))).collect();
    let wanted = preference::wait(&request);
    let waited = consistency::until_synced(&state, R::TYPE, versions, wanted, deadline).await;
    let told = altered.handling(preferred);
    let render = |is_pending| rendering::<R>(altered.clone(), is_pending)(&ids);
    Ok(consistency::answered(&state, key.as_ref(), waited, told, deadline, render).await)
}

/// A batch that was read.
struct Judged {
    key: Option<IdempotencyKey>,
    valid: Result<ValidBatch, Invalid>,
}

/// Reads a batch, a record at a time.
fn judged(
    record_type: RecordType,
    header: Option<GivenKey>,
    items: Result<Items<'_>, &'static str>,
    (receipt, handling, most): (&Receipt, Handling, usize),
) -> Result<Judged, Problem> {
    let mut key = header.map(BatchKey::new);
    let seen = |record: &Parsed| key.iter_mut().for_each(|key| key.see(record));
    let valid = match storage_validation::batch(record_type, items, receipt, handling, most, seen) {
        Ok(valid) => Ok(valid),
        Err(RefusedBatch::Invalid(invalid)) => Err(invalid),
        Err(RefusedBatch::Unreadable(error)) => return Err(error.into()),
    };
    let route = format!("POST /audit/{}/batch", record_type.path());
    Ok(Judged { key: key.and_then(|key| key.finish(&route)), valid })
}

fn rendering<R: AuditRecord>(altered: AlteredFields, is_pending: bool) -> Render<[i64]> {
    Arc::new(move |ids| {
        let stored = Stored::<R> {
            ids,
            count: ids.len(),
            vector_sync: answer::vector_sync(R::TYPE, is_pending),
            sanitized_fields: &altered.sanitized,
            adjusted_fields: &altered.adjusted,
            of: PhantomData,
        };
        answer::body(StatusCode::CREATED, &stored)
    })
}

/// A pointer into the batch as one into its record.
fn within_record(pointer: &str) -> &str {
    let rest = pointer.strip_prefix('/').unwrap_or_default();
    rest.find('/').and_then(|slash| rest.get(slash..)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::within_record;

    #[test]
    fn the_record_s_place_is_left_out() {
        for (pointer, within) in
            [("/17/name", "/name"), ("/0/metadata/a/1", "/metadata/a/1"), ("/17", ""), ("", "")]
        {
            assert_eq!(within_record(pointer), within, "{pointer}");
        }
    }
}
