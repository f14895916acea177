//! Qdrant, the outside vector index.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use storage_dualwrite::index::{QdrantSettings, QdrantSettingsError};

use super::fault::Faults;
use super::file::{Unreadable, read};
use super::section::section;

section! {
    /// Qdrant, where stored remediations are indexed as well. Without it, searches by meaning are pgvector's alone; while
    /// it is away, they fall back to it, and records wait in the outbox.
    QdrantSection = "qdrant" {
        /// The gRPC address, such as `http://qdrant:6334`, or `https://` for TLS. Without one there is no Qdrant.
        url: Option<String> = "",
        /// A file with the certificates, in PEM, that the server's must come from; the system's when empty.
        ca_file: Option<PathBuf> = "",
        /// The key that every request carries. It crosses the network readable unless the address says `https`.
        api_key: Option<SecretString> = "",
        /// A file with the key; an end of line at its end is dropped.
        api_key_file: Option<PathBuf> = "",
        /// The alias by which the collection is used. The collection is created when there is none; one of another
        /// database or another embedder ends the start.
        collection: String = "remediation_audit",
        /// How long the answer to one request may take.
        timeout: Duration = "5s",
        /// How long a connection may take to be made.
        connect_timeout: Duration = "2s",
    }
}

impl QdrantSection {
    pub(super) fn check(&self, faults: &mut Faults) {
        if self.api_key.is_some() && self.api_key_file.is_some() {
            faults.push(
                "qdrant.api_key_file",
                "cannot be combined with qdrant.api_key; give the one or the other",
            );
        }
        faults.above_zero("qdrant.timeout", self.timeout);
        faults.above_zero("qdrant.connect_timeout", self.connect_timeout);
        match self.to_index() {
            Ok(Some(settings)) => {
                if let Err(error) = settings.check() {
                    faults.push(at_fault(&error), format!("cannot be used: {error}"));
                }
            }
            Ok(None) => {}
            Err(unreadable) => unreadable.tell(faults),
        }
    }

    /// As the index takes them; `None` when there is no Qdrant.
    ///
    /// # Errors
    /// When one of the files cannot be read; that was checked on loading.
    pub fn to_index(&self) -> Result<Option<QdrantSettings>, Unreadable> {
        let Some(url) = self.url.clone() else { return Ok(None) };
        let key = match &self.api_key_file {
            Some(path) => Some(read("qdrant.api_key_file", path)?.into()),
            None => self.api_key.clone(),
        };
        let certificates = self.ca_file.as_ref().map(|path| read("qdrant.ca_file", path)).transpose()?;
        Ok(Some(QdrantSettings {
            url,
            root_certificates: certificates.map(String::into_bytes),
            api_key: key,
            collection: self.collection.clone(),
            timeout: self.timeout,
            connect_timeout: self.connect_timeout,
        }))
    }
}

const fn at_fault(error: &QdrantSettingsError) -> &'static str {
    match error {
        QdrantSettingsError::Url | QdrantSettingsError::Tls(_) => "qdrant.url",
        QdrantSettingsError::Certificates(_) | QdrantSettingsError::NeedlessCertificates => "qdrant.ca_file",
        QdrantSettingsError::ApiKey => "qdrant.api_key",
        QdrantSettingsError::Collection { .. } => "qdrant.collection",
    }
}
