//! How many remediations have each value of several columns, as menus beside a list show them.

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Nullable, Text};
use diesel_async::AsyncPgConnection;
use serde::Serialize;

use super::groups::{self, Grouping};
use crate::counter_sum;
use crate::filter::{Conditions, Fields as _};
use crate::number::parse_in;
use crate::sql::{Bind, BoundSql, Sql, Statement};
use crate::{CheckedFilter, InvalidParameter, InvalidReason, QueryError, RemediationFilter};

/// The values of some columns, each column as if the filter said nothing of it: what else could be chosen. All of one
/// snapshot. Where the filter and the columns are those that the counters know, no record is read.
///
/// ```
/// use storage_models::Timestamp;
/// use storage_query::{AuditFilter, FacetsQuery, Grouping, RemediationFilter};
///
/// # storage_testkit::example(async |conn| {
/// let filter = RemediationFilter::default().namespace("prod").check(Timestamp::now())?;
/// let facets = FacetsQuery::new(filter, vec![Grouping::Namespace, Grouping::Status]).run(conn).await?;
/// let namespaces = facets.first().ok_or("no facet")?;
/// assert!(namespaces.values.iter().any(|it| it.value.as_deref() != Some("prod")));
/// # Ok(())
/// # });
/// ```
#[derive(Debug, Clone)]
pub struct FacetsQuery {
    filter: CheckedFilter<RemediationFilter>,
    fields: Vec<Grouping>,
    limit: i64,
}

/// One column and its values.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Facet {
    /// The column.
    pub field: Grouping,
    /// The commonest first; equal ones by their bytes, the absence of a value last.
    pub values: Vec<FacetValue>,
    /// Whether rarer ones were left out.
    pub is_truncated: bool,
}

/// One value of a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FacetValue {
    /// `None` for records without one.
    pub value: Option<String>,
    /// How many records have it.
    pub count: i64,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    place: i64,
    #[diesel(sql_type = Nullable<Text>)]
    value: Option<String>,
    #[diesel(sql_type = BigInt)]
    count: i64,
}

impl FacetsQuery {
    /// The most values of one column.
    pub const MAX_LIMIT: i64 = 100;
    /// The most values of one column when nothing else is asked for.
    pub const DEFAULT_LIMIT: i64 = 20;
    /// What the counters know.
    pub const DEFAULT_FIELDS: [Grouping; 5] =
        [Grouping::Namespace, Grouping::Phase, Grouping::Status, Grouping::ActionType, Grouping::Severity];

    /// The values of these columns among those that match `filter`.
    #[must_use]
    pub const fn new(filter: CheckedFilter<RemediationFilter>, fields: Vec<Grouping>) -> Self {
        Self { filter, fields, limit: Self::DEFAULT_LIMIT }
    }

    /// At most so many values of each column, 1 to [`Self::MAX_LIMIT`].
    ///
    /// # Errors
    /// Outside that range.
    pub fn limit(self, limit: i64) -> Result<Self, InvalidParameter> {
        if (1..=Self::MAX_LIMIT).contains(&limit) {
            return Ok(Self { limit, ..self });
        }
        let reason = InvalidReason::NotInRange { min: 1, max: Self::MAX_LIMIT };
        Err(InvalidParameter::new("limit", limit.to_string(), reason))
    }

    /// Reads the limit from text; what is absent has its default.
    ///
    /// # Errors
    /// As [`Self::limit`].
    pub fn limit_of(self, limit: Option<&str>) -> Result<Self, InvalidParameter> {
        let Some(text) = limit else { return Ok(self) };
        let reason = InvalidReason::NotInRange { min: 1, max: Self::MAX_LIMIT };
        let refused = || InvalidParameter::new("limit", text, reason);
        let limit = parse_in(text, 1, Self::MAX_LIMIT).ok_or_else(refused)?;
        Ok(Self { limit, ..self })
    }

    /// The same query, if it may be asked; [`Self::run`] refuses the same.
    ///
    /// # Errors
    /// When it names no column, or one of them again.
    pub fn check(self) -> Result<Self, InvalidParameter> {
        let is_distinct = self
            .fields
            .iter()
            .enumerate()
            .all(|(place, field)| !self.fields.iter().take(place).any(|it| it == field));
        if is_distinct && !self.fields.is_empty() {
            return Ok(self);
        }
        let reason = InvalidReason::ColumnCount { min: 1, max: Grouping::ALL.len() };
        Err(InvalidParameter::new("fields", "", reason))
    }

    /// The statement, for a service with another driver: `place` of the column in the list, from 0, `value` and `count` a
    /// row, in order; one value more than the limit says that rarer ones were left out.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn to_sql(&self) -> Result<BoundSql, InvalidParameter> {
        Ok(self.clone().check()?.sql().into_bound())
    }

    /// Runs it. The facets are in the order of the columns.
    ///
    /// # Errors
    /// As [`Self::check`]; [`QueryError::Database`].
    pub async fn run(&self, conn: &mut AsyncPgConnection) -> Result<Vec<Facet>, QueryError> {
        let query = self.clone().check()?;
        let rows = Statement::<Row>::new(query.sql()).load(conn, "count facets").await?;
        let facet = |(place, field): (i64, &Grouping)| {
            let mut values: Vec<FacetValue> = rows
                .iter()
                .filter(|row| row.place == place)
                .map(|row| FacetValue { value: row.value.clone(), count: row.count })
                .collect();
            let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
            let is_truncated = values.len() > limit;
            values.truncate(limit);
            Facet { field: *field, values, is_truncated }
        };
        Ok((0..).zip(&query.fields).map(facet).collect())
    }

    pub(super) fn sql(&self) -> Sql {
        let kinds = self.kinds();
        let is_of_kinds = kinds.is_some();
        let mut sql = Sql::default();
        if let Some(kinds) = kinds {
            sql.text("WITH kind AS MATERIALIZED (").append(kinds).text(") ");
        }
        sql.text("SELECT place, value, count FROM (");
        for (place, field) in (0_i64..).zip(&self.fields) {
            let others = self.filter.clone().with(|filter| filter.forget(field.column()));
            let facet = match is_of_kinds && counter_sum::KNOWN.contains(&field.column()) {
                true => of_kinds(&others, *field, self.limit + 1),
                false => groups::sql(&others, *field, self.limit + 1),
            };
            sql.text(if place == 0 { "SELECT " } else { " UNION ALL SELECT " })
                .bind(Bind::BigInt(place))
                .text("::bigint AS place, value::text, count FROM (")
                .append(facet)
                .text(") AS facet");
        }
        sql.text(") AS facets ORDER BY place, count DESC, value COLLATE \"C\" ASC NULLS LAST");
        sql
    }

    /// What the counters know of several columns at once, so that their rows, and the records of broken months, are read once.
    fn kinds(&self) -> Option<Sql> {
        let columns = self.fields.iter().map(|field| field.column());
        let counted: Vec<&'static str> = columns.filter(|it| counter_sum::KNOWN.contains(it)).collect();
        if counted.len() < 2 {
            return None;
        }
        counter_sum::kinds(&self.filter, &counted)
    }
}

/// The values of a column among the kinds that match.
fn of_kinds(filter: &CheckedFilter<RemediationFilter>, field: Grouping, limit: i64) -> Sql {
    let mut conditions = Conditions::default();
    filter.filter().push_conditions(&mut conditions);
    let mut table = Sql::new("kind");
    table.append(conditions.into_sql());
    groups::summed(table, field, limit)
}
