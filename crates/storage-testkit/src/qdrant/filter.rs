//! Filters with the semantics of the real server, as far as they are known here.
//!
//! Known: must, should, must_not, min_should and filters within filters; has_id of numbers, is_empty, is_null; and of
//! a top-level field, match of keywords, integers and booleans (one or any of several), and ranges of numbers. An
//! array matches when one of its elements does. Everything else is refused: a wrong answer would be worse than none.

use std::collections::{HashMap, HashSet};

use qdrant_client::qdrant::condition::ConditionOneOf;
use qdrant_client::qdrant::r#match::MatchValue;
use qdrant_client::qdrant::point_id::PointIdOptions;
use qdrant_client::qdrant::value::Kind;
use qdrant_client::qdrant::{Condition, FieldCondition, Filter, PointId, Range, Value};
use tonic::Status;

pub(super) type Payload = HashMap<String, Value>;

/// A filter that was understood in full.
#[derive(Debug)]
pub(super) enum Test {
    All(Vec<Test>),
    AtLeast(usize, Vec<Test>),
    Not(Box<Test>),
    HasId(HashSet<u64>),
    Empty(String),
    Null(String),
    Text(String, HashSet<String>),
    Integer(String, HashSet<i64>),
    Bool(String, bool),
    Range(String, Range),
}

impl Test {
    /// Whether a point passes.
    pub(super) fn holds(&self, id: u64, payload: &Payload) -> bool {
        match self {
            Self::All(tests) => tests.iter().all(|test| test.holds(id, payload)),
            Self::AtLeast(count, tests) => {
                tests.iter().filter(|test| test.holds(id, payload)).count() >= *count
            }
            Self::Not(test) => !test.holds(id, payload),
            Self::HasId(ids) => ids.contains(&id),
            Self::Empty(key) => values(payload, key).iter().all(|kind| matches!(kind, Kind::NullValue(_))),
            Self::Null(key) => values(payload, key).iter().any(|kind| matches!(kind, Kind::NullValue(_))),
            Self::Text(key, wanted) => values(payload, key)
                .iter()
                .any(|kind| matches!(kind, Kind::StringValue(text) if wanted.contains(text))),
            Self::Integer(key, wanted) => values(payload, key)
                .iter()
                .any(|kind| matches!(kind, Kind::IntegerValue(number) if wanted.contains(number))),
            Self::Bool(key, wanted) => values(payload, key)
                .iter()
                .any(|kind| matches!(kind, Kind::BoolValue(value) if value == wanted)),
            Self::Range(key, range) => {
                values(payload, key).iter().filter_map(|kind| number(kind)).any(|value| within(value, range))
            }
        }
    }
}

/// Understands a filter; none passes everything.
pub(super) fn understand(filter: Option<&Filter>) -> Result<Test, Status> {
    let Some(filter) = filter else { return Ok(Test::All(Vec::new())) };
    let mut tests = all(&filter.must)?;
    for condition in &filter.must_not {
        tests.push(Test::Not(Box::new(one(condition)?)));
    }
    if !filter.should.is_empty() {
        tests.push(Test::AtLeast(1, all(&filter.should)?));
    }
    if let Some(some) = &filter.min_should {
        let count = usize::try_from(some.min_count).unwrap_or(usize::MAX);
        tests.push(Test::AtLeast(count, all(&some.conditions)?));
    }
    Ok(Test::All(tests))
}

fn all(conditions: &[Condition]) -> Result<Vec<Test>, Status> {
    conditions.iter().map(one).collect()
}

fn one(condition: &Condition) -> Result<Test, Status> {
    match condition.condition_one_of.as_ref() {
        Some(ConditionOneOf::Field(field)) => of_field(field),
        Some(ConditionOneOf::IsEmpty(empty)) => Ok(Test::Empty(plain(&empty.key)?)),
        Some(ConditionOneOf::IsNull(null)) => Ok(Test::Null(plain(&null.key)?)),
        Some(ConditionOneOf::HasId(ids)) => {
            ids.has_id.iter().map(|id| number_of(Some(id))).collect::<Result<_, _>>().map(Test::HasId)
        }
        Some(ConditionOneOf::Filter(filter)) => understand(Some(filter)),
        other => Err(unknown(&format!("the condition {other:?}"))),
    }
}

fn of_field(field: &FieldCondition) -> Result<Test, Status> {
    let key = plain(&field.key)?;
    match field {
        FieldCondition { r#match: Some(wanted), range: None, .. } => match wanted.match_value.clone() {
            Some(MatchValue::Keyword(text)) => Ok(Test::Text(key, HashSet::from([text]))),
            Some(MatchValue::Keywords(texts)) => Ok(Test::Text(key, texts.strings.into_iter().collect())),
            Some(MatchValue::Integer(number)) => Ok(Test::Integer(key, HashSet::from([number]))),
            Some(MatchValue::Integers(numbers)) => {
                Ok(Test::Integer(key, numbers.integers.into_iter().collect()))
            }
            Some(MatchValue::Boolean(value)) => Ok(Test::Bool(key, value)),
            other => Err(unknown(&format!("the match {other:?}"))),
        },
        FieldCondition { range: Some(range), r#match: None, .. } => Ok(Test::Range(key, *range)),
        other => Err(unknown(&format!("the field condition {other:?}"))),
    }
}

/// A key that is no path into the payload.
fn plain(key: &str) -> Result<String, Status> {
    if key.contains(['.', '[', '"']) {
        return Err(unknown(&format!("the path `{key}`")));
    }
    Ok(key.to_owned())
}

/// The number that a point id is.
pub(super) fn number_of(id: Option<&PointId>) -> Result<u64, Status> {
    match id.and_then(|id| id.point_id_options.as_ref()) {
        Some(PointIdOptions::Num(number)) => Ok(*number),
        other => Err(unknown(&format!("the point id {other:?}"))),
    }
}

/// Filters that the test kit's server does not support.
pub(super) fn unknown(what: &str) -> Status {
    Status::unimplemented(format!("the test kit's Qdrant does not know {what}"))
}

/// The values of a field: the elements of an array, else the value itself.
fn values<'a>(payload: &'a Payload, key: &str) -> Vec<&'a Kind> {
    match payload.get(key).and_then(|value| value.kind.as_ref()) {
        None => Vec::new(),
        Some(Kind::ListValue(list)) => list.values.iter().filter_map(|value| value.kind.as_ref()).collect(),
        Some(kind) => vec![kind],
    }
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "the real server compares so too")]
const fn number(kind: &Kind) -> Option<f64> {
    match kind {
        Kind::IntegerValue(value) => Some(*value as f64),
        Kind::DoubleValue(value) => Some(*value),
        _ => None,
    }
}

fn within(value: f64, range: &Range) -> bool {
    range.lt.is_none_or(|bound| value < bound)
        && range.gt.is_none_or(|bound| value > bound)
        && range.lte.is_none_or(|bound| value <= bound)
        && range.gte.is_none_or(|bound| value >= bound)
}
