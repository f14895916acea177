//! Listing the records of a type, or incidents.

use std::marker::PhantomData;

use actix_web::http::header::{ContentType, LINK};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use storage_models::Timestamp;
use storage_query::{
    AuditFilter as _, Cursor, Direction, Feed, InvalidParameter, InvalidParameters, InvalidReason, ListQuery,
    Listed, PageRequest, Sort,
};
use utoipa::ToSchema;

use super::answer::{Form, HandlerResult, Sent};
use super::notes::{self, Note};
use super::operation::{Operation, STORE};
use super::requires::Requires;
use crate::http::observe::RequestContext;
use crate::http::state::AppState;
use crate::openapi::responses::{Answers, json_body, with_header};
use crate::openapi::{JsonBody, Named, Shown, list as list_of};
use crate::problem::{Problem, ProblemKind};
use crate::routes::links;
use crate::routes::parameters::Parameters;
use crate::store::edge::{AnyList, Item, ItemPage, PagedQuery};

/// The operation that lists records of this type.
pub(super) fn operation<R: Listed + Named>(path: impl Into<String>) -> Operation
where
    AnyList: From<PagedQuery<R>>,
{
    Operation::get(path, Requires::READ, list::<R>, "A page with the exact total at the time of the query.")
        .may_fail(STORE)
        .may_fail(&[ProblemKind::FeedUnavailable])
}

/// 200 with a page, and the pages around it in the header Link.
pub(super) struct Linked<R>(PhantomData<R>);

impl<R: Named> Form for Linked<R> {
    fn answers(about: &str) -> Answers {
        Answers::new::<PageAnswer<R>>(200, with_header(json_body::<PageAnswer<R>>(about), "Link"))
    }
}

/// A page of a list.
#[derive(Serialize, ToSchema)]
#[schema(bound = "R: Named")]
#[serde(bound = "")]
struct PageAnswer<R> {
    #[schema(schema_with = list_of::<R>)]
    data: Vec<Shown<R>>,
    pagination: Pagination,
    /// The filter values that the service compares in another form than the given one; absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    filter_notes: Vec<Note>,
}

impl<R: Named> JsonBody for PageAnswer<R> {
    fn schema_name() -> String {
        format!("{}Page", R::NAME)
    }
}

/// The position of the page in the list.
#[derive(Serialize, ToSchema)]
struct Pagination {
    /// The number of all records that match, at the time of the query; null with `total=none`.
    #[schema(required, minimum = 0, examples(1))]
    total: Option<i64>,
    #[schema(minimum = 1, examples(100))]
    limit: i64,
    /// Null after a cursor.
    #[schema(required, minimum = 0, examples(0))]
    offset: Option<i64>,
    /// Counted from 1; null after a cursor.
    #[schema(required, minimum = 1, examples(1))]
    page: Option<i64>,
    /// Null without a total.
    #[schema(required, minimum = 0, examples(1))]
    total_pages: Option<i64>,
    has_more: bool,
    /// True if the page ends before its limit because its records are large, else absent. Continue with `next_cursor`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
    /// The cursor of the next page; null on the last page.
    #[schema(required)]
    next_cursor: Option<String>,
}

/// `GET /api/v1/audit/{type}`, `GET /api/v1/incidents`
pub(super) async fn list<R: Listed + Named>(
    request: HttpRequest,
    state: web::Data<AppState>,
    context: web::ReqData<RequestContext>,
) -> HandlerResult<Linked<R>>
where
    AnyList: From<PagedQuery<R>>,
{
    let query = query_of::<R>(request.query_string(), Timestamp::now())?;
    let filter = query.filter();
    let (notes, ages) = (notes::of(filter.filter()), filter.resolved_ages().collect::<Vec<_>>());
    let page = state.reader.list(query.into(), context.deadline).await?;
    let link = links::of(request.path(), request.query_string(), &page, &ages);
    let bulk = page.items.iter().map(Item::bulk).sum();
    let body = state.heavy.json(bulk, context.deadline, || PageAnswer::<R>::of(page, notes)).await?;
    let mut response = HttpResponse::Ok();
    response.insert_header((LINK, link)).content_type(ContentType::json());
    Ok(Sent::of(response.body(body.into_bytes())))
}

/// The query that a query string asks for. By ascending `created_at` it is a feed.
fn query_of<R: Listed>(text: &str, now: Timestamp) -> Result<PagedQuery<R>, Problem> {
    let mut parameters = Parameters::parse(text);
    let sort = parameters.take_parsed("sort").unwrap_or_default();
    let total = parameters.take_parsed("total").unwrap_or_default();
    let (page, cursor) = take_place(&mut parameters);
    let filter = parameters.take_filter::<R::Filter>();
    let filter = parameters.note_all(filter.check(now));
    parameters.finish()?;
    let filter = filter.unwrap_or_default();
    let query = if sort == Sort::created_at(Direction::Ascending) {
        let feed = Feed::new(filter).page(page).total(total);
        cursor.iter().try_fold(feed, |feed, cursor| feed.after(cursor).check()).map(PagedQuery::Feed)
    } else {
        let list = ListQuery::new(filter).sort(sort).page(page).total(total);
        cursor.iter().try_fold(list, |list, cursor| list.after(cursor).check()).map(PagedQuery::List)
    };
    query.map_err(|error| InvalidParameters::from(error).into())
}

