//! The log: on standard error, one line an event, the request's ids in each line of a request.

mod json;
mod lines;

use std::fmt;
use std::io::{IsTerminal as _, Stderr};
use std::sync::{Arc, Mutex, PoisonError};

use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::reload;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};
use tracing_subscriber::{EnvFilter, Layer, Registry};

use super::level::LogLevel;
use json::{JsonLines, JsonMembers};
use lines::Lines;
pub(crate) use lines::REQUEST;

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Human,
    /// Human on a terminal, JSON elsewhere.
    Auto,
}

/// Changes the log levels while the process runs. Cheap to clone.
#[derive(Clone)]
pub struct LogControl {
    filter: reload::Handle<EnvFilter, Registry>,
    configured: Arc<LogLevel>,
    current: Arc<Mutex<LogLevel>>,
}

impl fmt::Debug for LogControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogControl").field("current", &self.current().as_str()).finish_non_exhaustive()
    }
}

/// Nothing listens to this control any more: the log belongs to a process that ends.
#[derive(Debug, thiserror::Error)]
#[error("the log level can no longer be changed")]
pub struct LogIsGone(#[source] reload::Error);

impl LogControl {
    /// The filter for a log, and what changes it.
    fn new(level: &str) -> (reload::Layer<EnvFilter, Registry>, Self) {
        let level = LogLevel::parse(level).unwrap_or_default();
        let (layer, filter) = reload::Layer::new(level.filter());
        (layer, Self { filter, configured: Arc::new(level.clone()), current: Arc::new(Mutex::new(level)) })
    }

    /// The levels in force.
    #[must_use]
    pub fn current(&self) -> LogLevel {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The levels of the settings.
    #[must_use]
    pub fn configured(&self) -> &LogLevel {
        &self.configured
    }

    /// Logs by `level` from now on, until the process ends.
    ///
    /// # Errors
    /// When there is no log any more.
    pub fn set(&self, level: LogLevel) -> Result<(), LogIsGone> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        self.filter.reload(level.filter()).map_err(LogIsGone)?;
        *current = level;
        Ok(())
    }
}

/// A control without a log, at level info, for tests.
#[cfg(test)]
pub(crate) fn detached() -> LogControl {
    let (filter, control) = LogControl::new("info");
    // The handle works for as long as its layer is somewhere.
    Box::leak(Box::new(filter));
    control
}

/// Starts logging for this process, panics included, by `level` as [`LogLevel`] reads it, or else by its default.
///
/// # Errors
/// When something else in the process logs already.
pub fn init(format: LogFormat, level: &str) -> Result<LogControl, TryInitError> {
    let (filter, control) = LogControl::new(level);
    let lines = Lines::gathering(std::io::stderr());
    match format {
        LogFormat::Auto if std::io::stderr().is_terminal() => human(filter, lines)?,
        LogFormat::Human => human(filter, lines)?,
        LogFormat::Json | LogFormat::Auto => json(filter, lines).try_init()?,
    }
    // Libraries that do not use tracing. Below this they are not heard anyway, and above it the filter decides.
    log::set_max_level(log::LevelFilter::Info);
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, reason = panic.payload_as_str(), "a task panicked");
    }));
    Ok(control)
}

fn human(filter: impl Layer<Registry> + Send + Sync, lines: Lines<Stderr>) -> Result<(), TryInitError> {
    let lines =
        tracing_subscriber::fmt::layer().with_writer(lines).with_ansi(std::io::stderr().is_terminal());
    tracing_subscriber::registry().with(filter).with(lines).try_init()
}

