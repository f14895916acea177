//! TLS of the API's port, as the settings want it.

use std::sync::Arc;

use super::StartError;
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
