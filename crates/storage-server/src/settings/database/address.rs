//! The address of the database, put together from its parts, as the driver takes it.

use std::net::IpAddr;

use secrecy::{ExposeSecret as _, SecretString};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use super::{DatabaseSettings, DatabaseTlsMode};

impl DatabaseSettings {
    /// The address with the password in it, as the driver takes it.
    ///
    /// # Errors
    /// When the password's file cannot be read.
    pub fn address(&self) -> std::io::Result<SecretString> {
        let password = self.read_password()?;
        let address = match &self.url {
            Some(url) => with_password(url.expose_secret(), password.as_ref()),
            None => self.assembled(password.as_ref()),
        };
        Ok(understood(&address).into())
    }

    /// The role that the service connects as, when one is named, and its password, when there is one.
    ///
    /// # Errors
    /// When the password's file cannot be read.
    pub fn role(&self) -> std::io::Result<(Option<String>, Option<SecretString>)> {
        let address = self.address()?;
        let Ok(config) = address.expose_secret().parse::<Config>() else { return Ok((None, None)) };
        let password = config.get_password().map(|it| String::from_utf8_lossy(it).into_owned().into());
        Ok((config.get_user().map(ToOwned::to_owned), password))
    }

    /// Whether records and the password's proof cross a network readable: without TLS, to another host than this one.
    #[must_use]
    pub fn is_readable_on_the_way(&self) -> bool {
        let Ok(address) = self.address() else { return false };
        let Ok(config) = address.expose_secret().parse::<Config>() else { return false };
        self.tls_for(&config) == DatabaseTlsMode::Off && !config.get_hosts().iter().all(is_here)
    }

    pub(super) fn tls_for(&self, config: &Config) -> DatabaseTlsMode {
        let is_asked_for = self.ca_file.is_some() || config.get_ssl_mode() == SslMode::Require;
        self.tls.unwrap_or(if is_asked_for { DatabaseTlsMode::VerifyFull } else { DatabaseTlsMode::Off })
    }

    fn read_password(&self) -> std::io::Result<Option<SecretString>> {
        let Some(path) = &self.password_file else { return Ok(self.password.clone()) };
        let text = std::fs::read_to_string(path)?;
        Ok(Some(text.trim_end_matches(['\r', '\n']).into()))
    }

    fn assembled(&self, password: Option<&SecretString>) -> String {
        let or = |value: &Option<String>, default: &str| value.clone().unwrap_or_else(|| default.to_owned());
        let mut address = format!(
            "host={} port={} dbname={} user={}",
            quoted(&or(&self.host, "localhost")),
            self.port.unwrap_or(5432),
            quoted(&or(&self.name, "kubernaut")),
            quoted(&or(&self.user, "postgres")),
        );
        if let Some(password) = password {
            address.push_str(&format!(" password={}", quoted(password.expose_secret())));
        }
        address
    }
}

fn is_here(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => name == "localhost" || name.parse::<IpAddr>().is_ok_and(|it| it.is_loopback()),
        Host::Unix(_) => true,
    }
}

/// The address as the driver takes it. The modes of libpq that it does not know become `require`, with which everything
/// is checked here that the strictest of them checks.
pub(super) fn understood(address: &str) -> String {
    if address.parse::<Config>().is_ok() {
        return address.to_owned();
    }
    let modes = ["sslmode=verify-full", "sslmode=verify-ca"];
    modes.iter().fold(address.to_owned(), |address, mode| address.replace(mode, "sslmode=require"))
}

/// A value of a connection string of the form `key=value`.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// The address, which is a URL or of the form `key=value`, with a password added to it.
fn with_password(address: &str, password: Option<&SecretString>) -> String {
    let Some(password) = password.map(secrecy::ExposeSecret::expose_secret) else {
        return address.to_owned();
    };
    if !address.contains("://") {
        return format!("{address} password={}", quoted(password));
    }
    let escaped: String = password.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let separator = if address.contains('?') { '&' } else { '?' };
    format!("{address}{separator}password={escaped}")
}

#[cfg(test)]
mod tests {
    use super::{Config, SslMode, understood, with_password};

    fn password_of(address: &str) -> Vec<u8> {
        address.parse::<Config>().unwrap().get_password().unwrap().to_vec()
    }

    #[test]
    fn a_password_reaches_the_driver_whatever_it_is_made_of() {
        let secret = "p'a\\s s?&%/ü";
        for address in [
            "postgres://u@h/d",
            "postgres://u@h/d?connect_timeout=5",
            "postgres://u@one:5432,two:5433/d",
            "host=h user=u",
        ] {
            let address = with_password(address, Some(&secret.into()));
            assert_eq!(password_of(&address), secret.as_bytes(), "{address}");
        }
    }

    #[test]
    fn the_modes_of_libpq_are_understood() {
        for mode in ["require", "verify-ca", "verify-full"] {
            for address in
                [format!("postgres://u@h/d?sslmode={mode}"), format!("host=h user=u sslmode={mode}")]
            {
                let config: Config = understood(&address).parse().unwrap();
                assert_eq!(config.get_ssl_mode(), SslMode::Require, "{address}");
            }
        }
        let password = "postgres://u:sslmode=verify-full@h/d";
        assert_eq!(understood(password), password);
    }
}
