//! Where the server is and the key to it, made of the settings.

use secrecy::ExposeSecret as _;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};
use tonic::{Request, Status};

use super::settings::{COLLECTION_NAME_MAX, QdrantSettings, QdrantSettingsError};

impl QdrantSettings {
    /// Whether an index can be made of them. Connects to nothing and needs no runtime.
    ///
    /// # Errors
    /// The first thing that cannot be right.
    pub fn check(&self) -> Result<(), QdrantSettingsError> {
        let name = &self.collection;
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || name.len() > COLLECTION_NAME_MAX || !name.chars().all(allowed) {
            return Err(QdrantSettingsError::Collection { name: name.clone() });
        }
        ApiKey::new(self)?;
        endpoint(self).map(drop)
    }
}

/// The server's address, with TLS when the URL asks for it.
pub(super) fn endpoint(settings: &QdrantSettings) -> Result<Endpoint, QdrantSettingsError> {
    let no_url = || QdrantSettingsError::Url;
    let endpoint = Endpoint::from_shared(settings.url.clone()).map_err(|_invalid| no_url())?;
    match endpoint.uri().scheme_str() {
        Some("http") if settings.root_certificates.is_some() => {
            Err(QdrantSettingsError::NeedlessCertificates)
        }
        Some("http") => Ok(endpoint),
        Some("https") => endpoint.tls_config(tls(settings)?).map_err(QdrantSettingsError::Tls),
        _ => Err(no_url()),
    }
}

fn tls(settings: &QdrantSettings) -> Result<ClientTlsConfig, QdrantSettingsError> {
    let Some(roots) = &settings.root_certificates else {
        return Ok(ClientTlsConfig::new().with_native_roots());
    };
    // The library takes nothing for an empty list, with which no server is ever trusted.
    crate::tls::roots_of(roots).map_err(QdrantSettingsError::Certificates)?;
    Ok(ClientTlsConfig::new().ca_certificate(Certificate::from_pem(roots)))
}

/// Puts the key on a request. The value is marked sensitive, so that nothing prints it.
#[derive(Clone)]
pub(super) struct ApiKey(Option<MetadataValue<Ascii>>);

impl ApiKey {
    pub(super) fn new(settings: &QdrantSettings) -> Result<Self, QdrantSettingsError> {
        let value = settings.api_key.as_ref().map(|key| {
            let mut value: MetadataValue<Ascii> =
                key.expose_secret().parse().map_err(|_invalid| QdrantSettingsError::ApiKey)?;
            value.set_sensitive(true);
            Ok(value)
        });
        value.transpose().map(Self)
    }
}

impl Interceptor for ApiKey {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(key) = &self.0 {
            request.metadata_mut().insert("api-key", key.clone());
        }
        Ok(request)
    }
}
