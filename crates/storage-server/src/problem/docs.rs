//! The kinds of problem as pages and as a document.

use std::fmt::Write as _;

use serde_json::Value;

use super::{Document, Location, ProblemKind, Violation};

/// The page of one kind, in plain text.
pub(crate) fn page(kind: ProblemKind) -> String {
    format!(
        "{} ({})\n{}\n\nWhat happened\n  {}\n\nWhat to do\n  {}\n",
        kind.title(),
        kind.status(),
        kind.path(),
        kind.detail(),
        kind.remedy()
    )
}

/// A document of this kind, as one occurrence has it.
pub(crate) fn example(kind: ProblemKind, correlation_id: &str) -> Value {
    let error = match kind {
        ProblemKind::ValidationFailed => {
            Some((Location::Pointer("/name".into()), "required", "name is required"))
        }
        ProblemKind::InvalidParameters => Some((
            Location::Parameter("limit".into()),
            "out_of_range",
            "limit must be a whole number from 1 to 1000",
        )),
        _ => None,
    };
    let errors: Vec<Violation> = error
        .map(|(location, code, message)| Violation { location, code, message: message.to_owned() })
        .into_iter()
        .collect();
    // Strings and numbers cannot fail to serialize.
    serde_json::to_value(Document::of(kind, correlation_id, &errors)).unwrap_or_default()
}

/// All kinds, in Markdown.
#[must_use]
pub fn reference() -> String {
    let mut document = String::from(
        "# Problems\n\n\
         Every refusal and failure is an `application/problem+json` document (RFC 9457): `type` is one of the paths\n\
         below, under which the service serves this text, `title` and `status` go with it, `detail` says more,\n\
         `instance` is the correlation id (also in the header `X-Correlation-ID`) and `errors` lists each bad field by\n\
         JSON pointer, or each bad parameter by name, with a stable `code` and a `message`.\n\n\
         This page is generated from the code; a test fails when it is stale.\n",
    );
    for kind in ProblemKind::ALL {
        let _ = writeln!(
            document,
            "\n## `{}`\n\n{} {}. {}\n\n{}",
            kind.path(),
            kind.status(),
            kind.title(),
            kind.detail(),
            kind.remedy()
        );
        if let Some(seconds) = kind.retry_after() {
            let _ = writeln!(document, "\n`Retry-After: {seconds}`");
        }
    }
    document
}
