//! How much one run may delete.

/// Deletions that are never too many.
const ALWAYS: u64 = 1_000;

/// The run would delete so many points that the database (empty, restored, another one) is more likely wrong than the
/// index (F36).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{deletions} of {points} points have no record of the same version, and a run may delete at most {allowed}; \
     {unremembered} differences exceed what a run can check twice. Nothing was deleted. If the database is the right \
     one and complete, run `datastorage reconcile --force`"
)]
pub struct TooManyDeletions {
    /// Points that the run would have deleted, those among the differences that it does not remember included.
    pub deletions: u64,
    /// Points in the index.
    pub points: u64,
    /// The number of points that it may delete.
    pub allowed: u64,
    /// Differences that it found and has no room to remember.
    pub unremembered: u64,
}

/// Checks that a run may delete this number of points: at most 1,000, or one in a hundred if that is more. If it found
/// more differences than it can remember, it may delete none, because no second pass has confirmed them.
///
/// # Errors
/// [`TooManyDeletions`].
pub fn check_deletions(deletions: u64, points: u64, unremembered: u64) -> Result<(), TooManyDeletions> {
    let allowed = if unremembered > 0 { 0 } else { ALWAYS.max(points / 100) };
    if deletions > allowed {
        return Err(TooManyDeletions { deletions, points, allowed, unremembered });
    }
    Ok(())
}
