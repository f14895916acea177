//! Names in expressions of PromQL. Whether an expression can be read at all is promtool's to say.

use super::facts::Facts;

/// Labels that Prometheus adds, or that buckets have.
const COMMON: [&str; 4] = ["instance", "job", "le", "pod"];

/// The series and labels in `expression` that no metric of the service has.
pub(super) fn unknown(expression: &str, facts: &Facts) -> Vec<String> {
    let mut faults = Vec::new();
    let mut rest = expression;
    while let Some((_, behind)) = rest.split_once("datastorage_") {
        let end = behind.find(|it: char| !(it.is_ascii_alphanumeric() || it == '_')).unwrap_or(behind.len());
        let (name, after) = behind.split_at(end);
        rest = after;
        let series = format!("datastorage_{name}");
        let Some(metric) = facts.metric_of(&series) else {
            faults.push(format!("{series} is no series of a metric in docs/metrics.md"));
            continue;
        };
        let matchers = after.strip_prefix('{').and_then(|it| it.split_once('}')).map_or("", |(it, _)| it);
        let labels = facts.metrics.get(metric);
        let unknown = matched(matchers)
            .filter(|it| !COMMON.contains(it) && !labels.is_some_and(|labels| labels.contains(*it)));
        faults.extend(unknown.map(|it| format!("{metric} has no label {it}")));
    }
    for group in ["by (", "by(", "without ("].iter().flat_map(|it| expression.split(it).skip(1)) {
        let names = group.split_once(')').map_or("", |(names, _)| names).split(',').map(str::trim);
        let is_known =
            |it: &str| COMMON.contains(&it) || facts.metrics.values().any(|labels| labels.contains(it));
        faults.extend(names.filter(|it| !is_known(it)).map(|it| format!("no metric has the label {it}")));
    }
    faults
}

/// The labels that `matchers` name. Values hold no comma and no equals sign.
fn matched(matchers: &str) -> impl Iterator<Item = &str> {
    let each = matchers.split(',').filter_map(|it| it.split_once(['=', '!'])).map(|(name, _)| name.trim());
    each.filter(|it| !it.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_and_labels_of_metrics_pass() {
        let expression = "sum by (table, le) (rate(datastorage_write_total{job=\"one\", status!=\"failure\"}[5m])) \
                          / rate(datastorage_lag_seconds_count[5m])";
        assert_eq!(unknown(expression, &Facts::example()), Vec::<String>::new());
    }

    #[test]
    fn others_are_named() {
        let expressions = [
            (
                "datastorage_lag_seconds",
                "datastorage_lag_seconds is no series of a metric in docs/metrics.md",
            ),
            (
                "rate(datastorage_write_total{state=\"failure\"}[5m])",
                "datastorage_write_total has no label state",
            ),
            ("sum by (tabel) (datastorage_write_total)", "no metric has the label tabel"),
        ];
        for (expression, expected) in expressions {
            assert_eq!(unknown(expression, &Facts::example()), [expected], "{expression}");
        }
    }
}
