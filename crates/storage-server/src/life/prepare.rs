//! Making sure of the database before anything is started: reachable, migrated, and with this embedder's vectors.

use std::sync::Arc;
use std::time::Duration;

use diesel_async::AsyncPgConnection;
use storage_breaker::BreakerSettings;
use storage_dualwrite::index::{GuardedIndex, IndexError, IndexIdentity};
use storage_dualwrite::{ServingSet, embedding_set};
use storage_schema::{BootstrapOptions, Difference};
use tokio::time::Instant;

use super::{Parts, StartError};
use crate::embedder::Embeddings;
use crate::settings::Settings;
use crate::telemetry::chain;

/// The pause after the first try to reach PostgreSQL; doubles up to [`MAX_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// The longest pause between two tries.
const MAX_PAUSE: Duration = Duration::from_secs(2);

/// How long the start waits for the outside index before it goes on without.
const INDEX_PATIENCE: Duration = Duration::from_secs(5);

/// What was found in the database.
#[derive(Debug)]
pub(super) struct Prepared {
    /// The id of the embedding set that serves.
    pub(super) set: ServingSet,
    /// Whom an outside index must belong to.
    pub(super) identity: IndexIdentity,
}

/// Makes sure of the database. A PostgreSQL that is unavailable, or becomes so meanwhile, is waited for
/// until `database.start_timeout` has passed.
pub(super) async fn database(parts: &Parts, embeddings: &Embeddings) -> Result<Prepared, StartError> {
    let (patience, started) = (parts.settings.database.start_timeout, Instant::now());
    let mut pause = FIRST_PAUSE;
    loop {
        let error = match database_once(parts, embeddings, started).await {
            Ok(prepared) => return Ok(prepared),
            Err(error) => error,
        };
        let left = patience.saturating_sub(started.elapsed());
        if error.is_final() || left.is_zero() {
            return Err(error);
        }
        tracing::warn!(
            error = chain(&error),
            seconds_left = left.as_secs_f64(),
            "PostgreSQL cannot be used yet; trying again"
        );
        tokio::time::sleep(pause.min(left)).await;
        pause = (pause * 2).min(MAX_PAUSE);
    }
}

/// The outside index, guarded. One that is unavailable is met later; one that is not ours ends the start.
pub(super) async fn index(
    parts: &Parts,
    prepared: &Prepared,
) -> Result<Option<Arc<GuardedIndex>>, StartError> {
    let Some(index) = parts.index.clone() else { return Ok(None) };
    let guarded = GuardedIndex::new(index, prepared.identity.clone(), BreakerSettings::default());
    match tokio::time::timeout(INDEX_PATIENCE, guarded.check()).await {
        Ok(Err(IndexError::Mismatch(sentence))) => return Err(StartError::Index(sentence)),
        Ok(Ok(())) => {}
        // The guard has said so, but for a wait that was cut short.
        Ok(Err(_)) => {}
        Err(_elapsed) => tracing::warn!("the vector index does not answer yet; going on with the start"),
    }
    Ok(Some(Arc::new(guarded)))
}

async fn database_once(
    parts: &Parts,
    embeddings: &Embeddings,
    started: Instant,
) -> Result<Prepared, StartError> {
    let connecting = parts.connectors.maintenance.connect().await;
    let mut connection =
        connecting.map_err(|source| StartError::DatabaseAway { waited: started.elapsed(), source })?;
    if parts.settings.schema.bootstrap {
        bootstrap(&parts.settings, started).await?;
    }
    verify(&mut connection).await?;
    let wanted = embeddings.set();
    let set = embedding_set::activate(&mut connection, &wanted).await.map_err(StartError::EmbeddingSet)?;
    let installation =
        embedding_set::installation(&mut connection).await.map_err(StartError::Installation)?;
    Ok(Prepared { set, identity: IndexIdentity { installation, set: wanted } })
}

/// In a task of its own: migrations block their thread, which nothing else may share.
async fn bootstrap(settings: &Settings, started: Instant) -> Result<(), StartError> {
    let owner = settings.database.owner(settings.schema.owner_url.as_ref()).map_err(StartError::Owner)?;
    let owner = owner.connect().await;
    let owner = owner.map_err(|source| StartError::DatabaseAway { waited: started.elapsed(), source })?;
    let options = BootstrapOptions { server_role: settings.server_role(), ..BootstrapOptions::default() };
    let migrating = tokio::spawn(async move { storage_schema::bootstrap_with(owner, &options).await });
    let report = migrating.await.map_err(StartError::Interrupted)?.map_err(StartError::Bootstrap)?;
    tracing::info!(
        migrations = report.applied.len(),
        partitions = report.partitions,
        rights = report.role.map_or(0, |role| role.mended.len()),
        "the schema is up to date"
    );
    Ok(())
}

/// What is missing ends the start; what is extra belongs to a newer version and is named in the log.
async fn verify(connection: &mut AsyncPgConnection) -> Result<(), StartError> {
    let report = storage_schema::verify(connection).await.map_err(StartError::Verify)?;
    for harmless in report.harmless() {
        tracing::warn!(difference = %harmless, "the database has columns or tables that this version does not know");
    }
    let mut fatal: Vec<String> = report.fatal().map(ToString::to_string).collect();
    fatal.extend(lacking(connection).await?);
    if fatal.is_empty() { Ok(()) } else { Err(StartError::Schema(fatal)) }
}

/// The rights that this role lacks. What it has too much, or can do without, is named in the log.
async fn lacking(connection: &mut AsyncPgConnection) -> Result<Vec<String>, StartError> {
    let report = storage_schema::verify_role(connection, None).await.map_err(StartError::Verify)?;
    if let Some(why) = report.unrestricted {
        tracing::warn!(
            role = report.role,
            "the service's role {why}: the database keeps nothing from it; `datastorage schema roles` makes a better one"
        );
    }
    let (missing, others): (Vec<_>, Vec<_>) = report.differences.into_iter().partition(Difference::is_fatal);
    for other in others {
        match other {
            Difference::Extra { .. } => {
                tracing::warn!(difference = %other, "the service's role may do more than it needs");
            }
            _ => tracing::warn!(
                difference = %other,
                role = report.role,
                "the service's role may not have PostgreSQL's errors told in English, by which it tells them apart; have an \
                 administrator run: GRANT SET ON PARAMETER lc_messages TO the role"
            ),
        }
    }
    Ok(missing.iter().map(ToString::to_string).collect())
}
