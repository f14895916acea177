//! The middleware that lets requests in or refuses them, by what their route asks of its caller.

use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web;

use super::state::{AppState, Port};

/// Lets in what the guard admits. Everything on the admin port is open.
pub(crate) async fn admit(
    state: web::Data<AppState>,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if state.port != Port::Api {
        return next.call(request).await;
    }
    // As the router will see it: percent-encoded letters are decoded. Another reading would be a way around.
    let pattern = request.resource_map().match_pattern(request.match_info().as_str());
    let access = (state.access)(pattern.as_deref(), request.method());
    match state.guard.check(&request, access).await {
        // The place is held until the answer begins; a client that goes away gives it back.
        Ok(_place) => {
            let requester = state.guard.requester(&request);
            requester.scope(next.call(request)).await
        }
        Err(problem) => Ok(request.error_response(problem)),
    }
}
