//! Bringing a database to the current schema.

use std::time::Duration;

use diesel::sql_types::{Bool, Nullable, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::{
    AsyncConnection, AsyncMigrationHarness, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection,
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use storage_models::Timestamp;

use crate::expected::MIGRATIONS_TABLE;
use crate::lock::{LOCK_WAIT, lock};
use crate::{RolesReport, SchemaError, indexes, partitions, roles};

pub(crate) const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations");

/// The number of the first migration.
const FIRST_VERSION: &str = "0100";

/// The changes of a bootstrap. Empty if the database was up to date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootstrapReport {
    /// The versions of the migrations applied, in order.
    pub applied: Vec<String>,
    /// How many partitions were made.
    pub partitions: usize,
    /// The changed rights of the server's role; `None` if no role was named, or if it does not exist.
    pub role: Option<RolesReport>,
}

/// How a bootstrap goes about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootstrapOptions {
    /// How long to wait for another process that is migrating.
    pub lock_wait: Duration,
    /// The role that the server uses. It gets its rights on new objects if it exists and owns nothing.
    pub server_role: Option<String>,
}

impl Default for BootstrapOptions {
    /// Waits for [`LOCK_WAIT`]; grants nothing.
    fn default() -> Self {
        Self { lock_wait: LOCK_WAIT, server_role: None }
    }
}

/// Creates missing objects: the extension, the tables, their indexes, this month's partitions and those around it.
///
/// Needs a role that owns the tables, and a multi-thread tokio runtime (migrations block a thread while they run).
/// Waits at most [`LOCK_WAIT`] for another process that bootstraps the same database.
///
/// # Errors
/// See [`SchemaError`]. Migrations before a failed one stay applied; the next run continues from there.
pub async fn bootstrap(owner_url: &str) -> Result<BootstrapReport, SchemaError> {
    let owner = AsyncPgConnection::establish(owner_url).await.map_err(SchemaError::Connect)?;
    bootstrap_with(owner, &BootstrapOptions::default()).await
}

/// As [`bootstrap`], over a connection that is there, such as one with TLS, and gives the server's role its rights. Makes
/// no role: [`crate::make_role`] does. The connection should have no limits of time, for changes of the schema may take
/// long, and is closed in the end.
///
/// # Errors
/// As [`bootstrap`].
pub async fn bootstrap_with(
    mut owner: AsyncPgConnection,
    options: &BootstrapOptions,
) -> Result<BootstrapReport, SchemaError> {
    lock(&mut owner, options.lock_wait).await?;
    refuse_unreleased(&mut owner).await?;
    ensure_extension(&mut owner).await?;
    let (mut connection, applied) = migrate(owner)?;
    indexes::complete(&mut connection).await?;
    let partitions = partitions::ensure_window(&mut connection, Timestamp::now()).await?;
    let role = match &options.server_role {
        Some(role) => roles::grant_if_restricted(&mut connection, role).await?,
        None => None,
    };
    Ok(BootstrapReport { applied, partitions, role })
}

/// Migrations are identified by their numbers alone: a recorded number below the first one is of another schema.
async fn refuse_unreleased(connection: &mut AsyncPgConnection) -> Result<(), SchemaError> {
    #[derive(QueryableByName)]
    struct Recorded {
        #[diesel(sql_type = Bool)]
        is_kept: bool,
    }
    #[derive(QueryableByName)]
    struct Old {
        #[diesel(sql_type = Nullable<Text>)]
        versions: Option<String>,
    }
    let during = || SchemaError::during("the list of migrations");
    let kept = format!("SELECT to_regclass('{MIGRATIONS_TABLE}') IS NOT NULL AS is_kept");
    if !sql_query(kept).get_result::<Recorded>(connection).await.map_err(during())?.is_kept {
        return Ok(());
    }
    let old = format!(
        "SELECT string_agg(version, ', ' ORDER BY version) AS versions FROM {MIGRATIONS_TABLE} WHERE version < $1"
    );
    let old: Old =
        sql_query(old).bind::<Text, _>(FIRST_VERSION).get_result(connection).await.map_err(during())?;
    old.versions.map_or(Ok(()), |versions| Err(SchemaError::Unreleased(versions)))
}

/// `CREATE EXTENSION` needs more rights than anything else here, so it runs only when it must.
pub(crate) async fn ensure_extension(connection: &mut AsyncPgConnection) -> Result<(), SchemaError> {
    #[derive(QueryableByName)]
    struct Present {
        #[diesel(sql_type = Bool)]
        present: bool,
    }
    let row: Present =
        sql_query("SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'vector') AS present")
            .get_result(connection)
            .await
            .map_err(SchemaError::during("the list of extensions"))?;
    if row.present {
        return Ok(());
    }
    connection.batch_execute("CREATE EXTENSION IF NOT EXISTS vector").await.map_err(SchemaError::Extension)
}

fn migrate(connection: AsyncPgConnection) -> Result<(AsyncPgConnection, Vec<String>), SchemaError> {
    let mut harness = AsyncMigrationHarness::new(connection);
    let versions = harness
        .run_pending_migrations(MIGRATIONS)
        .map_err(|error| SchemaError::Migration(error.to_string()))?;
    let applied = versions.iter().map(ToString::to_string).collect();
    Ok((harness.into_inner(), applied))
}
