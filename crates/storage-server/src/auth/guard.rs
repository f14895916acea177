//! The door: every request of the API passes it, and nothing else decides who may do what.

use std::sync::Arc;

use actix_web::Error;
use actix_web::HttpMessage as _;
use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web;

use super::bearer::{self, NoToken};
use super::{ANONYMOUS, Caller, CallerSlot, Permission, Refusal, TokenVerifier, Verdict};
use crate::problem::{Challenge, Problem, ProblemKind};
use crate::routes::access::{self, Access};
use crate::state::{AppState, Port};
use crate::telemetry::metrics as names;

/// What the door knows.
#[derive(Default)]
pub(crate) struct Gate {
    /// Who tells whose a token is; `None` in mode `none`, where everybody may do everything.
    pub(crate) verifier: Option<Arc<dyn TokenVerifier>>,
}

/// The middleware that lets requests in or refuses them.
pub(crate) async fn admit(
    state: web::Data<AppState>,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if state.port != Port::Api {
        return next.call(request).await;
    }
    match state.gate.check(&request).await {
        Ok(()) => next.call(request).await,
        Err(problem) => Ok(request.error_response(problem)),
    }
}

impl Gate {
    /// Whether everybody may do everything.
    pub(crate) fn is_open(&self) -> bool {
        self.verifier.is_none()
    }

    async fn check(&self, request: &ServiceRequest) -> Result<(), Problem> {
        // As the router will see it: percent-encoded letters are decoded. Another reading would be a way around.
        let pattern = request.resource_map().match_pattern(request.match_info().as_str());
        match access::of(pattern.as_deref(), request.method()) {
            Access::Open => Ok(()),
            Access::Needs(permission) => self.identify(request, Some(permission)).await,
            Access::Refused(problem) => {
                self.identify(request, None).await?;
                Err(problem)
            }
        }
    }

    /// Finds out who asks, notes it, and refuses whom it must.
    async fn identify(&self, request: &ServiceRequest, wanted: Option<Permission>) -> Result<(), Problem> {
        let Some(verifier) = &self.verifier else {
            note(request, Caller::named(ANONYMOUS));
            return Ok(());
        };
        let token = match bearer::token(request.headers()) {
            Ok(token) => token,
            Err(NoToken::Missing) => return Err(refused("missing", Challenge::Token)),
            Err(NoToken::Malformed) => return Err(refused("malformed", Challenge::BadToken)),
        };
        let recalled = verifier.recall(token, wanted).await;
        let verdict = match recalled {
            Some(verdict) => verdict,
            None => verifier.verify(token, wanted).await.map_err(refusal)?,
        };
        admitted(request, verdict, wanted)
    }
}

/// Who it is stays noted even if they are refused, for the log.
fn admitted(request: &ServiceRequest, verdict: Verdict, wanted: Option<Permission>) -> Result<(), Problem> {
    note(request, verdict.caller);
    match wanted {
        Some(permission) if !verdict.is_permitted => {
            count("forbidden");
            let detail = format!("This needs the permission {permission}, which the caller does not have.");
            Err(Problem::new(ProblemKind::Forbidden).detail(detail).challenge(Challenge::Scope))
        }
        _ => {
            count("accepted");
            Ok(())
        }
    }
}

fn note(request: &ServiceRequest, caller: Caller) {
    if let Some(slot) = request.extensions().get::<CallerSlot>() {
        slot.set(caller);
    }
}

fn refusal(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::Rejected => refused("rejected", Challenge::BadToken),
        error @ Refusal::Unavailable(_) => {
            count("unavailable");
            Problem::new(ProblemKind::AuthUnavailable).cause(error)
        }
    }
}

fn refused(result: &'static str, challenge: Challenge) -> Problem {
    count(result);
    Problem::new(ProblemKind::Unauthorized).challenge(challenge)
}

fn count(result: &'static str) {
    metrics::counter!(names::AUTH, "result" => result).increment(1);
}
