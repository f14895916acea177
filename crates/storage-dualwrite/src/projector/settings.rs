//! How the projector works, and by default.

use std::time::Duration;

/// How the projector works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectorSettings {
    /// Workers, each with a connection of its own. Those after the first help when more waits than one may claim, and
    /// keep away while writes wait for PostgreSQL.
    pub workers: usize,
    /// Rows claimed at once, at most: a worker begins with few and takes as many as it settles in a tenth of a second.
    pub batch: i64,
    /// How many percent of its time the first worker works while writes wait for PostgreSQL, 1 to 100. The rest it leaves to
    /// them, and catches up afterwards.
    pub percent_beside_writes: u32,
    /// How long a claim lasts: longer than a batch takes, since a claim that ends early is done twice. Rows that a
    /// killed process held wait this long.
    pub lease: Duration,
    /// How often to look for work when nothing wakes the projector. The guarantee; being woken is the fast path.
    pub poll: Duration,
    /// How often a record may fail for its own reasons before it is parked.
    pub attempts: i32,
    /// The wait after a record's first failure; doubles with each.
    pub retry_delay: Duration,
    /// The pause after PostgreSQL or the embedder failed, unless it named one.
    pub outage_pause: Duration,
    /// How long one step in the database may take before its connection is given up.
    pub step_timeout: Duration,
    /// The shortest time between two walks through the whole outbox, which find rows that lie behind what a worker has
    /// seen. Under a held snapshot they are long, and made in pieces.
    pub sweep_pause: Duration,
}

impl Default for ProjectorSettings {
    fn default() -> Self {
        Self {
            workers: 2,
            batch: 256,
            percent_beside_writes: 25,
            lease: Duration::from_secs(30),
            poll: Duration::from_secs(1),
            attempts: 5,
            retry_delay: Duration::from_secs(1),
            outage_pause: Duration::from_secs(2),
            step_timeout: Duration::from_secs(7),
            sweep_pause: Duration::from_secs(5),
        }
    }
}
