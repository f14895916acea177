//! What opens the connections, one connector for each use.

use secrecy::{ExposeSecret as _, SecretString};
use storage_dualwrite::{CertificatesError, ConnectError, Connector, DatabaseTls, SessionSettings};

use super::address::understood;
use super::{DatabaseSettings, DatabaseTlsMode};
use crate::settings::fault::Faults;
use crate::settings::file::{Unreadable, read};

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

/// The database's address could not be put together.
#[derive(Debug, thiserror::Error)]
pub enum ConnectorsError {
    /// The file is absent or unreadable.
    #[error("the file of database.password_file cannot be read")]
    Password(#[source] std::io::Error),
    /// The URL is not one of PostgreSQL.
    #[error("the settings of the database make no address")]
    Address(#[source] ConnectError),
    /// The file of certificates cannot be read.
    #[error(transparent)]
    CaFile(Unreadable),
    /// There can be no TLS.
    #[error("the connections to PostgreSQL cannot be protected (database.ca_file)")]
    Tls(#[source] CertificatesError),
    /// Certificates are named, and no TLS is asked for.
    #[error("database.ca_file is of no use with database.tls = \"off\"")]
    NeedlessCa,
}

impl DatabaseSettings {
    /// The connectors of all uses.
    ///
    /// # Errors
    /// When the address is not one of PostgreSQL, or the password's file cannot be read; both were checked on loading.
    pub fn connectors(&self) -> Result<Connectors, ConnectorsError> {
        let address = self.address().map_err(ConnectorsError::Password)?;
        let tls = self.protection(&address)?;
        let connector = |application_name| {
            let session = self.session(application_name);
            Connector::new(address.clone(), tls.clone(), session).map_err(ConnectorsError::Address)
        };
        Ok(Connectors {
            write: connector("datastorage write")?,
            read: connector("datastorage read")?.for_reads(),
            export: connector("datastorage export")?.for_reads(),
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

    /// For changes of the schema, which take as long as they take: as `owner`, an address, when it is another role than
    /// the service's own, protected on the way like all connections.
    ///
    /// # Errors
    /// As [`Self::connectors`].
    pub fn owner(&self, owner: Option<&SecretString>) -> Result<Connector, ConnectorsError> {
        let address = match owner {
            Some(address) => understood(address.expose_secret()).into(),
            None => self.address().map_err(ConnectorsError::Password)?,
        };
        let session = SessionSettings {
            connect_timeout: self.connect_timeout,
            ..SessionSettings::unbounded("datastorage schema")
        };
        let tls = self.protection(&address)?;
        Connector::new(address, tls, session).map_err(ConnectorsError::Address)
    }

    /// How connections to this address are protected.
    fn protection(&self, address: &SecretString) -> Result<DatabaseTls, ConnectorsError> {
        let config = address.expose_secret().parse();
        let config = config.map_err(|error| ConnectorsError::Address(ConnectError::Url(error)))?;
        let roots = self.ca_file.as_ref().map(|path| read("database.ca_file", path)).transpose();
        let roots = roots.map_err(ConnectorsError::CaFile)?;
        match self.tls_for(&config) {
            DatabaseTlsMode::Off if roots.is_some() => Err(ConnectorsError::NeedlessCa),
            DatabaseTlsMode::Off => Ok(DatabaseTls::off()),
            DatabaseTlsMode::VerifyFull => {
                DatabaseTls::verify_full(roots.as_deref().map(str::as_bytes)).map_err(ConnectorsError::Tls)
            }
        }
    }

    /// Checks that connections can be made as these settings say.
    pub(in crate::settings) fn check_connectors(&self, faults: &mut Faults) {
        match self.connectors() {
            Ok(_) => {}
            Err(ConnectorsError::Password(error)) => {
                let path = self.password_file.as_deref().unwrap_or("".as_ref()).display();
                faults.push("database.password_file", format!("cannot be read from {path}: {error}"));
            }
            Err(ConnectorsError::NeedlessCa) => {
                faults.push("database.ca_file", "is of no use with database.tls = \"off\"");
            }
            Err(ConnectorsError::CaFile(error)) => error.tell(faults),
            Err(ConnectorsError::Tls(error)) => {
                faults.push("database.ca_file", format!("cannot be used: {error}"));
            }
            Err(ConnectorsError::Address(error)) => {
                faults.push("database.url", format!("cannot be used: {error}"));
            }
        }
    }
}
