//! The permissions that a request needs before it reaches its handler.

use super::Permission;
use crate::problem::Problem;

/// What a request needs.
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
    /// Known callers get no more than this, and strangers not even that.
    Refused(Problem),
}
