//! A database per test, copied from a migrated template and dropped afterwards.

use diesel_async::{AsyncConnection, AsyncPgConnection};
use tokio_postgres::config::Host;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

use crate::{TestkitError, environment, with_database, with_user};

/// PostgreSQL's registered port, for a URL that names none.
const POSTGRES_PORT: u16 = 5432;

/// A database that belongs to one test.
///
/// It is dropped with this value, even with open connections. [`TestDatabase::close`] is stricter and fails if a
/// connection is open.
#[derive(Debug)]
pub struct TestDatabase {
    admin: String,
    name: String,
    /// The role of [`Self::make_reader`], once there is one.
    reader: Option<String>,
    dropped: bool,
}

impl TestDatabase {
    /// A database with the migrated schema, and without records.
    ///
    /// # Errors
    /// [`devstack::DevstackError::MissingEnvironment`] outside `cargo xtask test`; else what the server answers.
    pub async fn create() -> Result<Self, TestkitError> {
        let template = environment::required(environment::TEMPLATE)?;
        Self::copy_of(Some(&template)).await
    }

    /// A database with nothing in it, for tests of the migrations themselves.
    ///
    /// # Errors
    /// As [`TestDatabase::create`].
    pub async fn empty() -> Result<Self, TestkitError> {
        Self::copy_of(None).await
    }

    async fn copy_of(template: Option<&str>) -> Result<Self, TestkitError> {
        let admin = environment::required(environment::DATABASE_URL)?;
        Self::create_on(&admin, template).await
    }

    /// A database on the server of `admin`, the URL of a database whose user may create others.
    ///
    /// # Errors
    /// The server's errors.
    pub async fn create_on(admin: &str, template: Option<&str>) -> Result<Self, TestkitError> {
        let name = format!("test_{}", Uuid::now_v7().simple());
        create_database(admin, &name, template).await?;
        Ok(Self { admin: admin.to_owned(), name, reader: None, dropped: false })
    }

    /// The database's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The database's URL, for its owner.
    #[must_use]
    pub fn url(&self) -> String {
        with_database(&self.admin, &self.name)
    }

    /// The database's URL for a service: its role may do what `storage_schema` says a server needs, and no more. In a
    /// database that is [`empty`](Self::empty) it may do nothing.
    ///
    /// # Errors
    /// [`devstack::DevstackError::MissingEnvironment`] outside `cargo xtask test`.
    pub fn server_url(&self) -> Result<String, TestkitError> {
        let url = environment::required(environment::SERVER_URL)?;
        Ok(with_database(&url, &self.name))
    }

    /// Makes a role that may read every table and do nothing else, and gives the database's URL for it. The role is
    /// dropped with the database.
    ///
    /// # Errors
    /// The server's errors.
    pub async fn make_reader(&mut self) -> Result<String, TestkitError> {
        let (role, password) = (format!("reader_of_{}", self.name), devstack::password()?);
        let sql = format!(
            "CREATE ROLE {role} LOGIN PASSWORD '{password}'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}"
        );
        execute(&self.url(), &self.name, "make a reader of", &sql).await?;
        let url = with_user(&self.url(), &role, &password);
        self.reader = Some(role);
        Ok(url)
    }

    /// A new connection to it, as its owner.
    ///
    /// # Errors
    /// [`TestkitError::Connect`].
    pub async fn connect(&self) -> Result<AsyncPgConnection, TestkitError> {
        AsyncPgConnection::establish(&self.url())
            .await
            .map_err(|source| TestkitError::Connect { database: self.name.clone(), source: Box::new(source) })
    }

    /// Drops the database, and fails if a session is still open on it.
    ///
    /// Sessions that have been closed already are given up to five seconds to be gone from the server.
    ///
    /// # Errors
    /// [`TestkitError::SessionsLeft`], which lists the sessions; they are ended when `self` is dropped.
    pub async fn close(mut self) -> Result<(), TestkitError> {
        let client = connect(&self.admin, "postgres").await?;
        match client.batch_execute(&format!("DROP DATABASE \"{}\"", self.name)).await {
            Ok(()) => {
                self.dropped = true;
                drop_role(&self.admin, self.reader.as_deref()).await
            }
            Err(error) if error.code() == Some(&SqlState::OBJECT_IN_USE) => {
                let sessions = sessions_on(&client, &self.name).await?;
                Err(TestkitError::SessionsLeft { database: self.name.clone(), sessions })
            }
            Err(source) => {
                Err(TestkitError::Database { action: "drop", database: self.name.clone(), source })
            }
        }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if self.dropped {
            return;
        }
        let (admin, name, reader) = (self.admin.clone(), self.name.clone(), self.reader.take());
        // The test's own runtime may be the one that is ending, so the work is done on another.
        let dropper = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map(|runtime| {
                runtime.block_on(async {
                    drop_database(&admin, &name).await?;
                    drop_role(&admin, reader.as_deref()).await
                })
            })
        });
        // A database that cannot be dropped goes with its cluster.
        let _ = dropper.join();
    }
}

