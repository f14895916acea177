//! What to do about a read that takes too long.

use storage_models::{ErrorCode, Remediation};
use storage_query::{AuditFilter as _, AuditRecord as _, CheckedFilter, RemediationFilter};

use crate::problem::{Problem, ProblemKind};
use crate::store::edge::ReadError;

/// The problem of a read that was not answered; of one that took too long, with the filters that would narrow it.
pub(super) fn told(filter: &CheckedFilter<RemediationFilter>) -> impl FnOnce(ReadError) -> Problem + use<> {
    let advice = advice(filter);
    move |error| match error.code() {
        ErrorCode::DeadlinePassed => Problem::new(ProblemKind::DeadlinePassed).advice(&advice).cause(error),
        _ => Problem::from(error),
    }
}

fn advice(filter: &CheckedFilter<RemediationFilter>) -> String {
    let asked = |name: &str| !filter.filter().values(name).is_empty();
    let fields = Remediation::TYPE.fields().iter();
    let indexed = fields.filter(|field| field.is_filterable && field.is_indexed && !asked(field.name));
    let names: Vec<&str> = indexed.map(|field| field.name).collect();
    let time = match filter.since() {
        Some(since) => format!("Let since be later than {since}"),
        None => "Narrow the filter by since, such as since=7d".to_owned(),
    };
    format!("{time}, or add one of {}.", names.join(", "))
}

#[cfg(test)]
mod tests {
    use storage_query::{AuditFilter as _, QueryError, RemediationFilter};

    use super::told;
    use crate::problem::ProblemKind;
    use crate::store::edge::ReadError;

    /// A caller whose question takes too long learns which filters make it cheaper.
    #[test]
    fn a_read_that_takes_too_long_names_the_filters_that_narrow_it() {
        let now = "2026-06-01T00:00:00Z".parse().unwrap();
        for (pairs, advice) in [
            (
                &[][..],
                "Narrow the filter by since, such as since=7d, or add one of namespace, target_name, status, \
                 remediation_request_id, alert_name, alert_fingerprint.",
            ),
            (
                &[("since", "30d"), ("namespace", "a"), ("alert_name", "b")],
                "Let since be later than 2026-05-02T00:00:00.000000Z, or add one of target_name, status, \
                 remediation_request_id, alert_fingerprint.",
            ),
        ] {
            let filter = RemediationFilter::from_pairs(pairs.iter().copied()).unwrap().check(now).unwrap();
            let problem = told(&filter)(ReadError::DeadlinePassed);
            assert_eq!(problem.kind(), ProblemKind::DeadlinePassed);
            assert!(problem.to_string().ends_with(advice), "{problem}");
            assert_eq!(told(&filter)(ReadError::Busy).kind(), ProblemKind::Overloaded);
            let invalid = RemediationFilter::from_pairs([("since", "x")]).unwrap_err();
            let refused = told(&filter)(ReadError::Query(QueryError::Invalid(invalid)));
            assert_eq!(refused.kind(), ProblemKind::InvalidParameters);
        }
    }
}
