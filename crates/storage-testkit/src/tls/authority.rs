//! A certification authority for one test.

use devstack::CertificatePair;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

use crate::TestkitError;

/// An authority that no program trusts beforehand.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    /// A new one; no two are the same, whatever they are called.
    ///
    /// # Errors
    /// [`TestkitError::Certificate`].
    pub fn new() -> Result<Self, TestkitError> {
        let mut params = CertificateParams::default();
        // Issuers are found by name: two of the same name would differ in their signatures only.
        let name = format!("test authority {}", uuid::Uuid::new_v4());
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().map_err(failed)?;
        CertifiedIssuer::self_signed(params, key).map(Self).map_err(failed)
    }

    /// Its own certificate in PEM, for those who shall trust it.
    #[must_use]
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for a server of these names and addresses.
    ///
    /// # Errors
    /// [`TestkitError::Certificate`] when a name cannot be in a certificate.
    pub fn server(&self, names: &[&str]) -> Result<CertificatePair, TestkitError> {
        self.issue(leaf(names, ExtendedKeyUsagePurpose::ServerAuth)?)
    }

    /// The same, but it was good until the end of the year 2001 only.
    ///
    /// # Errors
    /// As [`Self::server`].
    pub fn expired_server(&self, names: &[&str]) -> Result<CertificatePair, TestkitError> {
        let mut params = leaf(names, ExtendedKeyUsagePurpose::ServerAuth)?;
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2001, 12, 31);
        self.issue(params)
    }

    /// A certificate for a client of this name.
    ///
    /// # Errors
    /// As [`Self::server`].
    pub fn client(&self, name: &str) -> Result<CertificatePair, TestkitError> {
        self.issue(leaf(&[name], ExtendedKeyUsagePurpose::ClientAuth)?)
    }

    fn issue(&self, params: CertificateParams) -> Result<CertificatePair, TestkitError> {
        let key = KeyPair::generate().map_err(failed)?;
        let certificate = params.signed_by(&key, &self.0).map_err(failed)?;
        Ok(CertificatePair { certificate: certificate.pem(), key: key.serialize_pem() })
    }
}

fn leaf(names: &[&str], usage: ExtendedKeyUsagePurpose) -> Result<CertificateParams, TestkitError> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).map_err(failed)?;
    params.use_authority_key_identifier_extension = true;
    params.extended_key_usages = vec![usage];
    Ok(params)
}

fn failed(error: rcgen::Error) -> TestkitError {
    TestkitError::Certificate { error: error.to_string() }
}
