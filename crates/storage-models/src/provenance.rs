//! The origin of a record: its sender, its correlation id, and the service's alterations.

use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::Jsonb;
use serde::{Deserialize, Serialize};

use crate::{Altered, JsonText, Timestamp};

/// The arrival of a request that writes records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// When it arrived: the default of times, and the middle of the range of times that are accepted.
    pub at: Timestamp,
    /// The authenticated caller that sent it, or `anonymous`; at most 255 characters.
    pub recorded_by: String,
    /// The request's correlation id, which joins its records to the logs; at most 128 characters.
    pub correlation_id: Option<String>,
}

/// A place where a record differs from the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Alteration {
    /// Where, as a JSON pointer (RFC 6901) into the record: `/name`, `/metadata/steps/0`.
    pub pointer: String,
    /// How.
    pub what: Altered,
}

impl Alteration {
    /// The alteration at a place.
    #[must_use]
    pub const fn new(pointer: String, what: Altered) -> Self {
        Self { pointer, what }
    }
}

/// The places where a record differs from the request, in the order of its fields; at least one. Stored as `jsonb`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, AsExpression, FromSqlRow)]
#[diesel(sql_type = Jsonb)]
#[serde(transparent)]
pub struct Alterations(Vec<Alteration>);

impl Alterations {
    /// These alterations; `None` if the list is empty.
    #[must_use]
    pub fn of(alterations: Vec<Alteration>) -> Option<Self> {
        (!alterations.is_empty()).then_some(Self(alterations))
    }

    /// Each of them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Alteration> {
        self.0.iter()
    }

    /// The approximate length of its JSON in bytes.
    #[must_use]
    pub fn bulk(&self) -> usize {
        self.0.iter().map(|alteration| alteration.pointer.len() + 40).sum()
    }

    /// Its JSON, for `jsonb`.
    pub(crate) fn to_json(&self) -> Option<JsonText> {
        serde_json::to_string(&self.0).and_then(JsonText::new).ok()
    }

    /// Reads the JSON of [`Self::to_json`].
    pub(crate) fn of_json(json: &JsonText) -> Option<Self> {
        serde_json::from_str(json.as_str()).map(Self).ok()
    }
}

impl ToSql<Jsonb, Pg> for Alterations {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        let json = self.to_json().ok_or("alterations could not be written as JSON")?;
        <JsonText as ToSql<Jsonb, Pg>>::to_sql(&json, &mut out.reborrow())
    }
}

impl FromSql<Jsonb, Pg> for Alterations {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let json = JsonText::from_sql(value)?;
        Self::of_json(&json).ok_or_else(|| format!("no alterations: {}", json.as_str()).into())
    }
}

#[cfg(test)]
mod tests {
    use super::{Alteration, Alterations};
    use crate::Altered;

    #[test]
    fn alterations_are_written_as_a_list_of_places() {
        let alteration = |pointer: &str, what| Alteration { pointer: pointer.to_owned(), what };
        let list =
            vec![alteration("/name", Altered::Cleaned), alteration("/severity", Altered::UnknownSeverity)];
        let text = serde_json::to_string(&Alterations::of(list.clone())).unwrap();
        assert_eq!(
            text,
            r#"[{"pointer":"/name","what":"cleaned"},{"pointer":"/severity","what":"unknown_severity"}]"#
        );
        assert_eq!(serde_json::from_str::<Vec<Alteration>>(&text).unwrap(), list);
        assert_eq!(Alterations::of(Vec::new()), None);
    }
}
