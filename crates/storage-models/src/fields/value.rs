//! The value of one field of any type.

use std::borrow::Cow;

use diesel::pg::Pg;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{BigInt, Bool, Double, Integer, Jsonb, Nullable, Text, Timestamptz};

use crate::{Alterations, JsonText, Phase, Severity, Status, Timestamp, WorkflowPhase};

/// The value of one field, borrowed from its record or owned.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// None.
    Null,
    /// An identifier, a word or free text.
    Text(Cow<'a, str>),
    /// An instant.
    Time(Timestamp),
    /// A whole number.
    Integer(i64),
    /// A fraction.
    Real(f64),
    /// True or false.
    Boolean(bool),
    /// A JSON document.
    Json(Cow<'a, JsonText>),
}

impl Value<'_> {
    /// The text, if it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Bytes of a text, or of a document as PostgreSQL stores it; 0 for everything else.
    #[must_use]
    pub fn stored_bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Json(json) => json.stored_bytes(),
            _ => 0,
        }
    }
}

/// A value that a table of fields can say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Constant {
    /// None.
    Null,
    /// An identifier, a word, free text, or an instant in RFC 3339.
    Text(&'static str),
    /// A whole number.
    Integer(i64),
    /// A fraction.
    Real(f64),
    /// True or false.
    Boolean(bool),
    /// A JSON document.
    Json(&'static str),
}

impl Constant {
    /// It as JSON.
    #[must_use]
    pub fn to_json(self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Text(text) => text.into(),
            Self::Integer(number) => number.into(),
            Self::Real(number) => number.into(),
            Self::Boolean(flag) => flag.into(),
            Self::Json(text) => serde_json::from_str(text).unwrap_or_default(),
        }
    }
}

impl From<Constant> for Value<'static> {
    fn from(constant: Constant) -> Self {
        match constant {
            Constant::Null => Self::Null,
            Constant::Text(text) => Self::Text(Cow::Borrowed(text)),
            Constant::Integer(number) => Self::Integer(number),
            Constant::Real(number) => Self::Real(number),
            Constant::Boolean(flag) => Self::Boolean(flag),
            Constant::Json(text) => {
                JsonText::new(text.to_owned()).map_or(Self::Null, |json| Self::Json(Cow::Owned(json)))
            }
        }
    }
}

/// A type of a record's members.
pub trait ToValue {
    /// The value, borrowed where that saves a copy.
    fn to_value(&self) -> Value<'_>;
}

/// A type of a record's members.
pub trait FromValue: Sized {
    /// The value, if it is of this type.
    fn from_value(value: Value<'_>) -> Option<Self>;
}

impl<T: ToValue> ToValue for Option<T> {
    fn to_value(&self) -> Value<'_> {
        self.as_ref().map_or(Value::Null, T::to_value)
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::from_value(value).map(Some),
        }
    }
}

/// Implements both ways for types that a kind of value can be.
macro_rules! convert {
    ($($type:ty: |$it:ident| $value:expr, $pattern:pat => $made:expr;)+) => {$(
        impl ToValue for $type {
            fn to_value(&self) -> Value<'_> {
                let $it = self;
                $value
            }
        }

        impl FromValue for $type {
            fn from_value(value: Value<'_>) -> Option<Self> {
                match value {
                    $pattern => $made,
                    _ => None,
                }
            }
        }
    )+};
}

convert! {
    String: |it| Value::Text(Cow::Borrowed(it)), Value::Text(text) => Some(text.into_owned());
    Phase: |it| Value::Text(Cow::Borrowed(it.as_str())), Value::Text(word) => word.parse().ok();
    WorkflowPhase: |it| Value::Text(Cow::Borrowed(it.as_str())), Value::Text(word) => word.parse().ok();
    Status: |it| Value::Text(Cow::Borrowed(it.as_str())), Value::Text(word) => word.parse().ok();
    Severity: |it| Value::Text(Cow::Borrowed(it.as_str())), Value::Text(word) => word.parse().ok();
    Timestamp: |it| Value::Time(*it), Value::Time(time) => Some(time);
    i64: |it| Value::Integer(*it), Value::Integer(number) => Some(number);
    i32: |it| Value::Integer((*it).into()), Value::Integer(number) => number.try_into().ok();
    f64: |it| Value::Real(*it), Value::Real(number) => Some(number);
    bool: |it| Value::Boolean(*it), Value::Boolean(flag) => Some(flag);
    JsonText: |it| Value::Json(Cow::Borrowed(it)), Value::Json(json) => Some(json.into_owned());
    Alterations: |it| it.to_json().map_or(Value::Null, |json| Value::Json(Cow::Owned(json))),
        Value::Json(json) => Alterations::of_json(&json);
}

/// Sends a value as a SQL type that may be null. A value that is of another kind is an error and is not sent.
macro_rules! to_sql {
    ($($sql:ident: $pattern:pat => |$out:ident| $sent:expr;)+) => {$(
        impl ToSql<Nullable<$sql>, Pg> for Value<'_> {
            fn to_sql<'b>(&'b self, $out: &mut Output<'b, '_, Pg>) -> serialize::Result {
                match self {
                    Self::Null => Ok(IsNull::Yes),
                    $pattern => $sent,
                    other => Err(format!("{other:?} is not a value of {}", stringify!($sql)).into()),
                }
            }
        }
    )+};
}

to_sql! {
    Text: Self::Text(text) => |out| <str as ToSql<Text, Pg>>::to_sql(text, out);
    Timestamptz: Self::Time(time) => |out| <Timestamp as ToSql<Timestamptz, Pg>>::to_sql(time, out);
    BigInt: Self::Integer(number) => |out| <i64 as ToSql<BigInt, Pg>>::to_sql(number, out);
    Integer: Self::Integer(number) => |out| {
        <i32 as ToSql<Integer, Pg>>::to_sql(&i32::try_from(*number)?, &mut out.reborrow())
    };
    Double: Self::Real(number) => |out| <f64 as ToSql<Double, Pg>>::to_sql(number, out);
    Bool: Self::Boolean(flag) => |out| <bool as ToSql<Bool, Pg>>::to_sql(flag, out);
    Jsonb: Self::Json(json) => |out| <JsonText as ToSql<Jsonb, Pg>>::to_sql(json, out);
}
