//! Parameters: filters, cursors, times.

use std::str::FromStr;

use storage_models::{Execution, Remediation, Timestamp, Workflow};
use storage_query::{
    AiAnalysisFilter, AuditFilter, CheckedFilter, Cursor, ExecutionFilter, Interval, ListQuery, PageRequest,
    RemediationFilter, SearchRequest, Sort, TimeBound, Total, WorkflowFilter,
};

use crate::receipt::now;

/// Reads parameters, `name=value` joined with `&`, as every filter and every other parameter of lists and searches.
/// A filter that is accepted is accepted again, and equal.
pub fn query(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let pairs: Vec<(&str, &str)> =
        text.split('&').map(|part| part.split_once('=').unwrap_or((part, ""))).collect();
    filter::<RemediationFilter>(&pairs);
    filter::<AiAnalysisFilter>(&pairs);
    filter::<WorkflowFilter>(&pairs);
    filter::<ExecutionFilter>(&pairs);
    let value = |name: &str| pairs.iter().find(|(given, _)| *given == name).map(|(_, value)| *value);
    if let Ok(page) = PageRequest::parse(value("limit"), value("offset")) {
        assert!((1..=PageRequest::MAX_LIMIT).contains(&page.limit()), "{page:?}");
        assert!((0..=PageRequest::MAX_OFFSET).contains(&page.offset()), "{page:?}");
    }
    if let Ok(request) = SearchRequest::parse(value("limit"), value("min_similarity")) {
        assert!((0.0..=1.0).contains(&request.min_similarity()), "{request:?}");
    }
    let _ = value("sort").map(Sort::<Remediation>::from_str);
    let _ = value("sort").map(Sort::<Workflow>::from_str);
    let _ = value("total").map(Total::from_str);
    let _ = value("interval").map(Interval::from_str);
    after(value("cursor"), &pairs);
}

fn filter<F: AuditFilter + PartialEq + std::fmt::Debug>(pairs: &[(&str, &str)]) {
    let known = || pairs.iter().copied().filter(|(name, _)| F::has_field(name));
    if let Ok(read) = F::from_pairs(known()) {
        assert_eq!(F::from_pairs(known()).as_ref(), Ok(&read), "read twice, another filter");
        let _ = read.check(now());
    }
}

/// A cursor that was made for one list leads on in no other.
fn after(cursor: Option<&str>, pairs: &[(&str, &str)]) {
    let Some(cursor) = cursor.and_then(|text| text.parse::<Cursor>().ok()) else { return };
    let known = pairs.iter().copied().filter(|(name, _)| RemediationFilter::has_field(name));
    let filter = RemediationFilter::from_pairs(known).ok().and_then(|filter| filter.check(now()).ok());
    let is_of_remediations =
        ListQuery::<Remediation>::new(filter.unwrap_or_default()).after(&cursor).to_sql().is_ok();
    let is_of_executions =
        ListQuery::<Execution>::new(CheckedFilter::default()).after(&cursor).to_sql().is_ok();
    assert!(!(is_of_remediations && is_of_executions), "a cursor of two lists");
}

/// Reads a cursor. There is one text for each.
pub fn cursor(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(cursor) = text.parse::<Cursor>() else { return };
    assert_eq!(cursor.to_string(), text, "a second text for one cursor");
    assert!(text.len() <= Cursor::MAX_LENGTH, "a cursor that is too long");
}

/// Reads times, ages and durations. A time that is accepted is written so that it reads back as itself.
pub fn time(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(instant) = text.parse::<Timestamp>() {
        assert_eq!(instant.to_string().parse(), Ok(instant), "{text:?}");
    }
    if let Ok(bound) = text.parse::<TimeBound>()
        && let Ok(instant) = bound.resolve(now())
    {
        let written = instant.to_string();
        assert_eq!(written.parse::<Timestamp>().ok(), Some(instant), "{text:?} becomes {written:?}");
        assert_eq!(TimeBound::from(instant).resolve(now()), Ok(instant), "{text:?}");
    }
    for names in [["since", "until"], ["min_duration", "max_duration"]] {
        let read = RemediationFilter::from_pairs(names.map(|name| (name, text)));
        let _ = read.map(|filter| filter.check(now()));
    }
}
