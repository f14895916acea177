//! What is logged, and how.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

use super::fault::Faults;
use super::section::section;
use super::value::Setting;

section! {
    /// The log, on standard error.
    LogSettings = "log" {
        /// `json` is one object a line; `human` is for reading; `auto` is human on a terminal and json elsewhere.
        format: LogFormat = "auto",
        /// The least level that is logged: error, warn, info, debug or trace; also by target, as in
        /// `info,storage_dualwrite=debug`.
        level: String = "info",
    }
}

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

impl Setting for LogFormat {
    const FORM: &'static str = "json, human or auto";

    fn parse(text: &str) -> Option<Self> {
        match text {
            "json" => Some(Self::Json),
            "human" => Some(Self::Human),
            "auto" => Some(Self::Auto),
            _ => None,
        }
    }
}

impl LogSettings {
    pub(super) fn check(&self, faults: &mut Faults) {
        let parts_fit = self.level.split(',').all(is_level_or_target);
        if !parts_fit || EnvFilter::builder().parse(&self.level).is_err() {
            let level = &self.level;
            faults.push(
                "log.level",
                format!(
                    "must be off, error, warn, info, debug or trace, alone or as target=level, not `{level}`"
                ),
            );
        }
    }
}

/// The filter itself takes a misspelt level for the name of a target, and then logs nothing.
fn is_level_or_target(part: &str) -> bool {
    let level = part.rsplit_once('=').map_or(part, |(_, level)| level);
    let is_number = level.bytes().all(|byte| byte.is_ascii_digit());
    !is_number && level.trim().parse::<LevelFilter>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::is_level_or_target;

    #[test]
    fn a_misspelt_level_is_not_a_target() {
        for (part, fits) in [
            ("info", true),
            ("off", true),
            ("storage_dualwrite=debug", true),
            ("inof", false),
            ("storage_dualwrite", false),
            ("a=b", false),
            ("3", false),
            ("", false),
        ] {
            assert_eq!(is_level_or_target(part), fits, "{part}");
        }
    }
}
