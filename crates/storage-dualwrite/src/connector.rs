//! Opening connections to PostgreSQL with the session settings the write path relies on.

use std::fmt;
use std::time::Duration;

use diesel::QueryResult;
use diesel::result::DatabaseErrorKind;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Config, NoTls, Socket};

use crate::tls::DatabaseTls;

/// How long the other side's machine may acknowledge nothing, neither what was sent nor that it is there, before a
/// connection is taken for lost (RFC 5482). PostgreSQL itself ends what takes too long; it cannot say so from a machine
/// that is gone.
const SILENCE: Duration = Duration::from_secs(30);

/// How much later than PostgreSQL ends a statement its word of that may come.
const GRACE: Duration = Duration::from_secs(2);

/// What every session is set to. Times are whole milliseconds to the server; zero would switch one off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSettings {
    /// Shown in `pg_stat_activity`.
    pub application_name: &'static str,
    /// How long to wait for a connection to be made.
    pub connect_timeout: Duration,
    /// `statement_timeout`: no statement runs longer.
    pub statement_timeout: Duration,
    /// `lock_timeout`: no lock is waited for longer.
    pub lock_timeout: Duration,
    /// `idle_in_transaction_session_timeout`: a transaction left open by a lost client ends after this.
    pub idle_in_transaction_timeout: Duration,
}

impl SessionSettings {
    /// The defaults: connect 2 s, statement 5 s, lock 2 s, idle in transaction 10 s.
    #[must_use]
    pub const fn new(application_name: &'static str) -> Self {
        Self {
            application_name,
            connect_timeout: Duration::from_secs(2),
            statement_timeout: Duration::from_secs(5),
            lock_timeout: Duration::from_secs(2),
            idle_in_transaction_timeout: Duration::from_secs(10),
        }
    }

    /// No bound but for making the connection, 2 s: for changes of the schema, which take as long as they take.
    #[must_use]
    pub const fn unbounded(application_name: &'static str) -> Self {
        Self {
            statement_timeout: Duration::ZERO,
            lock_timeout: Duration::ZERO,
            idle_in_transaction_timeout: Duration::ZERO,
            ..Self::new(application_name)
        }
    }

    /// One batch that sets them. `client_connection_check_interval` ends a statement whose client is gone.
    fn as_sql(&self) -> String {
        let Self { statement_timeout, lock_timeout, idle_in_transaction_timeout, .. } = self;
        format!(
            "SET statement_timeout = {}; SET lock_timeout = {}; SET idle_in_transaction_session_timeout = {}; \
             SET client_connection_check_interval = 500; SET synchronous_commit = on; SET timezone = 'UTC'",
            statement_timeout.as_millis(),
            lock_timeout.as_millis(),
            idle_in_transaction_timeout.as_millis(),
        )
    }
}

/// A connection could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL is not one of PostgreSQL.
    #[error("the database URL is not valid; it looks like postgres://user@host:5432/database")]
    Url(#[source] tokio_postgres::Error),
    /// The URL asks for TLS, and there is none.
    #[error("the database URL asks for TLS (sslmode), which is off")]
    TlsIsOff,
    /// The server is not there or refuses this role.
    #[error("PostgreSQL cannot be reached")]
    Connect(#[source] tokio_postgres::Error),
    /// The server did not answer in time.
    #[error("PostgreSQL did not accept a connection within {} ms", .0.as_millis())]
    TimedOut(Duration),
    /// The session settings were refused.
    #[error("PostgreSQL refused the session's settings")]
    Session(#[source] diesel::result::Error),
    /// diesel could not take the connection over.
    #[error("the connection could not be taken over")]
    Adopt(#[source] diesel::ConnectionError),
}

/// Opens connections to one database with one set of session settings.
#[derive(Clone)]
pub struct Connector {
    url: SecretString,
    tls: DatabaseTls,
    session: SessionSettings,
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
        let config: Config = url.expose_secret().parse().map_err(ConnectError::Url)?;
        if config.get_ssl_mode() == SslMode::Require && !tls.is_on() {
            return Err(ConnectError::TlsIsOff);
        }
        Ok(Self { url, tls, session })
    }

    /// The same, but sessions end a transaction that is left open for `limit`.
    #[must_use]
    pub const fn with_idle_in_transaction_timeout(mut self, limit: Duration) -> Self {
        self.session.idle_in_transaction_timeout = limit;
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

    /// Opens a connection. It lives in a task of its own until dropped.
    ///
    /// # Errors
    /// See [`ConnectError`]; bounded by `connect_timeout`.
    pub async fn connect(&self) -> Result<AsyncPgConnection, ConnectError> {
        let limit = self.session.connect_timeout;
        tokio::time::timeout(limit, self.open()).await.unwrap_or(Err(ConnectError::TimedOut(limit)))
    }

    /// Awaits the answer to a statement, but not for ever: what works in the background has no deadline of its own, and
    /// would stop without a word on a connection that says nothing. Short transactions may be awaited as one; the bound is
    /// that of one statement. Sessions without a `statement_timeout` have none.
    ///
    /// # Errors
    /// Those of the statement; [`DatabaseErrorKind::ClosedConnection`] some seconds after PostgreSQL would have ended it, when
    /// the connection is of no further use.
    pub async fn answered<T>(&self, answer: impl Future<Output = QueryResult<T>>) -> QueryResult<T> {
        let limit = self.session.statement_timeout;
        if limit.is_zero() {
            return answer.await;
        }
        let limit = limit + GRACE;
        tokio::time::timeout(limit, answer).await.unwrap_or_else(|_elapsed| {
            let words = format!("PostgreSQL was silent for {} s", limit.as_secs());
            Err(diesel::result::Error::DatabaseError(DatabaseErrorKind::ClosedConnection, Box::new(words)))
        })
    }

    async fn open(&self) -> Result<AsyncPgConnection, ConnectError> {
        let mut config: Config = self.url.expose_secret().parse().map_err(ConnectError::Url)?;
        config.application_name(self.session.application_name);
        config.connect_timeout(self.session.connect_timeout);
        config.keepalives_idle(SILENCE).tcp_user_timeout(SILENCE);
        let mut connection = match self.tls.0.clone() {
            Some(tls) => dial(config.ssl_mode(SslMode::Require), tls).await?,
            None => dial(config.ssl_mode(SslMode::Disable), NoTls).await?,
        };
        connection.batch_execute(&self.session.as_sql()).await.map_err(ConnectError::Session)?;
        ask_for_english(&mut connection).await;
        Ok(connection)
    }
}

async fn dial<T>(config: &Config, tls: T) -> Result<AsyncPgConnection, ConnectError>
where
    T: MakeTlsConnect<Socket>,
    T::Stream: Send + 'static,
{
    let (client, connection) = config.connect(tls).await.map_err(ConnectError::Connect)?;
    AsyncPgConnection::try_from_client_and_connection(client, connection).await.map_err(ConnectError::Adopt)
}

/// Faults are told apart by the server's English messages (`storage_models::DatabaseFault`). A role without the
/// right to set the language keeps the server's own.
async fn ask_for_english(connection: &mut AsyncPgConnection) {
    if connection.batch_execute("SET lc_messages = 'C'").await.is_err() {
        tracing::debug!("this role may not set lc_messages; the server's own language stays");
    }
}
