//! Access control: every request of the API passes it, and nothing else decides about permissions.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServiceRequest;
use actix_web::{HttpMessage as _, HttpRequest};
use storage_models::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::bearer::{self, NoToken};
use super::{
    ANONYMOUS, Access, Caller, CallerSlot, Permission, Proxies, Rates, Refusal, TokenVerifier, Verdict, peer,
};
use crate::problem::{Challenge, Problem, ProblemKind};
use crate::store::requester::Requester;
use crate::telemetry::metrics as names;

/// The state that access control needs.
pub(crate) struct AccessGuard {
    /// Finds the caller of a token. `None` in mode `none`, where every caller may do everything.
    pub(crate) verifier: Option<Arc<dyn TokenVerifier>>,
    /// Places for requests under way.
    pub(crate) places: Arc<Semaphore>,
    /// The rate of each known caller.
    pub(crate) callers: Rates<Caller>,
    /// The rate of each address for requests without a known token, open pages included.
    pub(crate) strangers: Rates<IpAddr>,
    /// How many files of the explorer each address may ask for.
    pub(crate) files: Rates<IpAddr>,
    /// The proxies whose headers are trusted.
    pub(crate) proxies: Proxies,
}

impl Default for AccessGuard {
    /// Open, without limits.
    fn default() -> Self {
        Self {
            verifier: None,
            places: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
            callers: Rates::default(),
            strangers: Rates::default(),
            files: Rates::default(),
            proxies: Proxies::default(),
        }
    }
}

impl AccessGuard {
    /// Whether every caller may do everything.
    pub(crate) fn is_open(&self) -> bool {
        self.verifier.is_none()
    }

    /// Whether the request's caller has been given this permission beside the one that its route asks for.
    pub(crate) async fn permits(&self, request: &HttpRequest, permission: Permission) -> bool {
        let Some(verifier) = &self.verifier else { return false };
        let Ok(token) = bearer::token(request.headers()) else { return false };
        let wanted = Some(permission);
        let verdict = match verifier.recall(token, wanted).await {
            Some(verdict) => Some(verdict),
            None => verifier.verify(token, wanted).await.ok(),
        };
        verdict.is_some_and(|verdict| verdict.is_permitted)
    }

    /// What the request's caller may do, and until when its token says to be good.
    pub(crate) async fn known(&self, request: &HttpRequest) -> Result<Known, Problem> {
        let Some(verifier) = &self.verifier else {
            return Ok(Known { permissions: Permission::ALL.to_vec(), expires_at: None });
        };
        let rejected = || Problem::new(ProblemKind::Unauthorized).challenge(Challenge::BadToken);
        let token = bearer::token(request.headers()).map_err(|_missing| rejected())?;
        let mut permissions = Vec::new();
        for permission in Permission::ALL {
            let verdict = match verifier.recall(token, Some(permission)).await {
                Some(verdict) => verdict,
                None => verifier.verify(token, Some(permission)).await.map_err(|refusal| match refusal {
                    Refusal::Rejected => rejected(),
                    error @ Refusal::Unavailable(_) => {
                        Problem::new(ProblemKind::AuthUnavailable).cause(error)
                    }
                })?,
            };
            if verdict.is_permitted {
                permissions.push(permission);
            }
        }
        Ok(Known { permissions, expires_at: verifier.expires_at(token) })
    }

    /// Whom to count what the request takes for.
    pub(crate) fn requester(&self, request: &ServiceRequest) -> Requester {
        let caller = request.extensions().get::<CallerSlot>().and_then(CallerSlot::get);
        match caller {
            Some(caller) if !self.is_open() => Requester::Caller(caller.into_name()),
            _ => Requester::Address(peer::group(peer::address(request, &self.proxies))),
        }
    }

    /// A place for the request; none is taken by what must always be answered.
    pub(crate) async fn check(
        &self,
        request: &ServiceRequest,
        access: Access,
    ) -> Result<Option<OwnedSemaphorePermit>, Problem> {
        let (wanted, outcome) = match access {
            Access::Open => return Ok(None),
            Access::Page => return self.unnamed(request, &self.strangers).map(Some),
            Access::File => return self.unnamed(request, &self.files).map(Some),
            Access::Known => (None, Ok(())),
            Access::Needs(permission) => (Some(permission), Ok(())),
            Access::Refused(problem) => (None, Err(problem)),
        };
        let place = self.place()?;
        self.identify(request, wanted).await.map_err(|refused| self.told(request, refused))?;
        outcome.map(|()| Some(place))
    }

