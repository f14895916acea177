//! TLS of the API's port, as the settings want it.

use std::sync::Arc;

use super::StartError;
use crate::http::ports::Tls;
use crate::settings::Settings;
use crate::tls::ServerTls;

/// The certificates; `None` when the API is to speak plain HTTP.
pub(super) fn open(settings: &Settings) -> Result<Option<Arc<ServerTls>>, StartError> {
    // That they can be used was checked with the other settings.
    let unusable = |faults: Vec<crate::tls::TlsFault>| {
        StartError::Tls(faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    };
    settings.tls.files().map(ServerTls::open).transpose().map_err(unusable)
}

/// How the API's port speaks it.
pub(super) fn spoken(tls: &Arc<ServerTls>, settings: &Settings) -> Result<Tls, StartError> {
    let config = tls.config().map_err(|error| StartError::Tls(error.to_string()))?;
    Ok(Tls { config, handshake_timeout: settings.tls.handshake_timeout })
}