/// Fields of the event at the top, those of the request under `span`.
fn json<W>(
    filter: impl Layer<Registry> + Send + Sync,
    writer: W,
) -> impl tracing::Subscriber + for<'a> LookupSpan<'a> + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines =
        tracing_subscriber::fmt::layer().event_format(JsonLines).fmt_fields(JsonMembers).with_writer(writer);
    tracing_subscriber::registry().with(filter).with(lines)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use tracing::field::Empty;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::{LogControl, LogLevel, json};
    use crate::telemetry::span;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// BR-STORAGE-018: every line of a request carries its correlation id, whatever the level that is logged.
    #[test]
    fn each_line_is_one_json_object_with_the_ids_of_its_request() {
        let lines = Lines::default();
        let writer = lines.clone();
        let (filter, _control) = LogControl::new("warn");
        tracing::subscriber::with_default(json(filter, move || writer.clone()), || {
            let span = span::of_request("id-1\n{\"x\":1}", "trace-1");
            span.in_scope(|| tracing::warn!(error = "two\nlines", "something happened"));
            span.in_scope(|| tracing::info!("too quiet"));
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["message"], "something happened");
        assert_eq!(line["error"], "two\nlines");
        assert_eq!(line["span"]["correlation_id"], "id-1\n{\"x\":1}");
        assert_eq!(line["span"]["trace_id"], "trace-1");
    }

    /// Readers of the log rely on its form.
    #[test]
    fn lines_are_those_of_the_json_format_of_tracing_subscriber() {
        let (ours, theirs) = (Lines::default(), Lines::default());
        let (our_writer, their_writer) = (ours.clone(), theirs.clone());
        let reference = tracing_subscriber::fmt::layer()
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .with_writer(move || their_writer.clone());
        let (filter, _control) = LogControl::new("trace");
        let both = json(filter, move || our_writer.clone()).with(reference);
        tracing::subscriber::with_default(both, || {
            let text = "\"\\ \u{0} \u{7f} \u{1f980} \r\n";
            tracing::info!("without a span");
            tracing::info!(r#type = text, none = None::<&str>, some = Some(3));
            let span =
                tracing::error_span!("request", correlation_id = text, trace_id = %text, later = Empty);
            let _entered = span.enter();
            tracing::debug!(target: "storage_server::elsewhere", number = -1_i64, large = u128::MAX, share = 0.5, "{text}");
            tracing::warn!(infinite = f64::INFINITY, is_so = true, list = ?[1, 2], "text and {}", 1);
            span.record("later", 7);
            let error: &dyn std::error::Error = &std::io::Error::other("two\nlines");
            tracing::error!(error, "failed");
            let mut of_log = log::Record::builder();
            of_log.level(log::Level::Info).target("storage_server::elsewhere");
            of_log.module_path(Some("elsewhere")).line(Some(1));
            tracing_log::format_trace(&of_log.args(format_args!("{text}")).build()).unwrap();
            let inner = tracing::info_span!("inner");
            tracing::info!(parent: &inner, "in a span without fields");
        });
        let read = |lines: &Lines| -> Vec<serde_json::Value> {
            let bytes = lines.0.lock().unwrap();
            let lines = serde_json::Deserializer::from_slice(&bytes).into_iter();
            let without_time = |mut line: serde_json::Value| {
                line.as_object_mut().unwrap().remove("timestamp").unwrap();
                line
            };
            lines.map(|line| without_time(line.unwrap())).collect()
        };
        let (ours, theirs) = (read(&ours), read(&theirs));
        assert_eq!(ours.len(), 7, "{ours:?}");
        assert_eq!(ours, theirs);
    }

    /// What is asked for while the process runs holds from the next line on, and is taken back.
    #[test]
    fn the_level_changes_while_the_log_is_open() {
        let lines = Lines::default();
        let writer = lines.clone();
        let (filter, control) = LogControl::new("warn");
        let told = |message: &str| String::from_utf8_lossy(&lines.0.lock().unwrap()).contains(message);
        tracing::subscriber::with_default(json(filter, move || writer.clone()), || {
            let say = |message| {
                tracing::debug!(target: "storage_dualwrite::projector", message);
                tracing::debug!(target: "tokio_postgres", "of a library: {message}");
            };
            say("before");
            control.set(LogLevel::parse("warn,storage_dualwrite=debug").unwrap()).unwrap();
            assert_eq!(control.current().as_str(), "warn,storage_dualwrite=debug");
            say("between");
            control.set(LogLevel::parse("trace").unwrap()).unwrap();
            say("everything");
            control.set(control.configured().clone()).unwrap();
            say("after");
        });
        assert_eq!(["before", "between", "everything", "after"].map(told), [false, true, true, false]);
        assert!(!told("of a library"));
    }
}
