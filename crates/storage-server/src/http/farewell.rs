//! A replica that stops lets its clients go.

use std::sync::Arc;

use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::middleware::Next;
use actix_web::{Error, web};

use super::state::AppState;

/// Ends a connection with its next answer once the stop has begun. A client that kept its connection could send a request
/// at the moment at which it is closed, and would not know what became of the request.
pub(crate) async fn bid<B>(request: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<B>, Error> {
    let health = request.app_data::<web::Data<AppState>>().map(|state| Arc::clone(&state.health));
    let mut response = next.call(request).await?;
    if health.is_some_and(|health| health.is_stopping()) {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    Ok(response)
}
