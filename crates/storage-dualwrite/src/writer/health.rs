//! Which writers have a connection.

use std::sync::atomic::{AtomicBool, Ordering};

/// Whether PostgreSQL answered each writer when it last asked; optimistic before the first time.
#[derive(Debug)]
pub(super) struct Health {
    away: Box<[AtomicBool]>,
}

impl Health {
    /// For this number of writers.
    pub(super) fn of(writers: usize) -> Self {
        Self { away: (0..writers).map(|_| AtomicBool::new(false)).collect() }
    }

    /// Whether any writer can write.
    pub(super) fn is_up(&self) -> bool {
        self.away.iter().any(|away| !away.load(Ordering::Acquire))
    }

    /// Notes whether PostgreSQL has answered a writer. Returns whether the state of all writers has changed.
    pub(super) fn note(&self, writer: usize, up: bool) -> bool {
        let was_up = self.is_up();
        if let Some(away) = self.away.get(writer) {
            away.store(!up, Ordering::Release);
        }
        was_up != self.is_up()
    }
}

#[cfg(test)]
mod tests {
    use super::Health;

    /// F55: the service is up while one writer is, whichever was the last to speak.
    #[test]
    fn one_writer_that_can_write_is_enough() {
        let health = Health::of(2);
        assert!(health.is_up());
        assert!(!health.note(0, false) && health.is_up());
        assert!(!health.note(1, true) && health.is_up());
        assert!(health.note(1, false) && !health.is_up());
        assert!(health.note(0, true) && health.is_up());
    }
}
