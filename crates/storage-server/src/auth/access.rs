//! What a request must have before it reaches its handler.

use super::Permission;
use crate::problem::Problem;

/// What a request must have.
#[derive(Debug)]
pub(crate) enum Access {
    /// Nothing; limits do not count it either.
    Open,
    /// Nothing but that its address has not asked for too much.
    Page,
    /// Nothing but that its address has not asked for too many files.
    File,
    /// A caller that is known, whatever it may do.
    Known,
    /// A caller with this permission.
    Needs(Permission),
    /// Nobody gets more than this, and strangers not even that.
    Refused(Problem),
}
