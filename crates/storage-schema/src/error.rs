//! Errors of schema management.

use std::time::Duration;

/// A failure to bring a database to the schema, or to read its state.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// The database could not be reached.
    #[error(
        "cannot connect to the database to manage its schema; check the URL, the server and the role's rights"
    )]
    Connect(#[source] diesel::ConnectionError),
    /// Another process holds the migration lock for too long.
    #[error("another process has been migrating this database for more than {} s; find the session that holds the \
             advisory lock in pg_locks", .0.as_secs())]
    LockTimeout(Duration),
    /// The extension is not there and this role may not create it.
    #[error(
        "the extension pgvector is not installed in this database, and this role could not create it; have a database \
         administrator run: CREATE EXTENSION vector;"
    )]
    Extension(#[source] diesel::result::Error),
    /// The database was made before the first release.
    #[error(
        "the database has migrations from before the first release ({0}), and no released version can read its \
         records; create an empty database, set database.url and schema.owner_url to it, and run this again"
    )]
    Unreleased(String),
    /// A migration failed; those before it stay applied.
    #[error("a migration failed: {0}")]
    Migration(String),
    /// A partition could not be made.
    #[error("the partition of {table} for the month {month} could not be created")]
    Partition {
        /// The partitioned table.
        table: &'static str,
        /// The first day of the month.
        month: chrono::NaiveDate,
        /// The database's answer.
        #[source]
        source: diesel::result::Error,
    },
    /// The server's role cannot be the one that owns the tables or may do everything.
    #[error(
        "the role {role} {why}, so its rights cannot be limited to those of the server; name another role for the \
         server (database.user, or in database.url), and keep the owner of the tables for schema.owner_url"
    )]
    Unrestricted {
        /// The role.
        role: String,
        /// Why nothing can be kept from it.
        why: &'static str,
    },
    /// A statement on the server's role was refused.
    #[error("the role {role} could not be created or changed; have a database administrator run: {advice}")]
    Role {
        /// The role.
        role: String,
        /// The statement for a database administrator. It has no password.
        advice: String,
        /// The database's answer.
        #[source]
        source: diesel::result::Error,
    },
    /// Any other statement failed.
    #[error("the database refused {operation}")]
    Database {
        /// The operation.
        operation: &'static str,
        /// The database's answer.
        #[source]
        source: diesel::result::Error,
    },
}

impl SchemaError {
    pub(crate) fn during(operation: &'static str) -> impl FnOnce(diesel::result::Error) -> Self {
        move |source| Self::Database { operation, source }
    }
}