    /// A place for a request that needs no caller, counted for its address.
    fn unnamed(
        &self,
        request: &ServiceRequest,
        allowance: &Rates<IpAddr>,
    ) -> Result<OwnedSemaphorePermit, Problem> {
        let place = self.place()?;
        self.count_address(request, allowance).map_err(|it| self.told(request, it))?;
        Ok(place)
    }

    fn place(&self) -> Result<OwnedSemaphorePermit, Problem> {
        Arc::clone(&self.places).try_acquire_owned().map_err(|_full| Problem::new(ProblemKind::Overloaded))
    }

    /// Counts one more of an address that nothing better is known of.
    fn count_address(&self, request: &ServiceRequest, allowance: &Rates<IpAddr>) -> Result<(), Refused> {
        let address = peer::group(peer::address(request, &self.proxies));
        allowance.check(&address).map_err(limited)
    }

    /// The problem of a refused caller, which is logged and counted.
    fn told(&self, request: &ServiceRequest, refused: Refused) -> Problem {
        let peer = peer::address(request, &self.proxies);
        tracing::info!(%peer, result = refused.result, "the request of a caller was refused");
        count(refused.result);
        refused.problem
    }

    /// Finds the caller, notes it, and refuses the request if it must.
    async fn identify(&self, request: &ServiceRequest, wanted: Option<Permission>) -> Result<(), Refused> {
        let Some(verifier) = &self.verifier else {
            note(request, Caller::named(ANONYMOUS));
            return Ok(());
        };
        let token = bearer::token(request.headers());
        let recalled = match token {
            Ok(token) => verifier.recall(token, wanted).await,
            Err(_) => None,
        };
        let verdict = match recalled {
            Some(verdict) => verdict,
            None => self.meet(request, verifier.as_ref(), token, wanted).await?,
        };
        self.admitted(request, verdict, wanted)
    }

    /// Checks a caller that is not known yet. An address may send a limited number of requests from strangers. A token
    /// that was valid recently is not a stranger's, so strangers behind the same proxy cannot keep it out.
    async fn meet(
        &self,
        request: &ServiceRequest,
        verifier: &dyn TokenVerifier,
        token: Result<&str, NoToken>,
        wanted: Option<Permission>,
    ) -> Result<Verdict, Refused> {
        let is_stranger = !token.is_ok_and(|token| verifier.was_good(token));
        if is_stranger {
            self.count_address(request, &self.strangers)?;
        }
        let token = token.map_err(|missing| match missing {
            NoToken::Missing => unauthorized("missing", Challenge::Token),
            NoToken::Malformed => unauthorized("malformed", Challenge::BadToken),
        })?;
        verifier.verify(token, wanted).await.map_err(|refusal| match refusal {
            Refusal::Rejected => unauthorized("rejected", Challenge::BadToken),
            error @ Refusal::Unavailable(_) => {
                let problem = Problem::new(ProblemKind::AuthUnavailable).cause(error);
                Refused { result: "unavailable", problem }
            }
        })
    }

    /// Admits a known caller. The caller stays noted for the log, even if the request is refused.
    fn admitted(
        &self,
        request: &ServiceRequest,
        verdict: Verdict,
        wanted: Option<Permission>,
    ) -> Result<(), Refused> {
        note(request, verdict.caller.clone());
        self.callers.check(&verdict.caller).map_err(limited)?;
        match wanted {
            Some(permission) if !verdict.is_permitted => {
                let detail = format!(
                    "The caller does not have the permission {permission}, which this request needs."
                );
                let problem = Problem::new(ProblemKind::Forbidden).detail(detail).challenge(Challenge::Scope);
                Err(Refused { result: "forbidden", problem })
            }
            _ => {
                count("accepted");
                Ok(())
            }
        }
    }
}

/// What is known of a caller.
pub(crate) struct Known {
    pub(crate) permissions: Vec<Permission>,
    /// `None` for what does not say so.
    pub(crate) expires_at: Option<Timestamp>,
}

/// A request that is not let in, with the label under which it is counted.
struct Refused {
    result: &'static str,
    problem: Problem,
}

fn unauthorized(result: &'static str, challenge: Challenge) -> Refused {
    Refused { result, problem: Problem::new(ProblemKind::Unauthorized).challenge(challenge) }
}

fn limited(wait: Duration) -> Refused {
    Refused { result: "limited", problem: Problem::new(ProblemKind::RateLimited).retry_after(wait) }
}

fn note(request: &ServiceRequest, caller: Caller) {
    if let Some(slot) = request.extensions().get::<CallerSlot>() {
        slot.set(caller);
    }
}

fn count(result: &'static str) {
    metrics::counter!(names::AUTH, "result" => result).increment(1);
}
