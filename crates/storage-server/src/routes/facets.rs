//! Which values there are to filter by.

use actix_web::{HttpRequest, web};
use serde::Serialize;
use storage_models::{Remediation, Timestamp};
use storage_query::{CheckedFilter, Facet, FacetValue, FacetsQuery, Grouping, RemediationFilter};
use utoipa::ToSchema;

use super::answer::{HandlerResult, Json, Sent};
use super::narrow;
use super::notes::{self, Note};
use super::operation::{Operation, Request, STORE};
use super::outcomes::{Asked, columns, columns_of, filter_of};
use super::requires::Requires;
use crate::http::observe::RequestContext;
use crate::http::state::AppState;
use crate::openapi::{JsonBody, parameters};
use crate::problem::Problem;
use crate::routes::parameters::Parameters;

/// The operation.
pub(super) fn operation() -> Operation {
    let path = "/api/v1/incidents/facets";
    Operation::get(path, Requires::READ, facets, "The values of each column.")
        .named("incidents", "getFacets", "Which values there are to filter by")
        .about("Counts the values of several columns in one snapshot, each column as if the filter said nothing of it.")
        .parameters([
            columns("fields", &Grouping::ALL, Grouping::ALL.len(), "namespace,phase,status,action_type,severity"),
            parameters::limit(FacetsQuery::MAX_LIMIT, FacetsQuery::DEFAULT_LIMIT),
        ])
        .parameters(parameters::filter::<Remediation>())
        .may_fail(STORE)
        .shown_by(Request::new(200, path))
        .shown_by(Request::new(200, format!("{path}?fields=cluster,severity&severity=critical&limit=5")))
        .shown_by(Request::new(400, format!("{path}?fields=metadata")))
}

/// The values of some columns.
#[derive(Serialize, ToSchema)]
#[schema(as = Facets)]
struct FacetsAnswer {
    data: Vec<FacetAnswer>,
    /// Only there when values of the filter are compared in another form than they were given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    filter_notes: Vec<Note>,
}

impl JsonBody for FacetsAnswer {}

/// A column and its values, counted as if the filter said nothing of it.
#[derive(Serialize, ToSchema)]
#[schema(as = Facet)]
struct FacetAnswer {
    /// The column.
    #[schema(examples("severity"))]
    field: &'static str,
    /// The commonest first.
    values: Vec<FacetValueAnswer>,
    /// Whether rarer ones were left out.
    truncated: bool,
}

/// A value of a column.
#[derive(Serialize, ToSchema)]
#[schema(as = FacetValue)]
struct FacetValueAnswer {
    /// Null for records without one.
    #[schema(required, examples("critical"))]
    value: Option<String>,
    /// How many records have it.
    #[schema(minimum = 1, examples(12))]
    count: i64,
}

impl From<Facet> for FacetAnswer {
    fn from(of: Facet) -> Self {
        let Facet { field, values, is_truncated, .. } = of;
        let value = |FacetValue { value, count, .. }: FacetValue| FacetValueAnswer { value, count };
        Self {
            field: field.column(),
            values: values.into_iter().map(value).collect(),
            truncated: is_truncated,
        }
    }
}

/// `GET /api/v1/incidents/facets`
async fn facets(
    request: HttpRequest,
    state: web::Data<AppState>,
    context: web::ReqData<RequestContext>,
) -> HandlerResult<Json<FacetsAnswer>> {
    let (query, filter) = facets_of(request.query_string(), Timestamp::now())?;
    let found = state.reader.facets(query, context.deadline).await.map_err(narrow::told(&filter))?;
    let data = found.into_iter().map(FacetAnswer::from).collect();
    Ok(Sent::json(&FacetsAnswer { data, filter_notes: notes::of(filter.filter()) }))
}

fn facets_of(text: &str, now: Timestamp) -> Asked<(FacetsQuery, CheckedFilter<RemediationFilter>)> {
    let mut parameters = Parameters::parse(text);
    let fields = columns_of(&mut parameters, "fields", &Grouping::ALL)
        .unwrap_or_else(|| FacetsQuery::DEFAULT_FIELDS.to_vec());
    let limit = parameters.take("limit");
    let filter = filter_of(&mut parameters, now);
    let query = FacetsQuery::new(filter.clone(), fields).limit_of(limit.as_deref());
    let query = parameters.note(query.and_then(FacetsQuery::check));
    parameters.finish()?;
    // Whatever is missing here was refused above.
    let query = query.ok_or_else(|| Problem::invalid_parameters(Vec::new()))?;
    Ok((query, filter))
}

#[cfg(test)]
mod tests {
    use storage_models::Timestamp;

    use super::{Asked, facets_of};

    fn refused<Q>(asked: Asked<Q>) -> String {
        let problem = asked.err();
        let messages = problem.iter().flat_map(|it| it.violations()).map(|it| it.message.clone());
        messages.collect::<Vec<_>>().join("; ")
    }

    /// F19, F20: everything that cannot be used is named.
    #[test]
    fn facets_are_of_known_columns() {
        let now = Timestamp::now();
        for (query, expected) in [
            ("", ""),
            ("fields=cluster,recorded_by&limit=100&severity=high", ""),
            ("limit=101", "limit must be a whole number from 1 to 100"),
            ("settle=1h", "settle is not a parameter here"),
        ] {
            assert_eq!(refused(facets_of(query, now)), expected, "{query}");
        }
        assert!(refused(facets_of("fields=", now)).starts_with("fields must be one of namespace, "));
    }
}
