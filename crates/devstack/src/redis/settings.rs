//! How a Redis server is configured.

use std::fmt::Write;
use std::path::Path;

/// A certificate and its key.
#[derive(Debug, Clone)]
pub struct CertificatePair {
    /// The certificate, PEM.
    pub certificate: String,
    /// Its private key, PEM.
    pub key: String,
}

/// The settings of a server. Nothing is written to disk: what it holds is a cache.
#[derive(Debug, Clone, Default)]
pub struct RedisServerSettings {
    /// The TCP port on 127.0.0.1; by default a free one.
    pub port: Option<u16>,
    /// The default user's password. Without one, every program on this machine's loopback may connect.
    pub password: Option<String>,
    /// With a certificate the server speaks TLS and nothing else.
    pub certificate: Option<CertificatePair>,
}

/// The file names of the certificate and its key in the server's directory.
pub(super) const CERTIFICATE: &str = "server.crt";
pub(super) const KEY: &str = "server.key";
/// The file name of the log in the server's directory.
pub(super) const LOG: &str = "server.log";
/// The file name of the process id in the server's directory.
pub(super) const PID: &str = "server.pid";

impl RedisServerSettings {
    /// The configuration file of a server that works in `root`.
    pub(super) fn render(&self, port: u16, root: &Path) -> String {
        let mut text = String::new();
        let mut set = |name: &str, value: &str| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{name} \"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""));
        };
        let file = |name: &str| root.join(name).to_string_lossy().into_owned();
        set("bind", "127.0.0.1");
        match &self.certificate {
            None => set("port", &port.to_string()),
            Some(_) => {
                set("port", "0");
                set("tls-port", &port.to_string());
                set("tls-cert-file", &file(CERTIFICATE));
                set("tls-key-file", &file(KEY));
                set("tls-ca-cert-file", &file(CERTIFICATE));
                set("tls-auth-clients", "no");
            }
        }
        set("dir", &root.to_string_lossy());
        set("logfile", &file(LOG));
        set("pidfile", &file(PID));
        set("save", "");
        set("appendonly", "no");
        set("maxmemory", "64mb");
        set("maxmemory-policy", "allkeys-lru");
        if let Some(password) = &self.password {
            set("requirepass", password);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    //! Tests for the configuration file.

    use std::path::Path;

    use super::{CertificatePair, RedisServerSettings};

    #[test]
    fn values_are_quoted_and_a_certificate_closes_the_plain_port() {
        let mut settings =
            RedisServerSettings { password: Some("a \"b\\".to_owned()), ..RedisServerSettings::default() };
        let plain = settings.render(6380, Path::new("/a b"));
        assert!(plain.contains("port \"6380\"\ndir \"/a b\"\n"), "{plain}");
        assert!(plain.ends_with("requirepass \"a \\\"b\\\\\"\n"), "{plain}");
        settings.certificate = Some(CertificatePair { certificate: String::new(), key: String::new() });
        let tls = settings.render(6380, Path::new("/a"));
        assert!(tls.contains("port \"0\"\ntls-port \"6380\"\n"), "{tls}");
    }
}
