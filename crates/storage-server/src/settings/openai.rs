//! The embedding API of `embedding.provider = "openai"`.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use storage_embedding::{OpenAiEmbedder, OpenAiSettings, OpenAiSettingsError};

use super::fault::Faults;
use super::file::{Unreadable, read};
use super::section::section;

section! {
    /// An embedding API that speaks OpenAI's protocol, for `embedding.provider = "openai"`.
    OpenAiSection = "openai" {
        /// What `/embeddings` is appended to.
        url: String = "https://api.openai.com/v1",
        /// A file with the certificates, in PEM, that the API's must come from; the system's when empty.
        ca_file: Option<PathBuf> = "",
        /// The model. Its vectors never mix with another's: with vectors of another in the database, the start ends.
        model: String = "text-embedding-3-small",
        /// A file with the key; an end of line at its end is dropped. Without one no key is sent.
        api_key_file: Option<PathBuf> = "",
        /// Whether to ask for vectors of 384 numbers. Switch it off for models that give 384 anyway and refuse to be
        /// asked.
        send_dimensions: bool = "true",
        /// How long one call may take, of up to 32 texts.
        timeout: Duration = "10s",
        /// How often a call that failed in passing is tried again at once. Longer outages are waited out by the projector.
        retries: usize = "2",
    }
}

impl OpenAiSection {
    pub(super) fn check(&self, faults: &mut Faults) {
        faults.above_zero("openai.timeout", self.timeout);
        faults.range("openai.retries", self.retries, 0, 10);
        match self.to_embedder() {
            Ok(settings) => {
                if let Err(error) = OpenAiEmbedder::new(&settings) {
                    faults.push(at_fault(&error), format!("cannot be used: {error}"));
                }
            }
            Err(unreadable) => unreadable.tell(faults),
        }
    }

    /// As the embedder takes them.
    ///
    /// # Errors
    /// When one of the files cannot be read; that was checked on loading.
    pub fn to_embedder(&self) -> Result<OpenAiSettings, Unreadable> {
        let key = self.api_key_file.as_ref().map(|path| read("openai.api_key_file", path)).transpose()?;
        let certificates = self.ca_file.as_ref().map(|path| read("openai.ca_file", path)).transpose()?;
        Ok(OpenAiSettings {
            url: self.url.clone(),
            root_certificates: certificates.map(String::into_bytes),
            model: self.model.clone(),
            api_key: key.map(SecretString::from),
            send_dimensions: self.send_dimensions,
            timeout: self.timeout,
            retries: self.retries,
        })
    }
}

const fn at_fault(error: &OpenAiSettingsError) -> &'static str {
    match error {
        OpenAiSettingsError::Certificates(_)
        | OpenAiSettingsError::NoCertificate
        | OpenAiSettingsError::NeedlessCertificates => "openai.ca_file",
        OpenAiSettingsError::Key => "openai.api_key_file",
        OpenAiSettingsError::Url | OpenAiSettingsError::Client(_) => "openai.url",
    }
}
