//! The door, as the settings want it.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::StartError;
use crate::auth::tokens::TokenFile;
use crate::auth::{Gate, Rates, TokenVerifier};
use crate::settings::{AuthMode, Settings};
use crate::telemetry::chain;

/// Makes the door and starts what keeps it up to date.
pub(super) fn gate(
    settings: &Settings,
    tasks: &TaskTracker,
    stopping: &CancellationToken,
) -> Result<Arc<Gate>, StartError> {
    let limits = &settings.limits;
    Ok(Arc::new(Gate {
        verifier: verifier(settings, tasks, stopping)?,
        places: Arc::new(Semaphore::new(limits.requests)),
        callers: Rates::new(limits.caller_rate, limits.caller_burst),
        strangers: Rates::new(limits.stranger_rate, limits.stranger_burst),
        proxies: settings.server.trusted_proxies.0.clone(),
    }))
}

fn verifier(
    settings: &Settings,
    tasks: &TaskTracker,
    stopping: &CancellationToken,
) -> Result<Option<Arc<dyn TokenVerifier>>, StartError> {
    let auth = &settings.auth;
    match (auth.mode, &auth.tokens_file) {
        (AuthMode::None, _) => Ok(None),
        (AuthMode::Tokens, None) => Err(StartError::Auth("auth.tokens_file names no file".to_owned())),
        (AuthMode::Tokens, Some(path)) => {
            let file = TokenFile::open(path)
                .map_err(|error| StartError::Auth(format!("auth.tokens_file {}", chain(&error))))?;
            let file = Arc::new(file);
            let (watched, stopping) = (Arc::clone(&file), stopping.clone());
            tasks.spawn(async move { stopping.run_until_cancelled_owned(watched.watch()).await });
            Ok(Some(file))
        }
    }
}
