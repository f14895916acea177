//! The clients whose certificates are accepted: those of the authorities in the current file.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

use super::current::Current;

/// The least time between two log lines about refused certificates.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// Asks every client for a certificate, and the authorities of now about it.
#[derive(Debug)]
pub(super) struct Clients {
    current: Arc<Current>,
    algorithms: WebPkiSupportedAlgorithms,
    refusals: Mutex<Refusals>,
}

/// The refusals since the last log line.
#[derive(Debug, Default)]
struct Refusals {
    untold: u64,
    last_told: Option<Instant>,
}

impl Clients {
    pub(super) fn new(current: Arc<Current>) -> Self {
        let algorithms = ring::default_provider().signature_verification_algorithms;
        Self { current, algorithms, refusals: Mutex::default() }
    }

    /// A client that tries often must not fill the log.
    fn tell(&self, error: &Error) {
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        refusals.untold += 1;
        if refusals.last_told.is_none_or(|told| told.elapsed() >= TOLD_EVERY) {
            tracing::warn!(%error, refused = refusals.untold, "the certificate of a client was refused");
            *refusals = Refusals { untold: 0, last_told: Some(Instant::now()) };
        }
    }
}

impl ClientCertVerifier for Clients {
    /// None: the list could not follow the file, and without it a client offers the certificate that it has.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let current = self.current.get();
        let verdict = match &current.clients {
            Some(clients) => clients.verify_client_cert(end_entity, intermediates, now),
            None => Err(CertificateError::UnknownIssuer.into()),
        };
        verdict.inspect_err(|error| self.tell(error))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
