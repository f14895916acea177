//! PostgreSQL: its address, and what opens connections to it.

use std::net::IpAddr;

use secrecy::{ExposeSecret as _, SecretString};
use storage_dualwrite::{Connector, DatabaseTls, SessionSettings};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use super::choices::DatabaseTlsMode;
use super::fault::{SettingFault, read};
use super::table::DatabaseSettings;

/// One connector for each use, told apart in `pg_stat_activity` by `application_name`.
#[derive(Debug, Clone)]
pub struct Connectors {
    /// For the writer.
    pub write: Connector,
    /// For requests that read, also from a server without writes while there is none with.
    pub read: Connector,
    /// For exports.
    pub export: Connector,
    /// For the projector.
    pub projector: Connector,
    /// For start, monitor and partitions.
    pub maintenance: Connector,
}

impl DatabaseSettings {
    /// The connectors of all uses.
    ///
    /// # Errors
    /// The setting that makes no connection; all were checked on loading.
    pub fn connectors(&self) -> Result<Connectors, SettingFault> {
        let config = self.config()?;
        let tls = self.protection(&config)?;
        let connector = |application_name| {
            let session = SessionSettings {
                application_name,
                connect_timeout: self.connect_timeout,
                statement_timeout: self.statement_timeout,
                lock_timeout: self.lock_timeout,
                idle_in_transaction_timeout: self.idle_in_transaction_timeout,
            };
            Connector::with_config(config.clone(), tls.clone(), session)
                .map_err(|error| SettingFault::unusable("database.url", &error))
        };
        Ok(Connectors {
            write: connector("datastorage write")?,
            read: connector("datastorage read")?.for_reads(),
            export: connector("datastorage export")?.for_reads(),
            projector: connector("datastorage projector")?,
            maintenance: connector("datastorage maintenance")?,
        })
    }

    /// For changes of the schema, which take as long as they take: as `owner`, an address, when it is another role than
    /// the service's own, protected on the way like all connections.
    ///
    /// # Errors
    /// As [`Self::connectors`].
    pub fn owner(&self, owner: Option<&SecretString>) -> Result<Connector, SettingFault> {
        let (key, config) = match owner {
            Some(url) => ("schema.owner_url", parsed("schema.owner_url", url)?),
            None => ("database.url", self.config()?),
        };
        let tls = self.protection(&config)?;
        let session = SessionSettings {
            connect_timeout: self.connect_timeout,
            ..SessionSettings::unbounded("datastorage schema")
        };
        Connector::with_config(config, tls, session).map_err(|error| SettingFault::unusable(key, &error))
    }

    /// The address with the password in it.
    ///
    /// # Errors
    /// The address that is not one of PostgreSQL, or the password's file when it cannot be read.
    pub fn config(&self) -> Result<Config, SettingFault> {
        let mut config = match &self.url {
            Some(url) => parsed("database.url", url)?,
            None => {
                let mut config = Config::new();
                for host in self.host.as_deref().unwrap_or("localhost").split(',') {
                    config.host(host);
                }
                config.port(self.port.unwrap_or(5432));
                config.dbname(self.name.as_deref().unwrap_or("kubernaut"));
                config.user(self.user.as_deref().unwrap_or("postgres"));
                config
            }
        };
        let from_file = read("database.password_file", &self.password_file)?.map(SecretString::from);
        if let Some(password) = from_file.as_ref().or(self.password.as_ref()) {
            config.password(password.expose_secret());
        }
        Ok(config)
    }

    /// The role that the service connects as, when one is named, and its password, when there is one.
    ///
    /// # Errors
    /// As [`Self::config`].
    pub fn role(&self) -> Result<(Option<String>, Option<SecretString>), SettingFault> {
        let config = self.config()?;
        let password = config.get_password().map(|it| String::from_utf8_lossy(it).into_owned().into());
        Ok((config.get_user().map(ToOwned::to_owned), password))
    }

    /// Whether records and the password's proof cross a network readable: without TLS, to another host than this one.
    #[must_use]
    pub fn is_readable_on_the_way(&self) -> bool {
        self.config().is_ok_and(|config| {
            self.tls_for(&config) == DatabaseTlsMode::Off && !config.get_hosts().iter().all(is_here)
        })
    }

    fn tls_for(&self, config: &Config) -> DatabaseTlsMode {
        let is_asked_for = self.ca_file.is_some() || config.get_ssl_mode() == SslMode::Require;
        self.tls.unwrap_or(if is_asked_for { DatabaseTlsMode::VerifyFull } else { DatabaseTlsMode::Off })
    }

    /// How connections to this address are protected.
    fn protection(&self, config: &Config) -> Result<DatabaseTls, SettingFault> {
        let key = "database.ca_file";
        let roots = read(key, &self.ca_file)?;
        match self.tls_for(config) {
            DatabaseTlsMode::Off if roots.is_some() => {
                Err(SettingFault::new(key, "is of no use with database.tls = \"off\": remove one of the two"))
            }
            DatabaseTlsMode::Off => Ok(DatabaseTls::off()),
            DatabaseTlsMode::VerifyFull => DatabaseTls::verify_full(roots.as_deref().map(str::as_bytes))
                .map_err(|error| SettingFault::unusable(key, &error)),
        }
    }
}

fn is_here(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => name == "localhost" || name.parse::<IpAddr>().is_ok_and(|it| it.is_loopback()),
        Host::Unix(_) => true,
    }
}

/// The address in the driver's terms. The modes of libpq that the driver does not know become `require`, with which
/// everything is checked here that the strictest of them checks.
fn parsed(key: &str, url: &SecretString) -> Result<Config, SettingFault> {
    let url = url.expose_secret();
    let modes = ["sslmode=verify-full", "sslmode=verify-ca"];
    url.parse()
        .or_else(|_| {
            modes.iter().fold(url.to_owned(), |url, mode| url.replace(mode, "sslmode=require")).parse()
        })
        // What the driver says may hold a part of the address, and so of a password.
        .map_err(|_driver: tokio_postgres::Error| {
            SettingFault::new(key, "is no address of a database: write postgres://user@host:5432/database")
        })
}

#[cfg(test)]
mod tests {
    use super::{SslMode, parsed};

    #[test]
    fn the_modes_of_libpq_are_understood() {
        for mode in ["require", "verify-ca", "verify-full"] {
            for address in
                [format!("postgres://u@h/d?sslmode={mode}"), format!("host=h user=u sslmode={mode}")]
            {
                let config = parsed("database.url", &address.into()).unwrap();
                assert_eq!(config.get_ssl_mode(), SslMode::Require, "{mode}");
            }
        }
        let config = parsed("database.url", &"postgres://u:sslmode=verify-full@h/d".into()).unwrap();
        assert_eq!(config.get_password(), Some(b"sslmode=verify-full".as_slice()));
    }
}
