//! Log levels by target, and their limits.

use std::fmt;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

/// Targets of this workspace begin so.
const OWN: [&str; 2] = ["storage_", "datastorage"];

/// The fixed first part: actix logs each thread at level info.
const QUIET: &str = "actix_server=warn";

/// Levels by target, checked: `info,storage_dualwrite=debug`.
///
/// Below info only this service's own crates are heard, whatever is asked for. Libraries log there what must be in no
/// log: statements with the values bound to them, headers with tokens in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLevel {
    text: String,
    directives: String,
}

/// Why a text says no levels.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LevelFault {
    /// A part is neither a level nor a target with one.
    #[error(
        "must be off, error, warn, info, debug or trace, alone or as target=level, with commas between them, not `{0}`"
    )]
    NotALevel(String),
    /// A library below info.
    #[error(
        "`{target}` cannot be logged at {level}: below info only targets that begin with storage_ or datastorage are \
         logged, because libraries log values and headers there"
    )]
    Library {
        /// Its target.
        target: String,
        /// The requested levels.
        level: LevelFilter,
    },
}

impl LogLevel {
    /// Reads levels.
    ///
    /// # Errors
    /// The first part that cannot be used.
    pub fn parse(text: &str) -> Result<Self, LevelFault> {
        let directives = text.split(',').map(directives).collect::<Result<Vec<_>, _>>()?;
        let level = Self { text: text.to_owned(), directives: directives.join(",") };
        // Mistakes that the filter itself would ignore silently.
        let parsed = EnvFilter::builder().parse(&level.directives);
        parsed.map_err(|_unreadable| LevelFault::NotALevel(text.to_owned()))?;
        Ok(level)
    }

    /// The filter for the requested levels.
    pub(crate) fn filter(&self) -> EnvFilter {
        EnvFilter::builder().parse_lossy(format!("{QUIET},{}", self.directives))
    }

    /// As it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl Default for LogLevel {
    /// `info`.
    fn default() -> Self {
        Self { text: "info".to_owned(), directives: "info".to_owned() }
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// One part, bounded, as directives of the filter.
fn directives(part: &str) -> Result<String, LevelFault> {
    let refused = || LevelFault::NotALevel(part.to_owned());
    let part = part.trim();
    let (target, level) = part.rsplit_once('=').map_or((None, part), |(target, level)| (Some(target), level));
    let level = level_of(level).ok_or_else(refused)?;
    let is_detailed = level > LevelFilter::INFO;
    match target {
        None if is_detailed => {
            Ok(OWN.iter().fold("info".to_owned(), |all, own| format!("{all},{own}={level}")))
        }
        None => Ok(level.to_string()),
        Some(target) if !is_target(target) => Err(refused()),
        Some(target) if is_detailed && !OWN.iter().any(|own| target.starts_with(own)) => {
            Err(LevelFault::Library { target: target.to_owned(), level })
        }
        Some(target) => Ok(format!("{target}={level}")),
    }
}

/// The filter also accepts numbers as levels; operators do not use them.
fn level_of(text: &str) -> Option<LevelFilter> {
    let is_word = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphabetic());
    text.parse().ok().filter(|_| is_word)
}

/// The path of a module. What else the filter knows, spans and fields, would let libraries through.
fn is_target(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':'))
}

#[cfg(test)]
mod tests {
    use super::LogLevel;

    #[test]
    fn a_misspelt_level_is_not_a_target() {
        for (text, fits) in [
            ("info", true),
            ("OFF", true),
            ("info,storage_dualwrite=debug", true),
            ("warn, hyper=error", true),
            ("inof", false),
            ("storage_dualwrite", false),
            ("a=b", false),
            ("storage_server=", false),
            ("=debug", false),
            ("[request]=debug", false),
            ("storage_server[request{caller=x}]=trace", false),
            ("3", false),
            ("storage_server=5", false),
            ("info,", false),
            ("", false),
        ] {
            assert_eq!(LogLevel::parse(text).is_ok(), fits, "{text}");
        }
    }

    /// Libraries are never heard below info: neither by asking for them nor by asking for everything.
    #[test]
    fn libraries_are_bounded_at_info() {
        for text in ["hyper=debug", "info,tokio_postgres=trace", "s=trace", "storage=debug", "data=debug"] {
            let fault = LogLevel::parse(text).unwrap_err().to_string();
            assert!(fault.contains("libraries"), "{fault}");
        }
        let all = LogLevel::parse("trace").unwrap();
        assert_eq!(all.directives, "info,storage_=trace,datastorage=trace");
        assert_eq!(all.as_str(), "trace");
    }
}
