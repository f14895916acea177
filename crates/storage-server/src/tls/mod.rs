//! TLS of the API's port: a certificate, and with mutual TLS the authorities of clients, from files that may change at
//! any time.
//!
//! Every connection has a full handshake. A resumed one would go by what was true when it was first made: by a
//! certificate that has been replaced, or by an authority that is trusted no longer.

mod clients;
mod current;
mod files;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use clients::Clients;
use current::Current;
use files::{Loaded, Material};
pub(crate) use files::{TlsFault, TlsFiles};

use crate::telemetry::metrics as names;

/// How often the files are looked at.
const INTERVAL: Duration = Duration::from_secs(1);

/// The certificates that the API's port shows and accepts, from the files when they could last be used.
pub(crate) struct ServerTls {
    files: TlsFiles,
    current: Arc<Current>,
}

impl ServerTls {
    /// Reads the files.
    ///
    /// # Errors
    /// All that is wrong with them.
    pub(crate) fn open(files: TlsFiles) -> Result<Arc<Self>, Vec<TlsFault>> {
        let loaded = Material::read(&files)?.load(&files)?;
        Ok(Arc::new(Self { files, current: Arc::new(Current::new(loaded)) }))
    }

    /// The configuration of a port with these certificates: TLS 1.2 and 1.3.
    ///
    /// # Errors
    /// When the provider of cryptography lacks what these versions need.
    pub(crate) fn config(self: &Arc<Self>) -> Result<ServerConfig, rustls::Error> {
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?;
        let config = if self.files.asks_clients() {
            config.with_client_cert_verifier(Arc::new(Clients::new(Arc::clone(&self.current))))
        } else {
            config.with_no_client_auth()
        };
        let resolver: Arc<dyn ResolvesServerCert> = Arc::<Self>::clone(self);
        let mut config = config.with_cert_resolver(resolver);
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(config)
    }

    /// Follows the files' changes until dropped. If the new files cannot be used, the old ones stay in use and one
    /// error is logged.
    pub(crate) async fn watch(self: Arc<Self>) {
        let mut tick = tokio::time::interval(INTERVAL);
        let mut last_told = Vec::new();
        loop {
            tick.tick().await;
            let tls = Arc::clone(&self);
            let reading = tokio::task::spawn_blocking(move || tls.reload());
            let Some(outcome) = storage_dualwrite::joined(reading).await else { continue };
            match outcome {
                Ok(is_news) => {
                    note_end(&self.current.get());
                    last_told = Vec::new();
                    if is_news {
                        tracing::info!("the certificates were read again; new connections use them");
                    }
                }
                Err(faults) if faults != last_told => {
                    let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
                    tracing::error!(
                        error = told.join("; "),
                        "the new certificates cannot be used; the old ones stay in use"
                    );
                    last_told = faults;
                }
                Err(_told_already) => {}
            }
        }
    }

    /// Reads the files again and returns whether their content has changed. Contents are compared, not times: a mounted
    /// secret is replaced as a whole, and clocks are coarse.
    fn reload(&self) -> Result<bool, Vec<TlsFault>> {
        let material = Material::read(&self.files)?;
        if material.digest() == self.current.get().digest {
            return Ok(false);
        }
        let loaded = material.load(&self.files)?;
        self.current.set(loaded);
        Ok(true)
    }
}

/// Shows when the certificate ends.
#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "a time in seconds, far below 2^53")]
fn note_end(loaded: &Loaded) {
    if let Some(ends) = loaded.ends {
        metrics::gauge!(names::CERTIFICATE_ENDS).set(ends as f64);
    }
}

impl ResolvesServerCert for ServerTls {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.get().shown))
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls").field("files", &self.files).finish_non_exhaustive()
    }
}
