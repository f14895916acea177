//! Exporting all remediations that match.

use actix_web::http::Method;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::stream;
use storage_models::{Remediation, Timestamp};
use storage_query::{AuditFilter as _, RemediationFilter};

use super::access::Asks;
use super::answer::{Answer, Form, Sent};
use super::operation::{Operation, Request, STORE};
use crate::export::{ExportCut, ExportFormat, ExportQuery};
use crate::openapi::responses::{Answers, empty, text};
use crate::openapi::{example_of, parameters};
use crate::parameters::Parameters;
use crate::problem::{Problem, ProblemKind};
use crate::state::AppState;
use crate::telemetry::request::RequestContext;

/// The operation that exports.
pub(super) fn operation() -> Operation {
    let path = "/api/v1/audit/remediation/export";
    let (formats, default) = (ExportFormat::ALL.map(ExportFormat::as_str), ExportFormat::default().as_str());
    Operation::get(path, Asks::READ, export, "One record a line, as they are read.")
        .named("remediation", "exportRemediations", "Export all remediations that match")
        .parameters([
            parameters::choice("format", formats, default, "How the records are written."),
            parameters::sort::<Remediation>(),
        ])
        .parameters(parameters::filter::<Remediation>())
        .may_fail(STORE)
        .may_fail(&[ProblemKind::FeedUnavailable])
        .shown_by(Request::new(200, format!("{path}?namespace=payments")))
        .shown_by(Request::new(400, format!("{path}?limit=1")))
}

/// 200 with records in one of the formats.
pub(super) struct Exported;

impl Form for Exported {
    fn answers(about: &str) -> Answers {
        let lines = format!("{}\n", example_of::<Remediation>());
        let contents = ExportFormat::ALL.map(|format| match format {
            ExportFormat::Ndjson => (format, text(&lines)),
            ExportFormat::Csv => (format, text("id,name\r\n1,checkout-restart\r\n")),
        });
        let response = contents.into_iter().fold(empty(about), |response, (format, content)| {
            response.content(format.media_type().split(';').next().unwrap_or_default(), content)
        });
        Answers::plain(200, response)
    }
}

/// `GET /api/v1/audit/remediation/export`
async fn export(
    request: HttpRequest,
    state: web::Data<AppState>,
    context: web::ReqData<RequestContext>,
) -> Answer<Exported> {
    let query = query_of(request.query_string(), Timestamp::now())?;
    let format = query.format;
    let mut answer = HttpResponse::Ok();
    answer.insert_header((CONTENT_TYPE, format.media_type())).insert_header((
        CONTENT_DISPOSITION,
        format!("attachment; filename=\"remediation.{}\"", format.as_str()),
    ));
    if request.method() == Method::HEAD {
        return Ok(Sent::of(answer.streaming(stream::empty::<Result<_, ExportCut>>())));
    }
    let body = state.exports.begin(query, context.deadline).await?;
    Ok(Sent::of(answer.streaming(body.into_stream())))
}

/// What a query string asks to be exported: the filters and sorts of the list, all pages of it.
fn query_of(text: &str, now: Timestamp) -> Result<ExportQuery, Problem> {
    let mut parameters = Parameters::parse(text);
    let format = parameters.take_parsed("format");
    let sort = parameters.take_parsed("sort");
    let filter = parameters.take_filter::<RemediationFilter>();
    let filter = parameters.note_all(filter.check(now));
    parameters.finish()?;
    Ok(ExportQuery {
        filter: filter.unwrap_or_default(),
        sort: sort.unwrap_or_default(),
        format: format.unwrap_or_default(),
    })
}
