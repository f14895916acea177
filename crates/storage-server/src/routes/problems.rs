//! The pages that problem documents point to.

use actix_web::HttpRequest;

use super::Answer;
use crate::pages;

/// `GET /problems/{slug}`
pub(super) async fn page(request: HttpRequest) -> Answer {
    pages::answer(&request).await
}
