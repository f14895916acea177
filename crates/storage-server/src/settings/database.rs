//! PostgreSQL: where it is, and the bounds of its connections.

mod address;
mod connectors;

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

pub use connectors::{Connectors, ConnectorsError};

use super::fault::Faults;
use super::section::section;
use super::value::Setting;

section! {
    /// PostgreSQL, the one store that everything else is derived from.
    DatabaseSettings = "database" {
        /// The whole address, such as `postgres://user@host:5432/name`. Instead of host, port, name and user. Of several
        /// servers, such as `postgres://user@one:5432,two:5432/name`, the one that takes writes is used, and reads go to
        /// another while there is none.
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
        /// How connections are protected: `verify-full` encrypts them and believes only a certificate for the server's
        /// name from an authority that is trusted; with `off` the password's proof and every record cross the network
        /// readable. Empty: `verify-full` with `database.ca_file`, or when the address asks for TLS (`sslmode=require` and
        /// the stricter ones), else `off`.
        tls: Option<DatabaseTlsMode> = "",
        /// A file with the certificates, in PEM, that the server's must come from; the system's when empty.
        ca_file: Option<PathBuf> = "",
        /// How long to wait for a connection to be made, to each server of the address.
        connect_timeout: Duration = "2s",
        /// No statement runs longer; a read that does is answered 503.
        statement_timeout: Duration = "5s",
        /// No lock is waited for longer.
        lock_timeout: Duration = "2s",
        /// A transaction that a lost client left open ends after this.
        idle_in_transaction_timeout: Duration = "10s",
        /// Connections for reads, those included whose read was abandoned and is being ended. With `writer.writers` and `projector.workers` at most 47.
        read_connections: usize = "8",
        /// How long a read waits for one of them before it is answered 503. A caller who has less than a quarter of them
        /// (at least one) is the next and waits up to `database.statement_timeout` longer.
        acquire_timeout: Duration = "2s",
        /// How long the start goes on trying to reach PostgreSQL.
        start_timeout: Duration = "30s",
    }
}

/// How connections to PostgreSQL are protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseTlsMode {
    /// Not at all.
    Off,
    /// By TLS, with the server's certificate and name checked.
    VerifyFull,
}

impl Setting for DatabaseTlsMode {
    const FORM: &'static str = "verify-full or off";

    fn parse(text: &str) -> Option<Self> {
        match text {
            "off" => Some(Self::Off),
            "verify-full" => Some(Self::VerifyFull),
            _ => None,
        }
    }
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
    }
}
