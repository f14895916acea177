//! Counts of incidents: how many succeeded, how many of each kind, how many over time.

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use storage_models::Timestamp;
use storage_query::{AuditFilter as _, Grouping, Interval, RemediationFilter};

use super::{Answer, read_only};
use crate::edge::{CountQuery, Counted};
use crate::parameters::Parameters;
use crate::problem::Problem;
use crate::state::AppState;
use crate::telemetry::request::RequestContext;

/// One of the routes below `/api/v1/incidents/aggregate`.
#[derive(Debug, Clone, Copy)]
enum Aggregate {
    SuccessRate,
    By(Grouping),
    Trend,
}

impl Aggregate {
    const ALL: [(Self, &'static str); 5] = [
        (Self::SuccessRate, "success-rate"),
        (Self::By(Grouping::Namespace), "by-namespace"),
        (Self::By(Grouping::Severity), "by-severity"),
        (Self::By(Grouping::ActionType), "by-action-type"),
        (Self::Trend, "trend"),
    ];

    /// The query that a query string asks for.
    fn query_of(self, text: &str, now: Timestamp) -> Result<CountQuery, Problem> {
        let mut parameters = Parameters::parse(text);
        let counted = match self {
            Self::SuccessRate => Counted::SuccessRate,
            Self::By(grouping) => Counted::Groups(grouping),
            Self::Trend => {
                let interval = parameters.take_parsed("interval").unwrap_or(Interval::Day);
                Counted::Trend { interval, now }
            }
        };
        let filter = parameters.take_filter::<RemediationFilter>();
        let filter = parameters.note_all(filter.check(now));
        parameters.finish()?;
        Ok(CountQuery { filter: filter.unwrap_or_default(), counted })
    }
}

/// `GET /api/v1/incidents/aggregate/…`
pub(super) fn configure(config: &mut ServiceConfig) {
    for (aggregate, name) in Aggregate::ALL {
        let handler = move |request, state, context| answer(aggregate, request, state, context);
        config.service(read_only(&format!("/api/v1/incidents/aggregate/{name}"), handler));
    }
}

async fn answer(
    aggregate: Aggregate,
    request: HttpRequest,
    state: web::Data<AppState>,
    context: web::ReqData<RequestContext>,
) -> Answer {
    let query = aggregate.query_of(request.query_string(), Timestamp::now())?;
    let counts = state.reader.count(query, context.deadline).await?;
    Ok(HttpResponse::Ok().json(counts))
}

#[cfg(test)]
mod tests {
    use storage_models::Timestamp;
    use storage_query::{Grouping, Interval};

    use super::Aggregate;
    use crate::edge::Counted;

    fn now() -> Timestamp {
        "2026-06-01T00:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_trend_is_per_day_unless_it_says_otherwise() {
        for (query, interval) in [
            ("", Interval::Day),
            ("interval=hour&since=7d&namespace=a", Interval::Hour),
            ("interval=day", Interval::Day),
            ("interval=week", Interval::Week),
        ] {
            let counted = Aggregate::Trend.query_of(query, now()).unwrap().counted;
            assert_eq!(counted, Counted::Trend { interval, now: now() }, "{query}");
        }
    }

    /// F19, F20: aggregates have the filters of lists, and neither their pages nor their order.
    #[test]
    fn what_cannot_be_used_is_named() {
        for (aggregate, query, expected) in [
            (Aggregate::SuccessRate, "severity=high&min_duration=1s&metadata.team=a&until=1h", ""),
            (Aggregate::SuccessRate, "interval=day", "interval is not a parameter here"),
            (Aggregate::By(Grouping::Severity), "limit=1", "limit is not a parameter here"),
            (Aggregate::By(Grouping::Severity), "group_by=phase", "group_by is not a parameter here"),
            (Aggregate::Trend, "interval=month", "interval must be one of hour, day, week"),
            (Aggregate::Trend, "interval=day&interval=day", "interval is given more than once"),
            (
                Aggregate::Trend,
                "sort=start_time&cursor=a",
                "sort is not a parameter here; cursor is not a parameter here",
            ),
        ] {
            let problem = aggregate.query_of(query, now()).err();
            let messages = problem.iter().flat_map(|it| it.violations()).map(|it| it.message.clone());
            assert_eq!(messages.collect::<Vec<_>>().join("; "), expected, "{query}");
        }
    }
}
