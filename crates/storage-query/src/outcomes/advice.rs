//! What to do about an incident, from what was done about incidents like it.

use diesel_async::AsyncPgConnection;

use super::incidents::{ActionOutcome, ActionsQuery};
use crate::QueryError;

/// With how many finished records an action may be ranked, at least.
pub const MIN_EVIDENCE: i64 = 5;

/// How old the records are on which advice rests, at most, unless something else is asked for: 180 days.
pub const ADVICE_WITHIN: chrono::TimeDelta = chrono::TimeDelta::days(180);

/// What was tried, by what it shows.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Advice {
    /// Actions with enough finished records of which a success held. What holds most surely comes first, then what was done
    /// last.
    pub ranked: Vec<ActionOutcome>,
    /// Actions that were tried and of which no success held.
    pub refuted: Vec<ActionOutcome>,
    /// Actions with too few finished records to say.
    pub insufficient: Vec<ActionOutcome>,
}

impl Advice {
    /// Asks what was done about the incidents of a query, all taken together.
    ///
    /// # Errors
    /// [`QueryError::Database`].
    pub async fn ask(query: ActionsQuery, conn: &mut AsyncPgConnection) -> Result<Self, QueryError> {
        Ok(Self::of(query.together().run(conn).await?))
    }

    /// Sorts out the actions of incidents that were taken together, in the order in which [`ActionsQuery`] gives them.
    #[must_use]
    pub fn of(actions: Vec<ActionOutcome>) -> Self {
        let mut advice = Self::default();
        for action in actions {
            let counts = &action.counts;
            let is_refuted = counts.held == 0 && counts.failed + counts.unknown + counts.recurred > 0;
            let of_its_kind = if is_refuted {
                &mut advice.refuted
            } else if counts.total >= MIN_EVIDENCE && counts.held > 0 {
                &mut advice.ranked
            } else {
                &mut advice.insufficient
            };
            of_its_kind.push(action);
        }
        advice
    }

    /// Whether there is nothing to advise.
    #[must_use]
    pub const fn is_insufficient(&self) -> bool {
        self.ranked.is_empty()
    }
}
