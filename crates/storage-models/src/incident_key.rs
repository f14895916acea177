//! The key that records of one incident share.

use std::fmt;
use std::io::Write as _;

use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::Binary;
use serde::{Serialize, Serializer};

/// Which incident a remediation belongs to: equal for records whose texts are the same without the action and its
/// object.
///
/// Displayed as 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, AsExpression, FromSqlRow)]
#[diesel(sql_type = Binary)]
pub struct IncidentKey([u8; Self::LENGTH]);

impl IncidentKey {
    /// How many bytes it has.
    pub const LENGTH: usize = 16;

    /// Takes the bytes as a key.
    #[must_use]
    pub const fn new(bytes: [u8; Self::LENGTH]) -> Self {
        Self(bytes)
    }

    /// Reads what [`Display`](fmt::Display) writes; `None` when the text is no key.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_plain = text.len() == 2 * Self::LENGTH && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = is_plain.then(|| u128::from_str_radix(text, 16).ok())??;
        Some(Self(number.to_be_bytes()))
    }
}

impl fmt::Display for IncidentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Serialize for IncidentKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl ToSql<Binary, Pg> for IncidentKey {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(&self.0)?;
        Ok(IsNull::No)
    }
}

impl FromSql<Binary, Pg> for IncidentKey {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(value.as_bytes().try_into()?))
    }
}

#[cfg(test)]
mod tests {
    use super::IncidentKey;

    #[test]
    fn a_key_is_shown_as_hexadecimal_digits() {
        let mut bytes = [0; IncidentKey::LENGTH];
        (bytes[0], bytes[15]) = (0xab, 7);
        assert_eq!(IncidentKey::new(bytes).to_string(), "ab000000000000000000000000000007");
        assert_eq!(IncidentKey::parse("ab000000000000000000000000000007"), Some(IncidentKey::new(bytes)));
        for text in ["", "ab", "+b000000000000000000000000000007", "xb000000000000000000000000000007"] {
            assert_eq!(IncidentKey::parse(text), None, "{text}");
        }
    }
}
