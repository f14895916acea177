//! The fields of an answer that name where the stored record differs from the request.

use serde::Deserialize;
use storage_models::RecordType;
use storage_validation::Handling;

use crate::telemetry::metrics as names;

/// The places where the stored record differs from the request, as JSON pointers.
#[derive(Debug, Clone, Default)]
pub(super) struct AlteredFields {
    /// Where text was cleaned or escaped.
    pub(super) sanitized: Vec<String>,
    /// Where lenient handling has changed it.
    pub(super) adjusted: Vec<String>,
}

impl AlteredFields {
    /// The handling that an answer names: the preferred one, or the lenient one of the settings if it has adjusted
    /// something.
    pub(super) fn handling(&self, preferred: Option<Handling>) -> Option<Handling> {
        preferred.or_else(|| (!self.adjusted.is_empty()).then_some(Handling::Lenient))
    }

    /// Counts each place by its field. `within` makes a pointer one into its record.
    pub(super) fn count(&self, within: fn(&str) -> &str) {
        for pointer in &self.sanitized {
            let field = field_label(within(pointer));
            metrics::counter!(names::SANITIZED_FIELDS, "field" => field).increment(1);
        }
        for pointer in &self.adjusted {
            let field = field_label(within(pointer));
            metrics::counter!(names::ADJUSTED_FIELDS, "field" => field).increment(1);
        }
    }
}

/// Whether a kept answer names adjusted fields.
pub(super) fn tells_of_adjustments(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct KeptAnswer {
        adjusted_fields: Vec<String>,
    }
    serde_json::from_slice::<KeptAnswer>(body).is_ok_and(|kept| !kept.adjusted_fields.is_empty())
}

/// The field that a JSON pointer leads into; `record` for the record as a whole. A client's own words must not become
/// labels, so `unknown` stands for a name that no record type has.
pub(super) fn field_label(pointer: &str) -> &'static str {
    let Some(name) = pointer.split('/').nth(1) else { return "record" };
    let field = RecordType::ALL.into_iter().find_map(|record_type| record_type.field(name));
    field.map_or("unknown", |field| field.name)
}

#[cfg(test)]
mod tests {
    use super::{field_label, tells_of_adjustments};

    #[test]
    fn labels_are_fields_and_nothing_a_client_made_up() {
        for (pointer, label) in [
            ("/name", "name"),
            ("/metadata/steps/0", "metadata"),
            ("", "record"),
            ("/nmae", "unknown"),
            ("/", "unknown"),
        ] {
            assert_eq!(field_label(pointer), label, "{pointer}");
        }
    }

    #[test]
    fn an_answer_tells_of_adjustments_when_it_names_some() {
        for (body, tells) in [
            (r#"{"id":1,"sanitized_fields":["/name"],"adjusted_fields":["/name"]}"#, true),
            (r#"{"id":1,"sanitized_fields":["/name"],"adjusted_fields":[]}"#, false),
            (r#"{"metadata":{"adjusted_fields":["x"]}}"#, false),
            ("", false),
        ] {
            assert_eq!(tells_of_adjustments(body.as_bytes()), tells, "{body}");
        }
    }
}
