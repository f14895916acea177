//! One pass over a text, which counts the cost of each value while it is read.
//!
//! serde's own way of reading anything turns numbers into floating point and ends at the first that does not fit, so
//! this reader follows the structure itself and reads simple values at once (`scan`). serde_json decides about all
//! other values.

use serde::de::{Deserialize, IgnoredAny};
use serde_json::value::RawValue;

use super::error::{JsonError, MAX_DEPTH, MAX_NUMBER_LENGTH};
use super::fault::{JsonFault, JsonFaultKind, JsonPath};
use super::keys::Keys;
use super::number::{self, Literal};
use super::{Json, scan};

/// A text that is being read.
pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// Lines of the whole that come before this text.
    lines_before: usize,
    /// Values that may still be read, of how many.
    nodes: (usize, usize),
    faults: Vec<JsonFault>,
}

impl<'a> Reader<'a> {
    /// Begins with a text, of which nothing may be read before [`Self::grant`] has said how much.
    pub(super) fn new(text: &'a [u8], lines_before: usize) -> Result<Self, JsonError> {
        let begin = |text| Reader { text, at: 0, lines_before, nodes: (0, 0), faults: Vec::new() };
        std::str::from_utf8(text).map(begin).map_err(|error| {
            let valid = text.get(..error.valid_up_to()).and_then(|valid| std::str::from_utf8(valid).ok());
            let valid = valid.unwrap_or_default();
            Reader { at: valid.len(), ..begin(valid) }.malformed("the text is not UTF-8")
        })
    }

    /// Allows this number of further values.
    pub(super) const fn grant(&mut self, nodes: usize) {
        self.nodes = (nodes, nodes);
    }

    /// How many values have been read since that was last said.
    pub(super) const fn used(&self) -> usize {
        self.nodes.1 - self.nodes.0
    }

    /// The faults since the last call.
    pub(super) fn take_faults(&mut self) -> Vec<JsonFault> {
        std::mem::take(&mut self.faults)
    }

    /// The next byte that is no white space, which is not taken.
    pub(super) fn token(&mut self) -> Option<u8> {
        let rest = self.rest().as_bytes();
        let blank = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
        self.at += blank;
        rest.get(blank).copied()
    }

