//! A WHERE clause, grown one condition at a time.

use storage_models::Timestamp;

use super::Range;
use crate::sql::{Bind, Sql};

/// A WHERE clause; no clause at all while it has no condition.
#[derive(Debug, Default)]
pub struct Conditions {
    sql: Sql,
}

impl Conditions {
    /// Requires that `time` lies in a range.
    pub(crate) fn range(&mut self, time: &'static str, Range { since, until }: Range<Timestamp>) {
        if let Some(since) = since {
            self.and(time).text(" >= ").bind(Bind::Timestamptz(since));
        }
        if let Some(until) = until {
            self.and(time).text(" < ").bind(Bind::Timestamptz(until));
        }
    }

    /// Begins another condition, with the column or expression `text`.
    pub(crate) fn and(&mut self, text: &'static str) -> &mut Sql {
        let joint = if self.sql.is_empty() { " WHERE " } else { " AND " };
        self.sql.text(joint).text(text)
    }

    /// Demands one of `alternatives`; none means nothing.
    pub(super) fn any_of(&mut self, alternatives: Vec<Sql>) {
        let are_several = alternatives.len() > 1;
        for (place, alternative) in alternatives.into_iter().enumerate() {
            let sql = match place {
                0 => self.and(if are_several { "(" } else { "" }),
                _ => self.sql.text(" OR "),
            };
            sql.append(alternative);
        }
        if are_several {
            self.sql.text(")");
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sql.is_empty()
    }

    pub(crate) fn into_sql(self) -> Sql {
        self.sql
    }
}
