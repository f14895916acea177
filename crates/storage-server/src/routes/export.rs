//! Exporting all records of a type that match.

use std::marker::PhantomData;

use actix_web::http::Method;
use actix_web::http::header::{ACCEPT, CONTENT_DISPOSITION, CONTENT_TYPE, HeaderName};
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::stream;
use storage_models::Timestamp;
use storage_query::{AuditFilter as _, InvalidParameter, InvalidReason};

use super::answer::{Form, HandlerResult, Sent};
use super::notes;
use super::operation::{Operation, Request, STORE};
use super::requires::Requires;
use crate::export::{ExportCut, ExportFormat, ExportQuery, Exported};
use crate::http::observe::RequestContext;
use crate::http::state::AppState;
use crate::openapi::responses::{Answers, empty, text, with_header};
use crate::openapi::{Named, example_of, parameters};
use crate::problem::{Problem, ProblemKind};
use crate::routes::parameters::Parameters;

/// The operation that exports records of this type. `nouns` is their name.
pub(super) fn operation<R: Exported + Named>(nouns: &str) -> Operation {
    let path = format!("/api/v1/audit/{}/export", R::TYPE.path());
    let (formats, default) = (ExportFormat::ALL.map(ExportFormat::as_str), ExportFormat::default().as_str());
    let mark = "Whether CSV begins with a byte order mark, from which spreadsheets recognise UTF-8. Only with \
                `format=csv`.";
    let summary = format!("Export all {nouns} that match");
    Operation::get(
        path.clone(),
        Requires::READ,
        export::<R>,
        "One record per line, sent while the service reads them.",
    )
    .named(R::TYPE.path(), format!("export{}", R::NAME), summary)
    .about(
        "`X-Filter-Notes` names the parameters whose values the service compares in another form than the \
                given one.",
    )
    .parameters([
        parameters::choice("format", formats, default, "The format of the records."),
        parameters::flag("bom", mark),
        parameters::sort::<R>(),
    ])
    .parameters(parameters::filter::<R>())
    .may_fail(STORE)
    .may_fail(&[ProblemKind::FeedUnavailable])
    .shown_by(Request::new(200, format!("{path}?recorded_by=anonymous")))
    .shown_by(Request::new(200, format!("{path}?format=csv&bom=true&recorded_by=anonymous,+caller")))
    .shown_by(Request::new(400, format!("{path}?limit=1")))
    .shown_by(Request::new(400, format!("{path}?bom=true")))
}

/// 200 with records of the type `R` in one of the formats.
pub(super) struct Exports<R>(PhantomData<R>);

impl<R: Exported + Named> Form for Exports<R> {
    fn answers(about: &str) -> Answers {
        let lines = format!("{}\n", example_of::<R>());
        let contents = ExportFormat::ALL.map(|format| match format {
            ExportFormat::Ndjson => (format, text(&lines)),
            ExportFormat::Csv | ExportFormat::CsvWithMark => {
                (format, text("id,name\r\n1,checkout-restart\r\n"))
            }
        });
        let names = contents.into_iter().flat_map(|(format, content)| {
            format.media_types().iter().map(move |name| (*name, content.clone()))
        });
        let response = names.fold(empty(about), |response, (name, content)| {
            response.content(name.split(';').next().unwrap_or_default(), content)
        });
        Answers::plain(200, with_header(response, notes::HEADER))
    }
}

/// `GET /api/v1/audit/{type}/export`
async fn export<R: Exported + Named>(
    request: HttpRequest,
    state: web::Data<AppState>,
    context: web::ReqData<RequestContext>,
) -> HandlerResult<Exports<R>> {
    let query = query_of::<R>(request.query_string(), Timestamp::now())?;
    let format = query.format;
    let accept = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut answer = HttpResponse::Ok();
    answer.insert_header((CONTENT_TYPE, format.media_type(accept))).insert_header((
        CONTENT_DISPOSITION,
        format!("attachment; filename=\"{}.{}\"", R::TYPE.path(), format.as_str()),
    ));
    if let Some(names) = notes::named(query.filter.filter()) {
        answer.insert_header((HeaderName::from_static(notes::HEADER_NAME), names));
    }
    if request.method() == Method::HEAD {
        return Ok(Sent::of(answer.streaming(stream::empty::<Result<_, ExportCut>>())));
    }
    let body = state.exports.begin(query, context.deadline).await?;
    Ok(Sent::of(answer.streaming(body.into_stream())))
}

/// The export that a query string asks for: the filters and sorts of the list, all pages.
fn query_of<R: Exported>(text: &str, now: Timestamp) -> Result<ExportQuery<R>, Problem> {
    let mut parameters = Parameters::parse(text);
    let format = parameters.take_parsed("format").unwrap_or_default();
    let has_mark = parameters.take_flag("bom");
    let format = match (format, has_mark) {
        (ExportFormat::Csv, Some(true)) => ExportFormat::CsvWithMark,
        (ExportFormat::Ndjson, Some(true)) => {
            let reason = InvalidReason::WithoutEffect { beside: "format=ndjson" };
            let (field, value) = ("bom".into(), String::new());
            parameters.note::<()>(Err(InvalidParameter { field, value, reason }));
            format
        }
        (format, _) => format,
    };
    let sort = parameters.take_parsed("sort");
    let filter = parameters.take_filter::<R::Filter>();
    let filter = parameters.note_all(filter.check(now));
    parameters.finish()?;
    Ok(ExportQuery { filter: filter.unwrap_or_default(), sort: sort.unwrap_or_default(), format })
}

#[cfg(test)]
mod tests {
    use storage_models::{Remediation, Timestamp, Workflow};

    use super::query_of;
    use crate::export::{ExportFormat, Exported};

    fn read<R: Exported>(query: &str) -> Result<ExportFormat, String> {
        let messages = |problem: crate::problem::Problem| {
            problem.violations().iter().map(|it| it.message.clone()).collect::<Vec<_>>().join("; ")
        };
        query_of::<R>(query, Timestamp::now()).map(|query| query.format).map_err(messages)
    }

    /// F71: a mark that changes nothing is refused, and so is another type's filter.
    #[test]
    fn an_export_says_what_it_cannot_use() {
        for (query, expected) in [
            ("", Ok(ExportFormat::Ndjson)),
            ("format=csv", Ok(ExportFormat::Csv)),
            ("format=csv&bom=false", Ok(ExportFormat::Csv)),
            ("format=csv&bom=true&namespace.not=a", Ok(ExportFormat::CsvWithMark)),
            ("bom=false", Ok(ExportFormat::Ndjson)),
            ("bom=true", Err("bom has no effect together with format=ndjson; remove one of them")),
            ("format=csv&bom=yes", Err("bom must be one of true, false")),
            ("format=xml", Err("format must be one of ndjson, csv")),
            ("workflow_name=a", Err("workflow_name is not a parameter here")),
        ] {
            assert_eq!(read::<Remediation>(query), expected.map_err(str::to_owned), "{query}");
        }
        assert_eq!(read::<Workflow>("workflow_name=a&sort=-updated_at"), Ok(ExportFormat::Ndjson));
    }
}
