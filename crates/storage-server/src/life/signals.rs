//! The signals that end the service.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// A request to end, by name and number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EndSignal {
    pub(super) name: &'static str,
    pub(super) number: u8,
}

/// SIGTERM and SIGINT, taken over from the moment this exists.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// # Errors
    /// When the system does not let them be handled.
    pub(super) fn take_over() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// The next one.
    pub(super) async fn next(&mut self) -> EndSignal {
        tokio::select! {
            _ = self.terminate.recv() => EndSignal { name: "SIGTERM", number: 15 },
            _ = self.interrupt.recv() => EndSignal { name: "SIGINT", number: 2 },
        }
    }
}
