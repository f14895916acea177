//! The bounds of a stop that no setting changes.

use std::time::Duration;

/// What the whole stop may take.
pub(super) const STOP_BUDGET: Duration = Duration::from_secs(25);

/// How much longer than its bound the stop of a port may take: actix looks once a second whether connections are left.
pub(crate) const STOP_MARGIN: Duration = Duration::from_secs(1);

/// How long the tasks beside the requests may take to end.
pub(crate) const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
