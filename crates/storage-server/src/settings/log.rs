//! What is logged, and how.

use super::fault::Faults;
use super::section::section;
use super::value::Setting;
use crate::telemetry::LogLevel;
use crate::telemetry::log::LogFormat;

section! {
    /// The log, on standard error.
    LogSettings = "log" {
        /// `json` is one object a line; `human` is for reading; `auto` is human on a terminal and json elsewhere.
        format: LogFormat = "auto",
        /// The least level that is logged: error, warn, info, debug or trace; also by target, as in
        /// `info,storage_dualwrite=debug`. Below info the service speaks of itself alone, since libraries would log values
        /// and headers there. Can be changed while the service runs: `PUT /api/v1/admin/log-level`.
        level: String = "info",
    }
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
        if let Err(fault) = LogLevel::parse(&self.level) {
            faults.push("log.level", fault.to_string());
        }
    }
}
