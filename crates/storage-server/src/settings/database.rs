//! PostgreSQL: where it is, and the bounds of its connections.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use storage_dualwrite::{ConnectError, Connector, SessionSettings};

use super::fault::Faults;
use super::section::section;

section! {
    /// PostgreSQL, the one store that everything else is derived from.
    DatabaseSettings = "database" {
        /// The whole address, such as `postgres://user@host:5432/name`. Instead of host, port, name and user.
        url: Option<SecretString> = "",
        /// The server; localhost when empty.
        host: Option<String> = "",
        /// Its port; 5432 when empty.
        port: Option<u16> = "",
        /// The database; kubernaut when empty.
        name: Option<String> = "",
        /// The role; postgres when empty. `datastorage schema roles` makes it with the rights it needs.
        user: Option<String> = "",
        /// The role's password. Better in a file, or in the environment.
        password: Option<SecretString> = "",
        /// A file with the password; an end of line at its end is dropped.
        password_file: Option<PathBuf> = "",
        /// How long to wait for a connection to be made.
        connect_timeout: Duration = "2s",
        /// No statement runs longer; a read that does is answered 503.
        statement_timeout: Duration = "5s",
        /// No lock is waited for longer.
        lock_timeout: Duration = "2s",
        /// A transaction that a lost client left open ends after this.
        idle_in_transaction_timeout: Duration = "10s",
        /// Connections for reads. With `writer.writers` and `projector.workers` at most 47.
        read_connections: usize = "8",
        /// How long a read waits for one of them before it is answered 503.
        acquire_timeout: Duration = "2s",
        /// How long the start goes on trying to reach PostgreSQL.
        start_timeout: Duration = "30s",
    }
}

/// One connector for each use, told apart in `pg_stat_activity` by `application_name`.
#[derive(Debug, Clone)]
pub struct Connectors {
    /// For the writer.
    pub write: Connector,
    /// For requests that read.
    pub read: Connector,
    /// For exports.
    pub export: Connector,
    /// For the projector.
    pub projector: Connector,
    /// For start, monitor and partitions.
    pub maintenance: Connector,
}

impl DatabaseSettings {
    pub(super) fn check(&self, faults: &mut Faults) {
        let parts = [
            ("database.host", self.host.is_some()),
            ("database.port", self.port.is_some()),
            ("database.name", self.name.is_some()),
            ("database.user", self.user.is_some()),
        ];
        if self.url.is_some() {
            for (key, _) in parts.into_iter().filter(|(_, given)| *given) {
                faults.push(key, "cannot be combined with database.url; give the one or the other");
            }
        }
        if self.password.is_some() && self.password_file.is_some() {
            faults.push("database.password_file", "cannot be combined with database.password");
        }
        faults.range("database.read_connections", self.read_connections, 1, 47);
        for (key, value) in [
            ("database.connect_timeout", self.connect_timeout),
            ("database.statement_timeout", self.statement_timeout),
            ("database.lock_timeout", self.lock_timeout),
            ("database.idle_in_transaction_timeout", self.idle_in_transaction_timeout),
            ("database.acquire_timeout", self.acquire_timeout),
        ] {
            faults.above_zero(key, value);
        }
        self.check_address(faults);
    }

    fn check_address(&self, faults: &mut Faults) {
        match self.address() {
            Err(error) => {
                let path = self.password_file.as_deref().unwrap_or("".as_ref()).display();
                faults.push("database.password_file", format!("cannot be read from {path}: {error}"));
            }
            Ok(address) => {
                if let Err(error) = Connector::new(address, SessionSettings::new("datastorage")) {
                    faults.push("database.url", format!("cannot be used: {error}"));
                }
            }
        }
    }

    /// The address with the password in it.
    ///
    /// # Errors
    /// When the password's file cannot be read.
    pub fn address(&self) -> std::io::Result<SecretString> {
        let password = self.read_password()?;
        let address = match &self.url {
            Some(url) => with_password(url.expose_secret(), password.as_ref()),
            None => self.assembled(password.as_ref()),
        };
        Ok(address.into())
    }

    /// The role that the service connects as, when one is named, and its password, when there is one.
    ///
    /// # Errors
    /// When the password's file cannot be read.
    pub fn role(&self) -> std::io::Result<(Option<String>, Option<SecretString>)> {
        let address = self.address()?;
        let Ok(config) = address.expose_secret().parse::<tokio_postgres::Config>() else {
            return Ok((None, None));
        };
        let password = config.get_password().map(|it| String::from_utf8_lossy(it).into_owned().into());
        Ok((config.get_user().map(ToOwned::to_owned), password))
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

    /// The connectors of all uses.
    ///
    /// # Errors
    /// When the address is not one of PostgreSQL, or the password's file cannot be read; both were checked on loading.
    pub fn connectors(&self) -> Result<Connectors, ConnectorsError> {
        let address = self.address().map_err(ConnectorsError::Password)?;
        let connector = |application_name| {
            Connector::new(address.clone(), self.session(application_name)).map_err(ConnectorsError::Address)
        };
        Ok(Connectors {
            write: connector("datastorage write")?,
            read: connector("datastorage read")?,
            export: connector("datastorage export")?,
            projector: connector("datastorage projector")?,
            maintenance: connector("datastorage maintenance")?,
        })
    }

    fn session(&self, application_name: &'static str) -> SessionSettings {
        SessionSettings {
            application_name,
            connect_timeout: self.connect_timeout,
            statement_timeout: self.statement_timeout,
            lock_timeout: self.lock_timeout,
            idle_in_transaction_timeout: self.idle_in_transaction_timeout,
        }
    }
}

/// The database's address could not be put together.
#[derive(Debug, thiserror::Error)]
pub enum ConnectorsError {
    /// The file is absent or unreadable.
    #[error("the file of database.password_file cannot be read")]
    Password(#[source] std::io::Error),
    /// The URL is not one of PostgreSQL.
    #[error("the settings of the database make no address")]
    Address(#[source] ConnectError),
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
    use super::with_password;

    fn password_of(address: &str) -> Vec<u8> {
        address.parse::<tokio_postgres::Config>().unwrap().get_password().unwrap().to_vec()
    }

    #[test]
    fn a_password_reaches_the_driver_whatever_it_is_made_of() {
        let secret = "p'a\\s s?&%/ü";
        for address in ["postgres://u@h/d", "postgres://u@h/d?connect_timeout=5", "host=h user=u"] {
            let address = with_password(address, Some(&secret.into()));
            assert_eq!(password_of(&address), secret.as_bytes(), "{address}");
        }
    }
}
