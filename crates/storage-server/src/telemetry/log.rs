//! The log: on standard error, one line an event, the request's ids in each line of a request.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

use crate::settings::{LogFormat, LogSettings};

/// Starts logging for this process, panics included.
///
/// # Errors
/// When something else in the process logs already.
pub fn init(settings: &LogSettings) -> Result<(), TryInitError> {
    match settings.format {
        LogFormat::Human => human(settings)?,
        LogFormat::Auto if std::io::stderr().is_terminal() => human(settings)?,
        LogFormat::Json | LogFormat::Auto => json(settings, std::io::stderr).try_init()?,
    }
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, reason = panic.payload_as_str(), "a task panicked");
    }));
    Ok(())
}

fn human(settings: &LogSettings) -> Result<(), TryInitError> {
    tracing_subscriber::fmt()
        .with_env_filter(filter(settings))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .finish()
        .try_init()
}

/// Fields of the event at the top, those of the request under `span`.
fn json<W>(settings: &LogSettings, writer: W) -> impl tracing::Subscriber + Send + Sync + use<W>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_env_filter(filter(settings))
        .with_writer(writer)
        .finish()
}

/// The level was checked with the other settings. actix tells of each thread at level info; a setting for it comes
/// later in the filter and wins.
fn filter(settings: &LogSettings) -> EnvFilter {
    EnvFilter::builder().parse_lossy(format!("actix_server=warn,{}", settings.level))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::json;
    use crate::settings::{LogFormat, LogSettings};

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
        let settings = LogSettings { format: LogFormat::Json, level: "warn".to_owned() };
        tracing::subscriber::with_default(json(&settings, move || writer.clone()), || {
            let span = crate::telemetry::request::span("id-1\n{\"x\":1}", "trace-1");
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
}
