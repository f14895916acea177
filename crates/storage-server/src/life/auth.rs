//! The door, as the settings want it.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{StartError, tasks};
use crate::auth::kubernetes::{KubernetesVerifier, connect};
use crate::auth::tokens::TokenFile;
use crate::auth::{AccessGuard, Proxies, Rates, TokenVerifier};
use crate::settings::{AuthMode, Settings};
use crate::telemetry::chain;

/// Who tells whose a token is.
pub(super) enum Verifier {
    /// Callers are not known.
    None,
    File(Arc<TokenFile>),
    Cluster(Arc<KubernetesVerifier>),
}

/// Makes it, without a request to the cluster: the API server may come later.
pub(super) async fn verifier(settings: &Settings) -> Result<Verifier, StartError> {
    match settings.auth.mode {
        AuthMode::None => Ok(Verifier::None),
        AuthMode::Tokens => {
            // That there is one was checked with the other settings.
            let path = settings.auth.tokens_file.clone().unwrap_or_default();
            let unusable = |error| StartError::Auth(format!("auth.tokens_file {}", chain(&error)));
            Ok(Verifier::File(Arc::new(TokenFile::open(&path).map_err(unusable)?)))
        }
        AuthMode::Kubernetes => {
            let section = &settings.kubernetes;
            let connected = connect(section.kubeconfig.as_deref(), section.timeout).await;
            let (client, namespace) = connected.map_err(|error| StartError::Auth(chain(&error)))?;
            let verifier = KubernetesVerifier::new(client, section.to_verifier(namespace));
            Ok(Verifier::Cluster(Arc::new(verifier)))
        }
    }
}

/// Files of the explorer that an address may ask for in the long run: it opens the page twice a second.
const FILES_A_SECOND: u32 = 24;

/// Files of the explorer that an address may ask for at once: behind it twenty people open the page.
const FILES_AT_ONCE: u32 = 240;

/// Makes the door and starts what keeps it up to date.
pub(super) fn guard(
    verifier: Verifier,
    settings: &Settings,
    tasks: &TaskTracker,
    stopping: &CancellationToken,
) -> Arc<AccessGuard> {
    let limits = &settings.limits;
    let verifier: Option<Arc<dyn TokenVerifier>> = match verifier {
        Verifier::None => None,
        Verifier::File(file) => {
            let watched = Arc::clone(&file);
            tasks::spawn(tasks, stopping, "token_file", move || Arc::clone(&watched).watch());
            Some(file)
        }
        Verifier::Cluster(cluster) => Some(cluster),
    };
    Arc::new(AccessGuard {
        verifier,
        places: Arc::new(Semaphore::new(limits.requests)),
        callers: Rates::new(limits.caller_rate, limits.caller_burst),
        strangers: Rates::new(limits.stranger_rate, limits.stranger_burst),
        files: Rates::new(FILES_A_SECOND, FILES_AT_ONCE),
        proxies: Proxies {
            trusted: settings.server.trusted_proxies.0.clone(),
            header: settings.server.forwarded_header,
        },
    })
}
