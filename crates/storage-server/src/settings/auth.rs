//! Who may do what.

use std::path::PathBuf;

use super::fault::Faults;
use super::section::section;
use super::value::Setting;
use crate::auth::tokens::TokenFile;
use crate::telemetry::chain;

section! {
    /// How callers are known, and what they may do.
    AuthSettings = "auth" {
        /// `none` lets everybody do everything, and then `server.addr` must be a loopback address; `tokens` knows the
        /// tokens of a file; `kubernetes` has the API server check the tokens of service accounts.
        mode: AuthMode = "none",
        /// For mode `tokens`: a file with one token a line, as `datastorage token new` prints it: name, hash, permissions.
        /// Changes count within two seconds; while it cannot be read or has a wrong line, what was read before stays.
        tokens_file: Option<PathBuf> = "",
    }
}

/// How callers are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthMode {
    /// Not at all.
    None,
    /// By the tokens of a file.
    Tokens,
    /// By their service accounts in Kubernetes.
    Kubernetes,
}

impl Setting for AuthMode {
    const FORM: &'static str = "none, tokens or kubernetes";

    fn parse(text: &str) -> Option<Self> {
        match text {
            "none" => Some(Self::None),
            "tokens" => Some(Self::Tokens),
            "kubernetes" => Some(Self::Kubernetes),
            _ => None,
        }
    }
}

impl AuthSettings {
    pub(super) fn check(&self, faults: &mut Faults) {
        if self.mode != AuthMode::Tokens {
            return;
        }
        match &self.tokens_file {
            None => faults.push("auth.tokens_file", "must name a file of tokens when auth.mode is tokens"),
            Some(path) => {
                if let Err(error) = TokenFile::open(path) {
                    faults.push("auth.tokens_file", chain(&error));
                }
            }
        }
    }
}
