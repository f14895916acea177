//! The vector newtype and its SQL type, without libpq.

use bytes::BytesMut;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::query_builder::QueryId;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::SqlType;
use postgres_types::Type;
use std::io::Write as _;

/// pgvector's SQL type `vector`.
#[derive(Debug, Clone, Copy, Default, SqlType, QueryId)]
#[diesel(postgres_type(name = "vector"))]
pub struct VectorSql;

/// PostgreSQL's SQL type `tsvector`.
#[derive(Debug, Clone, Copy, Default, SqlType, QueryId)]
#[diesel(postgres_type(name = "tsvector"))]
pub struct WordsSql;

/// A text's position in meaning: exactly [`Embedding::DIMENSION`] finite numbers.
///
/// Compared by cosine distance. A vector of any other length never comes into being.
#[derive(Debug, Clone, PartialEq, AsExpression, FromSqlRow)]
#[diesel(sql_type = VectorSql)]
pub struct Embedding(pgvector::Vector);

/// Numbers that do not make an [`Embedding`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EmbeddingError {
    /// Too few or too many numbers.
    #[error("an embedding must have {} numbers, not {found}", Embedding::DIMENSION)]
    Dimension {
        /// How many there were.
        found: usize,
    },
    /// NaN or infinity, which no distance is defined for.
    #[error("number {index} of the embedding is not finite")]
    NotFinite {
        /// Which one, counted from 0.
        index: usize,
    },
}

impl Embedding {
    /// How many numbers a vector has, in every store.
    pub const DIMENSION: usize = 384;

    /// Takes the numbers as a vector.
    ///
    /// # Errors
    /// When there are not [`Self::DIMENSION`] of them, or one is not finite.
    pub fn new(values: Vec<f32>) -> Result<Self, EmbeddingError> {
        if values.len() != Self::DIMENSION {
            return Err(EmbeddingError::Dimension { found: values.len() });
        }
        if let Some(index) = values.iter().position(|value| !value.is_finite()) {
            return Err(EmbeddingError::NotFinite { index });
        }
        Ok(Self(pgvector::Vector::from(values)))
    }

    /// The numbers.
    #[must_use]
    pub fn as_slice(&self) -> &[f32] {
        self.0.as_slice()
    }
}

impl ToSql<VectorSql, Pg> for Embedding {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        let mut wire = BytesMut::new();
        postgres_types::ToSql::to_sql(&self.0, &Type::UNKNOWN, &mut wire)?;
        out.write_all(&wire)?;
        Ok(IsNull::No)
    }
}

impl FromSql<VectorSql, Pg> for Embedding {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let vector: pgvector::Vector = postgres_types::FromSql::from_sql(&Type::UNKNOWN, value.as_bytes())
            .map_err(|error| error.to_string())?;
        Ok(Self::new(vector.to_vec())?)
    }
}

#[cfg(test)]
mod tests {
    use super::{Embedding, EmbeddingError};

    /// BR-STORAGE-008: a vector of another dimension is a typed error.
    #[test]
    fn only_384_finite_numbers_make_an_embedding() {
        assert_eq!(Embedding::new(vec![0.1, 0.2, 0.3]), Err(EmbeddingError::Dimension { found: 3 }));
        let mut values = vec![0.5; Embedding::DIMENSION];
        values[7] = f32::NAN;
        assert_eq!(Embedding::new(values.clone()), Err(EmbeddingError::NotFinite { index: 7 }));
        values[7] = 0.0;
        assert_eq!(Embedding::new(values.clone()).unwrap().as_slice(), values);
    }
}
