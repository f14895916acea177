//! Opening connections to PostgreSQL with the session settings the write path relies on, to a server that takes writes.

mod error;
mod servers;
mod session;

pub use error::ConnectError;
pub(crate) use session::ensure_writable;
pub use session::{SessionSettings, takes_writes};

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use diesel::QueryResult;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use secrecy::{ExposeSecret, SecretString};
use storage_postgres::silence;
use tokio_postgres::config::{SslMode, TargetSessionAttrs};
use tokio_postgres::{Config, NoTls};

use crate::tls::DatabaseTls;

/// Opens connections to one database with one set of session settings.
#[derive(Clone)]
pub struct Connector {
    config: Arc<Config>,
    tls: DatabaseTls,
    session: SessionSettings,
    /// Whether to accept a server that takes no writes while no other server is available.
    is_for_reads: bool,
    /// The place, in the address, of the server that served last. It is asked first, so that one that is gone costs time
    /// once and not with each connection.
    last: Arc<AtomicUsize>,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector")
            .field("tls", &self.tls)
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}

impl Connector {
    /// Checks the URL; connects to nothing.
    ///
    /// # Errors
    /// [`ConnectError::Url`], [`ConnectError::TlsIsOff`].
    pub fn new(url: SecretString, tls: DatabaseTls, session: SessionSettings) -> Result<Self, ConnectError> {
        Self::with_config(url.expose_secret().parse().map_err(ConnectError::Url)?, tls, session)
    }

    /// The same, for a URL that was read before.
    ///
    /// # Errors
    /// [`ConnectError::TlsIsOff`].
    pub fn with_config(
        mut config: Config,
        tls: DatabaseTls,
        session: SessionSettings,
    ) -> Result<Self, ConnectError> {
        if config.get_ssl_mode() == SslMode::Require && !tls.is_on() {
            return Err(ConnectError::TlsIsOff);
        }
        config.ssl_mode(if tls.is_on() { SslMode::Require } else { SslMode::Disable });
        Ok(Self { config: Arc::new(config), tls, session, is_for_reads: false, last: Arc::default() })
    }

    /// The same, but while no server takes writes, one that does not will do.
    #[must_use]
    pub fn for_reads(self) -> Self {
        Self { is_for_reads: true, ..self }
    }

    /// The same, but sessions end a transaction that is left open for `limit`.
    #[must_use]
    pub const fn with_idle_in_transaction_timeout(mut self, limit: Duration) -> Self {
        self.session.idle_in_transaction_timeout = limit;
        self
    }

    /// The same, but statements of its sessions may take as long as `limit`.
    #[must_use]
    pub const fn with_statement_timeout(mut self, limit: Duration) -> Self {
        self.session.statement_timeout = limit;
        self
    }

    /// The settings its sessions have.
    #[must_use]
    pub const fn session(&self) -> &SessionSettings {
        &self.session
    }

    /// How its connections are protected.
    #[must_use]
    pub const fn tls(&self) -> &DatabaseTls {
        &self.tls
    }

    /// Opens a connection to the first server of the address that takes writes. It lives in a task of its own until
    /// dropped.
    ///
    /// # Errors
    /// See [`ConnectError`], of the server that was asked last; bounded by `connect_timeout` for each server.
    pub async fn connect(&self) -> Result<AsyncPgConnection, ConnectError> {
        let servers = servers::each(&self.config);
        match self.connect_to_any_of(&servers, TargetSessionAttrs::ReadWrite).await {
            Err(_none_takes_writes) if self.is_for_reads => {
                self.connect_to_any_of(&servers, TargetSessionAttrs::Any).await
            }
            outcome => outcome,
        }
    }

    async fn connect_to_any_of(
        &self,
        servers: &[Config],
        wanted: TargetSessionAttrs,
    ) -> Result<AsyncPgConnection, ConnectError> {
        let last = self.last.load(Ordering::Relaxed);
        let (before, from) = servers.split_at_checked(last).unwrap_or((&[], servers));
        let mut failure = ConnectError::NoServer;
        for (place, server) in (last..).zip(from).chain((0..).zip(before)) {
            let limit = self.session.connect_timeout;
            let opening = tokio::time::timeout(limit, Box::pin(self.open(server, wanted)));
            match opening.await.unwrap_or(Err(ConnectError::TimedOut(limit))) {
                Ok(connection) => {
                    self.last.store(place, Ordering::Relaxed);
                    return Ok(connection);
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// Awaits the answer to a statement, with a time limit. Background tasks have no deadline of their own and would
    /// hang without an error on a connection that has become silent. A short transaction may be awaited as a whole; the
    /// limit is that of one statement. Sessions without a `statement_timeout` have no limit.
    ///
    /// # Errors
    /// Those of [`silence::answered`], some seconds after PostgreSQL would have ended the statement.
    pub async fn answered<T>(&self, answer: impl Future<Output = QueryResult<T>>) -> QueryResult<T> {
        match silence::limit_of_answer(self.session.statement_timeout) {
            Some(limit) => silence::answered(limit, answer).await,
            None => answer.await,
        }
    }

    async fn open(
        &self,
        server: &Config,
        wanted: TargetSessionAttrs,
    ) -> Result<AsyncPgConnection, ConnectError> {
        let mut server = server.clone();
        server.application_name(self.session.application_name);
        server.connect_timeout(self.session.connect_timeout);
        silence::bound_socket(&mut server);
        let mut connection = match self.tls.0.clone() {
            Some(tls) => servers::dial(&server, wanted, tls).await?,
            None => servers::dial(&server, wanted, NoTls).await?,
        };
        connection.batch_execute(&self.session.as_sql()).await.map_err(ConnectError::Session)?;
        session::ask_for_english(&mut connection).await;
        Ok(connection)
    }
}