    /// Takes the next token if it is this one.
    pub(super) fn takes(&mut self, byte: u8) -> bool {
        let is_next = self.token() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    /// Checks that nothing follows.
    pub(super) fn end(&mut self) -> Result<(), JsonError> {
        if self.token().is_none() { Ok(()) } else { Err(self.malformed("trailing characters")) }
    }

    /// Reads one value.
    pub(super) fn value(&mut self, place: &JsonPath<'_>, depth: usize) -> Result<Json, JsonError> {
        let token = self.token();
        self.count()?;
        match token {
            Some(b'{' | b'[') if depth >= MAX_DEPTH => {
                self.pass::<IgnoredAny>()?;
                Ok(place.fault(JsonFaultKind::TooDeep, &mut self.faults))
            }
            Some(b'{') => self.object(place, depth),
            Some(b'[') => self.array(place, depth),
            Some(b'"') => Ok(match self.string()? {
                Some(text) if !text.contains('\0') => Json::String(text),
                Some(_) => place.fault(JsonFaultKind::NulCharacter, &mut self.faults),
                None => place.fault(JsonFaultKind::InvalidString, &mut self.faults),
            }),
            _ => self.plain(place),
        }
    }

    fn array(&mut self, place: &JsonPath<'_>, depth: usize) -> Result<Json, JsonError> {
        let mut items = Vec::new();
        while self.goes_on(b'[', b']', items.is_empty())? {
            items.push(self.value(&JsonPath::Item(place, items.len()), depth + 1)?);
        }
        Ok(Json::Array(items))
    }

    fn object(&mut self, place: &JsonPath<'_>, depth: usize) -> Result<Json, JsonError> {
        let (mut members, mut keys) = (Vec::new(), Keys::default());
        let (mut is_first, mut is_whole) = (true, true);
        while self.goes_on(b'{', b'}', is_first)? {
            is_first = false;
            let key = self.key()?;
            is_whole &= key.is_some();
            match key.filter(|key| self.may_be_added(key, place, &members, &mut keys)) {
                Some(key) => {
                    let value = self.value(&JsonPath::Member(place, &key), depth + 1)?;
                    members.push((key, value));
                }
                None => {
                    self.count()?;
                    self.pass::<IgnoredAny>()?;
                }
            }
        }
        if is_whole {
            return Ok(Json::Object(members));
        }
        Ok(place.fault(JsonFaultKind::InvalidString, &mut self.faults))
    }

    /// Whether another part of an array or object follows; what opens it, what closes it and what is between two parts
    /// is taken.
    pub(super) fn goes_on(&mut self, open: u8, close: u8, is_first: bool) -> Result<bool, JsonError> {
        if is_first {
            self.takes(open);
            return Ok(!self.takes(close));
        }
        if self.takes(b',') {
            return Ok(true);
        }
        if self.takes(close) {
            return Ok(false);
        }
        Err(self.malformed(if close == b']' { "expected `,` or `]`" } else { "expected `,` or `}`" }))
    }

    /// `None` for a key with an escape that is no character.
    fn key(&mut self) -> Result<Option<String>, JsonError> {
        if self.token() != Some(b'"') {
            return Err(self.malformed("expected a key in quotes"));
        }
        let key = self.string()?;
        if self.takes(b':') { Ok(key) } else { Err(self.malformed("expected `:`")) }
    }

    /// Whether another member may have the key.
    fn may_be_added(
        &mut self,
        key: &str,
        place: &JsonPath<'_>,
        members: &[(String, Json)],
        keys: &mut Keys,
    ) -> bool {
        let kind = if key.contains('\0') {
            JsonFaultKind::NulCharacter
        } else if keys.is_new(key, members) {
            return true;
        } else {
            JsonFaultKind::DuplicateKey
        };
        JsonPath::Member(place, key).fault(kind, &mut self.faults);
        false
    }

    /// `None` where an escape is no character: the form of the text was found right before.
    fn string(&mut self) -> Result<Option<String>, JsonError> {
        if let Some(text) = scan::plain_string(self.rest()) {
            self.at += text.len() + 2;
            return Ok(Some(text.to_owned()));
        }
        Ok(serde_json::from_str(self.pass::<&RawValue>()?.get()).ok())
    }

    /// A number, `true`, `false` or `null`.
    fn plain(&mut self, place: &JsonPath<'_>) -> Result<Json, JsonError> {
        if let Some(digits) = scan::short_integer(self.rest()) {
            self.at += digits.len();
            return Ok(Json::Number(digits.to_owned()));
        }
        Ok(match self.pass::<&RawValue>()?.get() {
            "true" => Json::Bool(true),
            "false" => Json::Bool(false),
            "null" => Json::Null,
            literal => match fault_of(literal) {
                None => Json::Number(literal.to_owned()),
                Some(fault) => place.fault(fault, &mut self.faults),
            },
        })
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Passes over the next value, however deep, without recursion.
    fn pass<T: Deserialize<'a>>(&mut self) -> Result<T, JsonError> {
        let mut values = serde_json::Deserializer::from_str(self.rest()).into_iter::<T>();
        match values.next() {
            Some(Ok(value)) => {
                self.at += values.byte_offset();
                Ok(value)
            }
            Some(Err(error)) => Err(self.found(&error)),
            None => Err(self.malformed("the text ends, expected a value")),
        }
    }

    fn count(&mut self) -> Result<(), JsonError> {
        match self.nodes.0.checked_sub(1) {
            Some(left) => {
                self.nodes.0 = left;
                Ok(())
            }
            None => {
                let (line, column) = self.position();
                Err(JsonError::TooManyValues { most: self.nodes.1, line, column })
            }
        }
    }

    fn malformed(&self, reason: &str) -> JsonError {
        let (line, column) = self.position();
        JsonError::Malformed { line, column, reason: reason.to_owned() }
    }

    /// The library's error about what begins here.
    fn found(&self, error: &serde_json::Error) -> JsonError {
        let (line, column) = self.position();
        let place = match error.line() {
            0 | 1 => (line, (column + error.column()).saturating_sub(1).max(1)),
            // Right behind a newline the library counts no column.
            further => (line + further - 1, error.column().max(1)),
        };
        let sentence = error.to_string();
        let reason = sentence.split(" at line ").next().unwrap_or(&sentence).to_owned();
        JsonError::Malformed { line: place.0, column: place.1, reason }
    }

    /// Line and column of the next byte, counted from 1.
    fn position(&self) -> (usize, usize) {
        let before = self.text.get(..self.at).unwrap_or_default();
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = before.len() - before.rfind('\n').map_or(0, |end| end + 1) + 1;
        (self.lines_before + line, column)
    }
}

/// The fault of a number; `None` if it can be stored. As f64 it must be neither infinite nor rounded to zero, and its
/// digits must fit, as sent and as PostgreSQL writes them.
fn fault_of(literal: &str) -> Option<JsonFaultKind> {
    if number::length(literal) > MAX_NUMBER_LENGTH {
        return Some(JsonFaultKind::NumberTooLong);
    }
    let Some(parts) = Literal::of(literal) else { return Some(JsonFaultKind::NumberOutOfRange) };
    let is_zero = || parts.digits().0.is_empty();
    if !literal.parse::<f64>().is_ok_and(|value| value.is_finite() && (value != 0.0 || is_zero())) {
        return Some(JsonFaultKind::NumberOutOfRange);
    }
    (parts.stored_length() > MAX_NUMBER_LENGTH).then_some(JsonFaultKind::NumberTooLong)
}
