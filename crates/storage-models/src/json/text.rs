//! A JSON document kept as text, which is how PostgreSQL sends and takes `jsonb`.

use std::io::Write as _;

use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::Jsonb;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::Json;

/// The version byte that precedes `jsonb` on the wire (`jsonb_send` in PostgreSQL's source).
const JSONB_VERSION: u8 = 1;

/// A JSON document as text: never parsed into numbers on its way to or from the database.
///
/// Two documents are equal if their texts are. PostgreSQL sorts an object's keys and rewrites numbers without changing
/// their value.
#[derive(Debug, Clone, AsExpression, FromSqlRow)]
#[diesel(sql_type = Jsonb)]
pub struct JsonText {
    text: Box<RawValue>,
    stored_bytes: usize,
}

impl JsonText {
    /// Takes a text as PostgreSQL gives it.
    ///
    /// # Errors
    /// When the text is not JSON.
    pub fn new(text: String) -> Result<Self, serde_json::Error> {
        let stored_bytes = text.len();
        RawValue::from_string(text).map(|text| Self { text, stored_bytes })
    }

    /// The document.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.text.get()
    }

    /// Bytes of the text that PostgreSQL makes of it, see [`Json::stored_bytes`].
    #[must_use]
    pub const fn stored_bytes(&self) -> usize {
        self.stored_bytes
    }

    /// The document as values. A document that cannot be kept, which none here is, stands as `null` where it cannot.
    #[must_use]
    pub fn to_json(&self) -> Json {
        Json::parse(self.as_str().as_bytes()).map_or(Json::Null, |parsed| parsed.value)
    }
}

impl TryFrom<&Json> for JsonText {
    type Error = serde_json::Error;

    fn try_from(value: &Json) -> Result<Self, Self::Error> {
        let text = serde_json::value::to_raw_value(value)?;
        Ok(Self { text, stored_bytes: value.stored_bytes() })
    }
}

impl PartialEq for JsonText {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Serialize for JsonText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.text.serialize(serializer)
    }
}

impl ToSql<Jsonb, Pg> for JsonText {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(&[JSONB_VERSION])?;
        out.write_all(self.as_str().as_bytes())?;
        Ok(IsNull::No)
    }
}

impl FromSql<Jsonb, Pg> for JsonText {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        match value.as_bytes().split_first() {
            Some((&JSONB_VERSION, text)) => Ok(Self::new(String::from_utf8(text.to_vec())?)?),
            _ => Err("the database sent jsonb in an unknown version".into()),
        }
    }
}
