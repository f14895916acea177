//! SQL as a list of pieces: text that is fixed at compile time, and values that are always bound.

mod bind;
mod statement;
#[cfg(test)]
mod tests;

pub use bind::Bind;
pub use statement::MAX_ANSWER_BYTES;
pub(crate) use statement::{Bounded, Statement};

use diesel::pg::Pg;
use diesel::query_builder::{BoxedSqlQuery, SqlQuery};

/// SQL text with `$1`, `$2`, … and the value of each, in order, for another driver or another form of row.
#[derive(Debug, Clone, PartialEq)]
pub struct BoundSql {
    /// The statement.
    pub text: String,
    /// The value of `$1` first.
    pub binds: Vec<Bind>,
}

impl BoundSql {
    /// As a query of diesel, its values bound, to be read as rows of one's own.
    ///
    /// ```
    /// use diesel::QueryableByName;
    /// use diesel::sql_types::BigInt;
    /// use diesel_async::RunQueryDsl;
    /// use storage_models::Remediation;
    /// use storage_query::{CountQuery, CheckedFilter};
    ///
    /// #[derive(QueryableByName)]
    /// struct Row {
    ///     #[diesel(sql_type = BigInt)]
    ///     total: i64,
    /// }
    ///
    /// # storage_testkit::example(async |conn| {
    /// let sql = CountQuery::<Remediation>::new(CheckedFilter::default()).to_sql();
    /// let row: Row = sql.into_query().get_result(conn).await?;
    /// assert_eq!(row.total, 40);
    /// # Ok(())
    /// # });
    /// ```
    pub fn into_query(self) -> BoxedSqlQuery<'static, Pg, SqlQuery> {
        let query = diesel::sql_query(self.text).into_boxed();
        self.binds.into_iter().fold(query, |query, bind| bind.bind_to(query))
    }
}

/// A statement, or a part of one. Only `&'static str` ever becomes text.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Sql {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Text(&'static str),
    Bind(Bind),
}

impl Sql {
    /// A statement that begins with `text`.
    pub(crate) fn new(text: &'static str) -> Self {
        Self { parts: vec![Part::Text(text)] }
    }

    pub(crate) fn text(&mut self, text: &'static str) -> &mut Self {
        self.parts.push(Part::Text(text));
        self
    }

    pub(crate) fn bind(&mut self, value: Bind) -> &mut Self {
        self.parts.push(Part::Bind(value));
        self
    }

    pub(crate) fn append(&mut self, other: Self) -> &mut Self {
        self.parts.extend(other.parts);
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Text with numbered placeholders, and the values.
    pub(crate) fn into_bound(self) -> BoundSql {
        let mut bound = BoundSql { text: String::new(), binds: Vec::new() };
        for part in self.parts {
            match part {
                Part::Text(text) => bound.text.push_str(text),
                Part::Bind(value) => {
                    bound.binds.push(value);
                    bound.text.push_str(&format!("${}", bound.binds.len()));
                }
            }
        }
        bound
    }
}
