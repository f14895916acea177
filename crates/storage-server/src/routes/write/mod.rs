//! Storing and changing records. This file: storing one.

mod altered;
mod answer;
mod batch;
mod consistency;
mod key;
mod months;
mod preference;
mod update;

pub(super) use batch::write_batch;
pub(super) use consistency::{Offer, consistency_parameter};
pub(super) use update::{if_match_header, update};

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};
use storage_dualwrite::Reservation;
use storage_dualwrite::idempotency::{Render, Written};
use storage_models::{Json, NewRecord, Receipt, Record, Timestamp};
use storage_query::AuditRecord;
use storage_validation::{Invalid, ValidRecord};
use utoipa::openapi::path::Parameter;

use altered::{AlteredFields, field_label};

use super::answer::HandlerResult;
use crate::auth::Caller;
use crate::http::observe::RequestContext;
use crate::http::state::AppState;
use crate::openapi::Named;
use crate::problem::{Problem, ProblemKind};
use crate::routes::body::{self, MediaType, ReceivedBody};
use crate::routes::parameters::Parameters;
use crate::settings::Consistency;
use crate::telemetry::metrics as names;

/// The problems of a write, besides those of reading its body.
pub(super) const PROBLEMS: &[ProblemKind] = &[
    ProblemKind::KeyInFlight,
    ProblemKind::KeyReused,
    ProblemKind::DeadlinePassed,
    ProblemKind::DatabaseUnavailable,
    ProblemKind::Stopping,
    ProblemKind::OutcomeUnknown,
];

/// The headers that every write takes.
pub(super) fn headers() -> [Parameter; 2] {
    [key::parameter(), preference::parameter()]
}

/// `POST /api/v1/audit/{type}`
pub(super) async fn write<R: AuditRecord + Named>(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<AppState>,
    context: web::ReqData<RequestContext>,
) -> HandlerResult<answer::Created<R>> {
    let mut parameters = Parameters::parse(request.query_string());
    let consistency = consistency::take(&mut parameters, Offer::Any, state.limits.consistency);
    parameters.finish()?;
    let header = key::header(&request)?;
    let preferred = preference::handling(&request);
    let handling = preferred.unwrap_or(state.limits.handling);
    let deadline = context.deadline;
    let accepted = &[MediaType::Json];
    let ReceivedBody { bytes, mut reservation, .. } = body::read(
        request.headers(),
        payload,
        &state.budget.of_requester(),
        state.limits.body,
        deadline,
        accepted,
    )
    .await?;
    let (size, values, receipt) = (bytes.len(), state.limits.values_of_one(), receipt(&request, &context));
    let judging = move || {
        let parsed = Json::parse_within(&bytes, values)?;
        let key = key::of(header.as_ref(), &format!("POST /audit/{}", R::TYPE.path()), &parsed);
        Ok::<_, Problem>((key, storage_validation::record(R::TYPE, parsed, &receipt, handling)))
    };
    let (key, valid) = state.heavy.run(size, deadline, judging).await??;
    let ValidRecord { record, sanitized_fields, adjusted_fields } = match valid {
        Ok(valid) => valid,
        Err(invalid) => {
            let problem = refusal(invalid, |pointer| pointer);
            return key::unless_replayed(&state, key.as_ref(), problem, deadline).await;
        }
    };
    reserve_growth(&mut reservation, std::slice::from_ref(&record), size)?;
    if let Err(refusal) = months::open(&request, &state, std::slice::from_ref(&record), deadline).await {
        return key::unless_replayed(&state, key.as_ref(), refusal, deadline).await;
    }
    let is_strict = consistency == Consistency::Strict;
    let altered = AlteredFields { sanitized: sanitized_fields, adjusted: adjusted_fields };
    let render = rendering::<R>(altered.clone(), !is_strict);
    // No time-out of our own here: once the record has left the queue only the writer knows what became of it.
    let keyed = answer::keyed(key.clone(), &render);
    let written = if is_strict {
        state.writer.write_strict(record, keyed, reservation, deadline).await?
    } else {
        state.writer.write(record, keyed, reservation, deadline).await?
    };
    let record = match written {
        Written::Now(record) => record,
        Written::Before(reply) => return Ok(answer::replayed(reply)),
    };
    altered.count(|pointer| pointer);
    let wanted = preference::wait(&request).filter(|_| !is_strict);
    let versions = version(&record).into_iter().collect();
    let waited = consistency::until_synced(&state, R::TYPE, versions, wanted, deadline).await;
    let told = altered.handling(preferred);
    let render = |is_pending| rendering::<R>(altered.clone(), is_pending && !is_strict)(&record);
    Ok(consistency::answered(&state, key.as_ref(), waited, told, deadline, render).await)
}

/// The arrival of a request that writes records.
fn receipt(request: &HttpRequest, context: &RequestContext) -> Receipt {
    Receipt {
        at: Timestamp::now(),
        recorded_by: Caller::of(request).scope(),
        correlation_id: Some(context.correlation_id.to_string()),
    }
}

/// Takes as much of the budget as the texts of records have grown beyond the body that they came in: escaped text is longer.
fn reserve_growth(reservation: &mut Reservation, records: &[NewRecord], body: usize) -> Result<(), Problem> {
    let stored: usize = records.iter().map(NewRecord::bulk).sum();
    let is_free = reservation.grow(stored.saturating_sub(body));
    if is_free { Ok(()) } else { Err(Problem::new(ProblemKind::Overloaded)) }
}

/// The answer for a record that still has to reach the index, or is there.
fn rendering<R: 'static>(altered: AlteredFields, is_pending: bool) -> Render<Record> {
    Arc::new(move |record| {
        let vector_sync = answer::vector_sync(record.record_type(), is_pending);
        answer::record::<R>(StatusCode::CREATED, record, vector_sync, &altered)
    })
}

/// The version of this record that the index must hold.
fn version(record: &Record) -> Option<(i64, Timestamp)> {
    match record {
        Record::Remediation(record) => Some((record.id, record.updated_at)),
        Record::AiAnalysis(_) | Record::Workflow(_) | Record::Execution(_) => None,
    }
}

/// The refusal of an invalid record or change, counted. `within` makes a pointer one into its record.
fn refusal(invalid: Invalid, within: fn(&str) -> &str) -> Problem {
    for error in invalid.errors() {
        let field = field_label(within(&error.pointer));
        metrics::counter!(names::VALIDATION_FAILURES, "field" => field, "reason" => error.code).increment(1);
    }
    invalid.into()
}
