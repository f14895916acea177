//! Why a connection could not be made.

use std::time::Duration;

/// A connection could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL is not one of PostgreSQL.
    #[error("the database URL is not valid; it looks like postgres://user@host:5432/database")]
    Url(#[source] tokio_postgres::Error),
    /// The URL names no server.
    #[error("the database URL names no host")]
    NoServer,
    /// The URL asks for TLS, and TLS is off.
    #[error("the database URL asks for TLS (sslmode), but database.tls is off")]
    TlsIsOff,
    /// The server is not there, refuses this role, or takes no writes.
    #[error("PostgreSQL cannot be reached")]
    Connect(#[source] tokio_postgres::Error),
    /// The server did not answer in time.
    #[error("PostgreSQL did not accept a connection within {} ms", .0.as_millis())]
    TimedOut(Duration),
    /// The session settings were refused.
    #[error("PostgreSQL refused the session's settings")]
    Session(#[source] diesel::result::Error),
    /// diesel could not take the connection over.
    #[error("the connection could not be set up")]
    Adopt(#[source] diesel::ConnectionError),
}
