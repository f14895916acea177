//! Where the replicas' logs are kept, and lines that they must not have.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::progress::say;

/// Errors that the faults of a run bring about, by the beginning of their message.
const EXPECTED: &[&str] =
    &["PostgreSQL does not answer", "PostgreSQL is unavailable", "the service did not start"];

/// A new directory for the logs of this run.
pub(super) fn directory(run: &str) -> Result<PathBuf> {
    let dir = Path::new(".dev/soak").join(format!("{run}-{}", std::process::id()));
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
    Ok(dir)
}

/// Logs are kept when something was wrong.
pub(super) fn finish(is_well: bool, logs: &Path) -> Result<ExitCode> {
    if is_well {
        std::fs::remove_dir_all(logs).with_context(|| format!("cannot remove {}", logs.display()))?;
        return Ok(ExitCode::SUCCESS);
    }
    say(&format!("a check failed; see the logs in {}", logs.display()));
    Ok(ExitCode::FAILURE)
}

/// Lines of a log with a panic, or with an error that no fault explains.
pub(super) fn suspicious(log: &str) -> Vec<String> {
    log.lines().filter(|line| is_suspicious(line)).map(str::to_owned).collect()
}

fn is_suspicious(line: &str) -> bool {
    if line.contains("panicked") {
        return true;
    }
    // A line that is not JSON is not from the service's logger: it is from a crash, or cut short by a kill.
    let Ok(entry) = serde_json::from_str::<Value>(line) else { return line.contains("ERROR") };
    let word = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let message = word(entry.get("message").or_else(|| entry.pointer("/fields/message")));
    word(entry.get("level")) == "ERROR" && !EXPECTED.iter().any(|expected| message.starts_with(expected))
}

#[cfg(test)]
mod tests {
    //! Tests of what is suspicious.

    use super::suspicious;

    #[test]
    fn panics_and_unexplained_errors_are_suspicious() {
        let lines = [
            (r#"{"level":"INFO","message":"ready"}"#, false),
            (r#"{"level":"WARN","message":"Redis does not answer"}"#, false),
            (
                r#"{"level":"ERROR","message":"PostgreSQL is unavailable; writes are refused until it is available again"}"#,
                false,
            ),
            (r#"{"level":"ERROR","message":"a request failed"}"#, true),
            (r#"{"level":"ERROR","message":"a task panicked"}"#, true),
            ("thread 'main' panicked at src/main.rs:1:1:", true),
            (r#"{"level":"INFO","mess"#, false),
        ];
        for (line, expected) in lines {
            assert_eq!(!suspicious(line).is_empty(), expected, "{line}");
        }
    }
}