/// Creates the database `name`, as a copy of `template` when there is one, on the server of `admin`.
///
/// # Errors
/// [`TestkitError::Connect`] or [`TestkitError::Database`].
pub async fn create_database(admin: &str, name: &str, template: Option<&str>) -> Result<(), TestkitError> {
    let source = template.unwrap_or("template1");
    let sql = format!("CREATE DATABASE \"{name}\" TEMPLATE \"{source}\"");
    execute(admin, name, "create", &sql).await
}

/// Drops the database `name` on the server of `admin`, even with open connections. A missing database is not an error.
///
/// # Errors
/// [`TestkitError::Connect`] or [`TestkitError::Database`].
pub async fn drop_database(admin: &str, name: &str) -> Result<(), TestkitError> {
    execute(admin, name, "drop", &format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)")).await
}

/// Drops a role that owns nothing, if there is one.
async fn drop_role(admin: &str, role: Option<&str>) -> Result<(), TestkitError> {
    let Some(role) = role else { return Ok(()) };
    execute(admin, role, "drop the role", &format!("DROP ROLE {role}")).await
}

/// `url` with another host and port in it.
pub(crate) fn with_address(url: &str, address: std::net::SocketAddr) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("postgres", url));
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let user = authority.rsplit_once('@').map(|(user, _)| format!("{user}@")).unwrap_or_default();
    format!("{scheme}://{user}{address}{path}")
}

/// Where the server that `url` names listens.
///
/// # Errors
/// [`TestkitError::Url`] when the URL names no TCP address, [`TestkitError::Network`] when it cannot be resolved.
pub(crate) async fn address_of(url: &str) -> Result<std::net::SocketAddr, TestkitError> {
    let (host, port) = host_and_port(url)?;
    let resolved = tokio::net::lookup_host((host.as_str(), port))
        .await
        .and_then(|mut found| found.next().ok_or_else(|| std::io::Error::other("the host has no address")));
    resolved.map_err(|source| TestkitError::Network { action: "resolve the database's host", source })
}

/// The host and port of the server that `url` names.
pub(crate) fn host_and_port(url: &str) -> Result<(String, u16), TestkitError> {
    let config: tokio_postgres::Config = url.parse().map_err(|source| TestkitError::Url { source })?;
    let host = config.get_hosts().iter().find_map(|host| match host {
        Host::Tcp(name) => Some(name.clone()),
        Host::Unix(_) => None,
    });
    let port = config.get_ports().first().copied().unwrap_or(POSTGRES_PORT);
    Ok((host.unwrap_or_else(|| "127.0.0.1".to_owned()), port))
}

async fn execute(admin: &str, name: &str, action: &'static str, sql: &str) -> Result<(), TestkitError> {
    let client = connect(admin, name).await?;
    let failed = |source| TestkitError::Database { action, database: name.to_owned(), source };
    client.batch_execute(sql).await.map_err(failed)
}

async fn connect(url: &str, database: &str) -> Result<Client, TestkitError> {
    let config: tokio_postgres::Config = url.parse().map_err(|source| TestkitError::Url { source })?;
    let (client, connection) = config.connect(NoTls).await.map_err(|source| TestkitError::Connect {
        database: database.to_owned(),
        source: Box::new(source),
    })?;
    tokio::spawn(connection);
    Ok(client)
}

/// One line for each session on `database`.
async fn sessions_on(client: &Client, database: &str) -> Result<String, TestkitError> {
    let rows = client
        .query(
            "SELECT coalesce(application_name, ''), coalesce(state, ''), left(coalesce(query, ''), 200) \
             FROM pg_stat_activity WHERE datname = $1",
            &[&database],
        )
        .await
        .map_err(|source| TestkitError::Database {
            action: "list the sessions of",
            database: database.to_owned(),
            source,
        })?;
    let line = |row: &tokio_postgres::Row| {
        let (application, state, query): (String, String, String) = (row.get(0), row.get(1), row.get(2));
        format!("{application} {state}: {query}")
    };
    Ok(rows.iter().map(line).collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests;
