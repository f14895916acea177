//! The door, as the settings want it.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::StartError;
use crate::auth::Gate;
use crate::auth::tokens::TokenFile;
use crate::settings::{AuthMode, Settings};

/// Makes the door and starts what keeps it up to date.
pub(super) fn gate(
    settings: &Settings,
    tasks: &TaskTracker,
    stopping: &CancellationToken,
) -> Result<Arc<Gate>, StartError> {
    let auth = &settings.auth;
    let verifier = match (auth.mode, &auth.tokens_file) {
        (AuthMode::Tokens, Some(path)) => {
            let file = Arc::new(
                TokenFile::open(path).map_err(|error| StartError::Auth(crate::telemetry::chain(&error)))?,
            );
            let (watched, stopping) = (Arc::clone(&file), stopping.clone());
            tasks.spawn(async move { stopping.run_until_cancelled_owned(watched.watch()).await });
            file
        }
        (AuthMode::Tokens, None) => return Err(StartError::Auth("names no file".to_owned())),
        (AuthMode::None, _) => return Ok(Arc::default()),
    };
    Ok(Arc::new(Gate { verifier: Some(verifier) }))
}
