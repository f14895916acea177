//! TLS of the API's port.

use std::path::PathBuf;
use std::time::Duration;

use super::fault::Faults;
use super::section::section;
use crate::tls::{ServerTls, TlsFiles};

section! {
    /// TLS for those who use the API. The three files are looked at every second: a change counts for the connections
    /// that follow; files that cannot be used change nothing, and the log says so. The admin port speaks plain HTTP.
    TlsSection = "tls" {
        /// A file with the certificate that clients are shown, in PEM, and behind it those between it and its root. With
        /// one the API speaks `https` (TLS 1.2 and 1.3) and nothing else. It changes nothing about `auth.mode`.
        certificate_file: Option<PathBuf> = "",
        /// A file with its private key, in PEM, without a password.
        key_file: Option<PathBuf> = "",
        /// A file with the authorities, in PEM, one of which every client must have a certificate of (mutual TLS). Others
        /// do not come as far as a request. When empty, clients are asked for no certificate.
        client_ca_file: Option<PathBuf> = "",
        /// How long a client may take until the connection is one of TLS.
        handshake_timeout: Duration = "5s",
    }
}

impl TlsSection {
    pub(super) fn check(&self, faults: &mut Faults) {
        faults.above_zero("tls.handshake_timeout", self.handshake_timeout);
        let given = [
            ("tls.certificate_file", self.certificate_file.is_some()),
            ("tls.key_file", self.key_file.is_some()),
            ("tls.client_ca_file", self.client_ca_file.is_some()),
        ];
        let [(_, has_certificate), (_, has_key), _] = given;
        if has_certificate && !has_key {
            faults
                .push("tls.key_file", "must name the private key of the certificate in tls.certificate_file");
        }
        if !has_certificate {
            for (key, _) in given.into_iter().filter(|(_, is_given)| *is_given) {
                faults.push(key, "is of use with tls.certificate_file only");
            }
        }
        if let Some(files) = self.files()
            && let Err(found) = ServerTls::open(files)
        {
            found.into_iter().for_each(|fault| faults.push(fault.key, fault.reason));
        }
    }

    /// The files, when the API is to speak TLS.
    pub(crate) fn files(&self) -> Option<TlsFiles> {
        Some(TlsFiles {
            certificate: self.certificate_file.clone()?,
            key: self.key_file.clone()?,
            client_ca: self.client_ca_file.clone(),
        })
    }
}
