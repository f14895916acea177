//! How many places there are of what is scarce, and how long is waited for one.

use std::time::Duration;

use crate::settings::Settings;
use crate::store::fair_semaphore::Limits;

/// For connections that requests read through. A caller with less than a share gets the next one, which is free at the
/// latest when its statement times out.
pub(super) const fn of_reads(settings: &Settings) -> Limits {
    Limits {
        places: settings.database.read_connections,
        waiting: settings.limits.requests,
        patience: settings.database.acquire_timeout,
        more_patience: settings.database.statement_timeout,
    }
}

/// In which an export that has ended gives its place back.
const MOMENT: Duration = Duration::from_secs(1);

/// For exports, which may last: a client is told soon that there are enough, and for one who has less than a share the
/// newest of one who has more is cut.
pub(super) const fn of_exports(settings: &Settings) -> Limits {
    Limits {
        places: settings.export.connections,
        waiting: settings.limits.requests,
        patience: MOMENT,
        more_patience: settings.database.acquire_timeout,
    }
}
