//! What limits a scenario that misses a goal. A fresh run keeps these sentences; a change that removes a limit changes
//! them.

/// The scenario, and what a profile of it has shown.
const LIMITS: &[(&str, &str)] = &[];

/// The sentences for a scenario.
pub(super) fn of(scenario: &str) -> Option<&'static str> {
    LIMITS.iter().find(|(name, _)| *name == scenario).map(|(_, limit)| *limit)
}
