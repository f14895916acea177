//! The values a statement may carry, each with its SQL type.

use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, BoxedSqlQuery, SqlQuery};
use diesel::sql_types::{Array, BigInt, Binary, Bool, Double, Text, Timestamptz};
use storage_models::{Embedding, IncidentKey, Timestamp, VectorSql};

/// A value to be bound, named after its SQL type.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Bind {
    /// `bigint`
    BigInt(i64),
    /// `bigint[]`
    BigIntArray(Vec<i64>),
    /// `bytea[]`
    IncidentKeyArray(Vec<IncidentKey>),
    /// `boolean`
    Bool(bool),
    /// `boolean[]`
    BoolArray(Vec<bool>),
    /// `double precision[]`
    DoubleArray(Vec<f64>),
    /// `text`
    Text(String),
    /// `text[]`
    TextArray(Vec<String>),
    /// `timestamptz`
    Timestamptz(Timestamp),
    /// pgvector's `vector`
    Vector(Embedding),
}

impl Bind {
    /// Hands the value to diesel under its SQL type.
    pub(super) fn push<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        match self {
            Self::BigInt(value) => out.push_bind_param::<BigInt, _>(value),
            Self::BigIntArray(values) => out.push_bind_param::<Array<BigInt>, _>(values),
            Self::IncidentKeyArray(values) => out.push_bind_param::<Array<Binary>, _>(values),
            Self::Bool(value) => out.push_bind_param::<Bool, _>(value),
            Self::BoolArray(values) => out.push_bind_param::<Array<Bool>, _>(values),
            Self::DoubleArray(values) => out.push_bind_param::<Array<Double>, _>(values),
            Self::Text(value) => out.push_bind_param::<Text, _>(value),
            Self::TextArray(values) => out.push_bind_param::<Array<Text>, _>(values),
            Self::Timestamptz(value) => out.push_bind_param::<Timestamptz, _>(value),
            Self::Vector(value) => out.push_bind_param::<VectorSql, _>(value),
        }
    }

    /// The same for a query whose text is there already.
    pub(super) fn bind_to(
        self,
        query: BoxedSqlQuery<'static, Pg, SqlQuery>,
    ) -> BoxedSqlQuery<'static, Pg, SqlQuery> {
        match self {
            Self::BigInt(value) => query.bind::<BigInt, _>(value),
            Self::BigIntArray(values) => query.bind::<Array<BigInt>, _>(values),
            Self::IncidentKeyArray(values) => query.bind::<Array<Binary>, _>(values),
            Self::Bool(value) => query.bind::<Bool, _>(value),
            Self::BoolArray(values) => query.bind::<Array<Bool>, _>(values),
            Self::DoubleArray(values) => query.bind::<Array<Double>, _>(values),
            Self::Text(value) => query.bind::<Text, _>(value),
            Self::TextArray(values) => query.bind::<Array<Text>, _>(values),
            Self::Timestamptz(value) => query.bind::<Timestamptz, _>(value),
            Self::Vector(value) => query.bind::<VectorSql, _>(value),
        }
    }
}