/// Which part of the list is wanted: by offset, or by cursor. Clients that send defaults send an offset of 0 beside a cursor.
fn take_place(parameters: &mut Parameters) -> (PageRequest, Option<Cursor>) {
    let (limit, offset) = (parameters.take("limit"), parameters.take("offset"));
    let page = parameters.note_all(PageRequest::parse(limit.as_deref(), offset.as_deref()));
    let cursor = parameters.take_parsed::<Cursor>("cursor");
    if cursor.is_some()
        && let Some(value) = page.filter(|page| page.offset() > 0).and(offset)
    {
        let reason = InvalidReason::WithCursor;
        parameters.note::<()>(Err(InvalidParameter { field: "offset".into(), value, reason }));
    }
    (page.unwrap_or_default(), cursor)
}

impl<R> PageAnswer<R> {
    fn of(page: ItemPage, filter_notes: Vec<Note>) -> Self {
        let pagination = Pagination::of(&page);
        Self { data: page.items.into_iter().map(Shown::of).collect(), pagination, filter_notes }
    }
}

impl Pagination {
    fn of(page: &ItemPage) -> Self {
        let limit = page.request.limit();
        Self {
            total: page.total,
            limit,
            offset: page.offset(),
            page: page.offset().map(|offset| offset / limit + 1),
            total_pages: page.total.map(|total| (total + limit - 1) / limit),
            has_more: page.has_more,
            truncated: page.is_cut,
            next_cursor: page.next_cursor.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use storage_models::{Execution, Remediation, Timestamp};
    use storage_query::{Incident, Listed};

    use super::query_of;
    use crate::problem::{Location, Violation};

    fn refused<R: Listed>(query: &str) -> String {
        let now: Timestamp = "2026-06-01T00:00:00Z".parse().unwrap();
        let errors = query_of::<R>(query, now).err().map(|problem| problem.violations().to_vec());
        let name = |violation: &Violation| match &violation.location {
            Location::Parameter(name) => format!("{name}:{}", violation.code),
            Location::Pointer(pointer) => panic!("{pointer} is no parameter"),
        };
        errors.iter().flatten().map(name).collect::<Vec<_>>().join(" ")
    }

    /// F19, F20: each bad parameter is refused by its name, and all of them at once.
    #[test]
    fn what_cannot_be_used_is_named() {
        for (query, expected) in [
            ("", ""),
            (
                "namespace=a,b&namespace=c&phase=failed&since=7d&limit=10&offset=0&total=none&sort=-created_at",
                "",
            ),
            ("limit=10abc", "limit:out_of_range"),
            ("limit=0", "limit:out_of_range"),
            ("offset=100001", "offset:out_of_range"),
            ("limit=1&limit=2", "limit:repeated"),
            ("sort=name", "sort:invalid_value"),
            ("total=some", "total:invalid_value"),
            ("phase=done", "phase:invalid_value"),
            ("since=2026-02-01&until=2026-01-01", "since:out_of_range"),
            ("since=7d&since=8d", "since:repeated"),
            ("nmae=x&limit=x&cursor=1", "limit:out_of_range cursor:invalid_cursor nmae:unknown_parameter"),
            ("cursor=", "cursor:invalid_cursor"),
            ("cursor=a&cursor=b", "cursor:repeated cursor:invalid_cursor"),
            ("min_duration=90s&max_duration=2h&metadata.team=a,b&metadata.run%20book=x", ""),
            ("min_duration=2h&max_duration=90s", "min_duration:out_of_range"),
            ("min_duration=fast", "min_duration:invalid_value"),
            ("metadata=x", "metadata:unknown_parameter"),
            ("remediation_id=1", "remediation_id:unknown_parameter"),
            ("cluster.null=false&cluster=a", "cluster.null:without_effect"),
            ("created_since=60d", "created_since:range_required"),
            ("created_since=60d&namespace=a&sort=-updated_at", ""),
            ("updated_since=1w&updated_until=1h30m&alert_name.prefix=Kube&severity=HIGH,%20low", ""),
            ("since.not=7d&phase.prefix=f", "since.not:unknown_parameter phase.prefix:unknown_parameter"),
            ("name=%00", "name:forbidden_character"),
            ("name=%zz", "name:invalid_encoding"),
            ("NAME=x", "NAME:unknown_parameter"),
        ] {
            assert_eq!(refused::<Remediation>(query), expected, "{query}");
        }
        assert_eq!(refused::<Incident>("namespace=a&metadata.team=b&sort=-duration_ms"), "");
        assert_eq!(refused::<Incident>("remediation_id=1"), "remediation_id:unknown_parameter");
        assert_eq!(refused::<Execution>("metadata.team=b"), "metadata.team:unknown_parameter");
        assert_eq!(refused::<Execution>("remediation_id=1&dry_run=true"), "");
        assert_eq!(refused::<Execution>("severity=high"), "severity:unknown_parameter");
    }
}
