//! The query string, read strictly: unknown, repeated and unreadable parameters are refused by name, all at once (F19,
//! F20).

#[cfg(test)]
mod tests;

use std::str::FromStr;

use storage_models::json::pointer_to;
use storage_query::{AuditFilter, InvalidParameter, InvalidParameters, InvalidReason};

use crate::problem::{Location, Problem, ProblemKind, Violation};

/// Characters of a client's own name for a parameter that an answer repeats at most.
const MAX_NAME: usize = 100;

/// The parameters of a request that have not been taken yet, and the faults so far.
#[derive(Debug)]
pub(crate) struct Parameters {
    pairs: Vec<(String, String)>,
    errors: Vec<Violation>,
    /// Whether they are the members of a body.
    is_body: bool,
}

impl Parameters {
    /// The members of a body that says what a query string may say. What is wrong is named by its place there.
    pub(crate) const fn of_members(pairs: Vec<(String, String)>) -> Self {
        Self { pairs, errors: Vec::new(), is_body: true }
    }

    /// Splits and decodes a query string (`application/x-www-form-urlencoded`).
    pub(crate) fn parse(query: &str) -> Self {
        let mut parameters = Self { pairs: Vec::new(), errors: Vec::new(), is_body: false };
        for part in query.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            match (decode(name), decode(value)) {
                (Some(name), Some(value)) => parameters.pairs.push((name, value)),
                (decoded, _) => {
                    let name = decoded.as_deref().unwrap_or(name);
                    parameters.refuse(name, "invalid_encoding", "is not percent-encoded UTF-8");
                }
            }
        }
        parameters
    }

    /// Takes a parameter that has one value.
    pub(crate) fn take(&mut self, name: &'static str) -> Option<String> {
        let mut values = self.take_all(|given| given == name).into_iter().map(|(_, value)| value);
        let first = values.next();
        if values.next().is_some() {
            self.refuse(name, "repeated", "is given more than once");
        }
        first
    }

    /// Takes a parameter that has one value, and reads it.
    pub(crate) fn take_parsed<T: FromStr<Err = InvalidParameter>>(
        &mut self,
        name: &'static str,
    ) -> Option<T> {
        let parsed = self.take(name).map(|text| text.parse());
        self.note(parsed.transpose()).flatten()
    }

    /// Takes a parameter that is `true` or `false`.
    pub(crate) fn take_flag(&mut self, name: &'static str) -> Option<bool> {
        let text = self.take(name)?;
        let reason = InvalidReason::NotOneOf { allowed: "true, false".to_owned() };
        let refused = InvalidParameter { field: name.into(), value: text.clone(), reason };
        self.note(text.parse().map_err(|_not_a_flag| refused))
    }

    /// Takes all parameters of a filter.
    pub(crate) fn take_filter<F: AuditFilter>(&mut self) -> F {
        let mut filter = F::default();
        for (name, value) in self.take_all(F::has_field) {
            self.note(filter.set(&name, &value));
        }
        filter
    }

    fn take_all(&mut self, is_wanted: impl Fn(&str) -> bool) -> Vec<(String, String)> {
        let (taken, left) =
            std::mem::take(&mut self.pairs).into_iter().partition(|(name, _)| is_wanted(name));
        self.pairs = left;
        taken
    }

    /// Notes a parameter that breaks a rule.
    pub(crate) fn refuse(&mut self, name: &str, code: &'static str, rule: &str) {
        let name: String = name.chars().take(MAX_NAME).collect();
        let message = format!("{name} {rule}");
        self.errors.push(Violation { location: Location::Parameter(name), code, message });
    }

    /// Keeps the value, or notes its fault.
    pub(crate) fn note<T>(&mut self, outcome: Result<T, InvalidParameter>) -> Option<T> {
        outcome.map_err(|error| self.errors.push(Violation::from(&error))).ok()
    }

    /// As [`Self::note`], for several parameters.
    pub(crate) fn note_all<T>(&mut self, outcome: Result<T, InvalidParameters>) -> Option<T> {
        outcome.map_err(|errors| self.errors.extend(errors.iter().map(Violation::from))).ok()
    }

    /// Refuses the parameters that are left, and everything that was wrong.
    pub(crate) fn finish(mut self) -> Result<(), Problem> {
        for (name, _) in std::mem::take(&mut self.pairs) {
            self.refuse(&name, "unknown_parameter", "is not a parameter here");
        }
        if self.errors.is_empty() {
            return Ok(());
        }
        if !self.is_body {
            return Err(Problem::invalid_parameters(self.errors));
        }
        let placed = self.errors.into_iter().map(|violation| match violation.location {
            Location::Parameter(name) => {
                Violation { location: Location::Pointer(pointer_to("", &name)), ..violation }
            }
            Location::Pointer(_) => violation,
        });
        Err(Problem::new(ProblemKind::ValidationFailed).errors(placed.collect()))
    }
}

/// Percent-decodes, `+` being a space; `None` for an incomplete escape or what is not UTF-8.
pub(crate) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let high = char::from(rest.next()?).to_digit(16)?;
                let low = char::from(rest.next()?).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}
