//! The kinds of problem as pages and as a document.

use std::fmt::Write as _;

use super::ProblemKind;

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
