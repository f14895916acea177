//! Which composition and model the stored vectors come from; vectors of two sets are never compared.

use std::time::Duration;

use diesel::result::Error;
use diesel::sql_types::{BigInt, Bool, SmallInt, Text};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use storage_models::schema::{embedding_set, installation, vector_outbox};
use storage_postgres::{Transaction, statement};
use uuid::Uuid;

/// How long a change of sets may take: every record is enqueued for the new one.
const TIME_LIMIT: Duration = Duration::from_secs(10 * 60);

/// The slot of a database's first set.
const FIRST_SLOT: i16 = 1;

statement! {
    /// Whether there is any vector in a slot.
    AnyVector("embedding_set/any_vector.sql") -> Bool { slot: i16 => SmallInt }
}

statement! {
    /// Removes all vectors of a slot.
    EmptySlot("embedding_set/empty_slot.sql") -> Text { slot: i16 => SmallInt }
}

statement! {
    /// Enqueues every record for a set.
    EnqueueAll("embedding_set/enqueue_all.sql") -> () { set: i64 => BigInt }
}

statement! {
    /// The state of a set, which stays so until the transaction ends.
    Hold("embedding_set/hold.sql") -> Text { id: i64 => BigInt }
}

/// What a vector depends on. Two vectors are comparable only if all three values agree.
#[derive(Debug, Clone, PartialEq, Eq, Hash, diesel::Queryable, diesel::Selectable, diesel::Insertable)]
#[diesel(table_name = embedding_set)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub struct EmbeddingSet {
    /// The version of the text's composition.
    pub composition: String,
    /// The model's name.
    pub model: String,
    /// How many numbers a vector has.
    pub dimension: i32,
}

impl std::fmt::Display for EmbeddingSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "model {}, composition {}, dimension {}", self.model, self.composition, self.dimension)
    }
}

/// The set that serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServingSet {
    /// Its id.
    pub id: i64,
    /// Where its vectors are.
    pub slot: i16,
}

/// The vectors on hand cannot be used with the embedder that is configured.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddingSetError {
    /// The stored vectors come from another model or composition.
    #[error(
        "another embedder ({stored}) made the stored vectors than the one that is configured ({configured}); vectors \
         of two embedders cannot be compared. Configure the embedder that made the stored vectors, or change to the \
         new one with `datastorage reembed`"
    )]
    Mismatch {
        /// The set that serves.
        stored: EmbeddingSet,
        /// The set the settings ask for.
        configured: EmbeddingSet,
    },
    /// The set could not be read or written.
    #[error("the active embedding set could not be read or set")]
    Database(#[from] Error),
}

/// Makes `wanted` the active set, unless vectors of another one exist; returns the active set. Records that were written
/// before it was there wait in the outbox for it.
///
/// Safe under replicas that start at once: the first one's set stands.
///
/// # Errors
/// [`EmbeddingSetError::Mismatch`] when vectors of another set exist.
pub async fn activate(
    connection: &mut AsyncPgConnection,
    wanted: &EmbeddingSet,
) -> Result<ServingSet, EmbeddingSetError> {
    Transaction::new("activate an embedding set", TIME_LIMIT)
        .run(connection, async |connection| {
            // Against other starters and against a projector that is completing (it holds the row FOR SHARE).
            connection.batch_execute("LOCK TABLE embedding_set IN SHARE ROW EXCLUSIVE MODE").await?;
            match active(connection).await? {
                Some((serving, stored)) if stored == *wanted => Ok(serving),
                Some((serving, stored)) if any_vector(connection, serving.slot).await? => {
                    Err(EmbeddingSetError::Mismatch { stored, configured: wanted.clone() })
                }
                other => Ok(replace(connection, other.map(|(serving, _)| serving), wanted).await?),
            }
        })
        .await
}

/// The database's own id, which the stores derived from it are marked with.
///
/// # Errors
/// When it cannot be read.
pub async fn installation(connection: &mut AsyncPgConnection) -> Result<Uuid, EmbeddingSetError> {
    Ok(installation::table.select(installation::id).first(connection).await?)
}

/// The set that serves, if any vector was ever asked for.
///
/// # Errors
/// When the database does not answer.
pub async fn current(connection: &mut AsyncPgConnection) -> Result<Option<EmbeddingSet>, Error> {
    embedding_set::table
        .filter(embedding_set::state.eq("active"))
        .select(EmbeddingSet::as_select())
        .first(connection)
        .await
        .optional()
}

async fn active(connection: &mut AsyncPgConnection) -> Result<Option<(ServingSet, EmbeddingSet)>, Error> {
    let found: Option<(i64, i16, EmbeddingSet)> = embedding_set::table
        .filter(embedding_set::state.eq("active"))
        .select((embedding_set::id, embedding_set::slot, EmbeddingSet::as_select()))
        .for_update()
        .first(connection)
        .await
        .optional()?;
    Ok(found.map(|(id, slot, set)| (ServingSet { id, slot }, set)))
}

async fn any_vector(connection: &mut AsyncPgConnection, slot: i16) -> Result<bool, Error> {
    AnyVector { slot }.get_result(connection).await
}

/// Puts `wanted` in the place of a set that has no vector, or of none, and enqueues every record for it.
async fn replace(
    connection: &mut AsyncPgConnection,
    old: Option<ServingSet>,
    wanted: &EmbeddingSet,
) -> Result<ServingSet, Error> {
    // Waits for open writes, which enqueue for the old set. Later writes see the new set.
    connection.batch_execute("LOCK TABLE vector_outbox IN SHARE ROW EXCLUSIVE MODE").await?;
    if let Some(old) = old {
        diesel::update(embedding_set::table.filter(embedding_set::id.eq(old.id)))
            .set(embedding_set::state.eq("retired"))
            .execute(connection)
            .await?;
        diesel::delete(vector_outbox::table.filter(vector_outbox::set_id.eq(old.id)))
            .execute(connection)
            .await?;
        // Vectors that were stored for records that did not get them any more.
        EmptySlot { slot: old.slot }.execute(connection).await?;
    }
    let slot = old.map_or(FIRST_SLOT, |old| old.slot);
    let id = diesel::insert_into(embedding_set::table)
        .values((wanted, embedding_set::state.eq("active"), embedding_set::slot.eq(slot)))
        .returning(embedding_set::id)
        .get_result(connection)
        .await?;
    EnqueueAll { set: id }.execute(connection).await?;
    Ok(ServingSet { id, slot })
}

/// Whether the set still serves; holds it so until the transaction ends.
pub(crate) async fn hold(connection: &mut AsyncPgConnection, id: i64) -> Result<bool, Error> {
    let state: Option<String> = Hold { id }.get_result(connection).await.optional()?;
    Ok(state.is_some_and(|state| state == "active"))
}
