//! What came of what was done: whether it worked, and whether that held.

mod advice;
mod counts;
mod history;
mod incidents;
mod judged;
mod query;
mod settle;
#[cfg(test)]
mod tests;
mod threshold;

pub use advice::{ADVICE_WITHIN, Advice, MIN_EVIDENCE};
pub use counts::OutcomeCounts;
pub use history::{Held, History, HistoryQuery, Occurrence, Outcome};
pub use incidents::{ActionOutcome, ActionsQuery};
pub use judged::MAX_JUDGED;
pub use query::{MAX_OUTCOME_COLUMNS, OutcomeGroup, Outcomes, OutcomesQuery};
pub use settle::Settle;
pub use threshold::ThresholdQuery;
