//! Standard error, as the log writes to it.
//!
//! The lines of requests, one each, are gathered for a moment and written together: for each alone, the system call takes
//! as long as its text. Every other line is written at once, after those that came before it; so is the line with which a
//! service ends. A process that is killed loses what it has gathered. (`tracing-appender` wakes its thread for each line, and
//! keeps back warnings too.)

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// The log target of the lines of requests. Operators have it in their settings, so it stays if the code moves.
pub(crate) const REQUEST: &str = "storage_server::telemetry::request";

/// How long the line of a request waits for others.
const PATIENCE: Duration = Duration::from_millis(50);

/// Bytes at which gathered lines wait no longer.
const FULL: usize = 64 * 1024;

/// Writes lines to `W`.
pub(super) struct Lines<W> {
    shared: Arc<Shared<W>>,
    /// Whether there is a thread that writes what was gathered.
    gathers: bool,
}

struct Shared<W> {
    gathered: Mutex<Gathered<W>>,
    has_begun: Condvar,
}

struct Gathered<W> {
    lines: Vec<u8>,
    output: W,
}

/// A line on its way.
pub(super) struct Line<'a, W> {
    shared: &'a Shared<W>,
    may_wait: bool,
}

impl<W: Write + Send + 'static> Lines<W> {
    /// Writes to `output`, the lines of requests on a thread of its own. Without that thread no line waits.
    pub(super) fn gathering(output: W) -> Self {
        let gathered = Mutex::new(Gathered { lines: Vec::new(), output });
        let shared = Arc::new(Shared { gathered, has_begun: Condvar::new() });
        let write = {
            let shared = Arc::clone(&shared);
            move || shared.write_forever()
        };
        let gathers = thread::Builder::new().name("log".to_owned()).spawn(write).is_ok();
        Self { shared, gathers }
    }
}

impl<W: Write> Shared<W> {
    fn write_forever(&self) {
        loop {
            let begun = self
                .has_begun
                .wait_while(self.gathered(), |it| it.lines.is_empty())
                .unwrap_or_else(PoisonError::into_inner);
            let (mut gathered, _) = self
                .has_begun
                .wait_timeout_while(begun, PATIENCE, |it| !it.lines.is_empty())
                .unwrap_or_else(PoisonError::into_inner);
            gathered.write();
        }
    }

    fn gathered(&self) -> MutexGuard<'_, Gathered<W>> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<W: Write> Gathered<W> {
    /// A line that standard error does not take has no other way.
    fn write(&mut self) {
        let _lost = self.output.write_all(&self.lines);
        self.lines.clear();
    }
}

impl<'a, W: Write + Send + 'static> MakeWriter<'a> for Lines<W> {
    type Writer = Line<'a, W>;

    fn make_writer(&'a self) -> Line<'a, W> {
        Line { shared: &self.shared, may_wait: false }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Line<'a, W> {
        let may_wait = self.gathers && metadata.target() == REQUEST && *metadata.level() == Level::INFO;
        Line { may_wait, ..self.make_writer() }
    }
}

impl<W: Write> Write for Line<'_, W> {
    /// `bytes` are a whole line.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut gathered = self.shared.gathered();
        let is_first = gathered.lines.is_empty();
        gathered.lines.extend_from_slice(bytes);
        if !self.may_wait || gathered.lines.len() >= FULL {
            gathered.write();
        } else if is_first {
            self.shared.has_begun.notify_one();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::mpsc::{Receiver, Sender, channel};

    use tracing_subscriber::layer::SubscriberExt as _;

    use super::{FULL, Lines, REQUEST};

    /// Hands over what is written to it.
    struct Output(Sender<Vec<u8>>);

    impl Write for Output {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.send(bytes.to_vec()).map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is written of the lines that `log` logs.
    fn written(log: impl FnOnce()) -> Receiver<Vec<u8>> {
        let (sender, receiver) = channel();
        let layer = tracing_subscriber::fmt::layer().with_writer(Lines::gathering(Output(sender)));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
        receiver
    }

    fn next(receiver: &Receiver<Vec<u8>>) -> String {
        String::from_utf8(receiver.recv().unwrap()).unwrap()
    }

    #[test]
    fn the_line_of_a_request_is_written_although_none_follows() {
        let output = written(|| tracing::info!(target: REQUEST, "served"));
        assert!(next(&output).contains("served"));
    }

    #[test]
    fn a_line_that_does_not_wait_comes_after_those_that_do() {
        let output = written(|| {
            tracing::info!(target: REQUEST, "first");
            tracing::info!(target: REQUEST, "second");
            tracing::warn!(target: REQUEST, "third");
        });
        let mut text = String::new();
        while !text.contains("third") {
            text.push_str(&next(&output));
        }
        let places = ["first", "second", "third"].map(|line| text.find(line));
        assert!(places.is_sorted() && places.iter().all(Option::is_some), "{text}");
    }

    #[test]
    fn a_long_line_does_not_wait() {
        let long = "x".repeat(FULL);
        let output = written(|| tracing::info!(target: REQUEST, long));
        assert!(output.try_recv().is_ok());
    }
}
