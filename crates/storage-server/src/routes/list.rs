//! Listing the records of a type.

use actix_web::http::header::LINK;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use storage_models::{Record, Timestamp};
use storage_query::{AuditFilter as _, AuditRecord, ListQuery, PageRequest, Sort, Total};

use super::Answer;
use crate::edge::{AnyList, RecordPage};
use crate::links;
use crate::parameters::Parameters;
use crate::problem::Problem;
use crate::state::AppState;
use crate::telemetry::request::RequestContext;

/// A page as it is sent.
#[derive(Serialize)]
struct PageAnswer<'a> {
    data: &'a [Record],
    pagination: Pagination,
}

/// Where the page stands in the list.
#[derive(Serialize)]
struct Pagination {
    total: Option<i64>,
    limit: i64,
    offset: i64,
    page: i64,
    total_pages: Option<i64>,
    has_more: bool,
    next_cursor: Option<String>,
}

/// `GET /api/v1/audit/{type}`
pub(super) async fn list<R: AuditRecord>(
    request: HttpRequest,
    state: web::Data<AppState>,
    context: web::ReqData<RequestContext>,
) -> Answer
where
    AnyList: From<ListQuery<R>>,
{
    let query = query_of::<R>(request.query_string(), Timestamp::now())?;
    let page = state.reader.list(query.into(), context.deadline).await?;
    let link = links::of(request.path(), request.query_string(), &page);
    let answer = PageAnswer { data: &page.records, pagination: Pagination::of(&page) };
    Ok(HttpResponse::Ok().insert_header((LINK, link)).json(answer))
}

/// The query that a query string asks for.
fn query_of<R: AuditRecord>(text: &str, now: Timestamp) -> Result<ListQuery<R>, Problem> {
    let mut parameters = Parameters::parse(text);
    let sort = parameters.take("sort").map(|text| text.parse::<Sort<R>>());
    let sort = parameters.note(sort.transpose()).flatten();
    let total = parameters.take("total").map(|text| text.parse::<Total>());
    let total = parameters.note(total.transpose()).flatten();
    let (limit, offset) = (parameters.take("limit"), parameters.take("offset"));
    let page = parameters.note_all(PageRequest::parse(limit.as_deref(), offset.as_deref()));
    let filter = parameters.take_filter::<R::Filter>();
    let filter = parameters.note_all(filter.check(now));
    parameters.finish()?;
    Ok(ListQuery::new(filter.unwrap_or_default())
        .sort(sort.unwrap_or_default())
        .page(page.unwrap_or_default())
        .total(total.unwrap_or_default()))
}

impl Pagination {
    fn of(page: &RecordPage) -> Self {
        let (limit, offset) = (page.request.limit(), page.request.offset());
        Self {
            total: page.total,
            limit,
            offset,
            page: offset / limit + 1,
            total_pages: page.total.map(|total| (total + limit - 1) / limit),
            has_more: page.has_more,
            next_cursor: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use storage_models::{Execution, Remediation, Timestamp};
    use storage_query::AuditRecord;

    use super::query_of;
    use crate::problem::{Place, Violation};

    fn refused<R: AuditRecord>(query: &str) -> String {
        let now: Timestamp = "2026-06-01T00:00:00Z".parse().unwrap();
        let errors = query_of::<R>(query, now).err().map(|problem| problem.violations().to_vec());
        let name = |violation: &Violation| match &violation.place {
            Place::Parameter(name) => format!("{name}:{}", violation.code),
            Place::Pointer(pointer) => panic!("{pointer} is no parameter"),
        };
        errors.iter().flatten().map(name).collect::<Vec<_>>().join(" ")
    }

    /// F19, F20: each bad parameter is refused by its name, and all of them at once.
    #[test]
    fn what_cannot_be_used_is_named() {
        for (query, expected) in [
            ("", ""),
            ("namespace=a,b&namespace=c&phase=failed&since=7d&limit=10&offset=0&total=none&sort=-created_at", ""),
            ("limit=10abc", "limit:out_of_range"),
            ("limit=0", "limit:out_of_range"),
            ("offset=100001", "offset:out_of_range"),
            ("limit=1&limit=2", "limit:repeated"),
            ("sort=name", "sort:invalid_value"),
            ("total=some", "total:invalid_value"),
            ("phase=done", "phase:invalid_value"),
            ("since=2026-02-01&until=2026-01-01", "since:out_of_range"),
            ("since=7d&since=8d", "since:repeated"),
            ("nmae=x&limit=x&cursor=1", "limit:out_of_range nmae:unknown_parameter cursor:unknown_parameter"),
            ("remediation_id=1", "remediation_id:unknown_parameter"),
            ("name=%00", "name:forbidden_character"),
            ("name=%zz", "name:invalid_encoding"),
            ("NAME=x", "NAME:unknown_parameter"),
        ] {
            assert_eq!(refused::<Remediation>(query), expected, "{query}");
        }
        assert_eq!(refused::<Execution>("remediation_id=1&dry_run=true"), "");
        assert_eq!(refused::<Execution>("severity=high"), "severity:unknown_parameter");
    }
}
