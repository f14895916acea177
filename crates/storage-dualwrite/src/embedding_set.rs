//! Which composition and model the stored vectors come from; vectors of two sets are never compared.

use diesel::result::Error;
use diesel::sql_types::{BigInt, Bool, Text};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, QueryableByName, SelectableHelper, sql_query};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use storage_models::schema::{embedding_set, installation};
use uuid::Uuid;

/// What a vector depends on: two vectors are comparable only when all three agree.
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

/// The vectors on hand cannot be used with the embedder that is configured.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddingSetError {
    /// The stored vectors come from another model or composition.
    #[error(
        "the stored vectors come from another embedder ({stored}) than the configured one ({configured}); \
         vectors of two embedders cannot be compared. Configure the stored one again, or change over with \
         `datastorage reembed`"
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

/// Makes `wanted` the active set, unless vectors of another one exist; returns the active set's id.
///
/// Safe under replicas that start at once: the first one's set stands.
///
/// # Errors
/// [`EmbeddingSetError::Mismatch`] when vectors of another set exist.
pub async fn activate(
    connection: &mut AsyncPgConnection,
    wanted: &EmbeddingSet,
) -> Result<i64, EmbeddingSetError> {
    connection
        .transaction(async |connection| {
            // Against other starters and against a projector that is completing (it holds the row FOR SHARE).
            connection.batch_execute("LOCK TABLE embedding_set IN SHARE ROW EXCLUSIVE MODE").await?;
            match active(connection).await? {
                Some((id, stored)) if stored == *wanted => Ok(id),
                Some((_, stored)) if any_vector(connection).await? => {
                    Err(EmbeddingSetError::Mismatch { stored, configured: wanted.clone() })
                }
                other => replace(connection, other.map(|(id, _)| id), wanted).await,
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

async fn active(connection: &mut AsyncPgConnection) -> Result<Option<(i64, EmbeddingSet)>, Error> {
    embedding_set::table
        .filter(embedding_set::state.eq("active"))
        .select((embedding_set::id, EmbeddingSet::as_select()))
        .for_update()
        .first(connection)
        .await
        .optional()
}

async fn any_vector(connection: &mut AsyncPgConnection) -> Result<bool, Error> {
    #[derive(QueryableByName)]
    struct Found {
        #[diesel(sql_type = Bool)]
        found: bool,
    }
    sql_query("SELECT EXISTS (SELECT FROM remediation_audit WHERE embedding_id IS NOT NULL) AS found")
        .get_result::<Found>(connection)
        .await
        .map(|row| row.found)
}

async fn replace(
    connection: &mut AsyncPgConnection,
    old: Option<i64>,
    wanted: &EmbeddingSet,
) -> Result<i64, EmbeddingSetError> {
    if let Some(old) = old {
        diesel::update(embedding_set::table.filter(embedding_set::id.eq(old)))
            .set(embedding_set::state.eq("retired"))
            .execute(connection)
            .await?;
    }
    let id = diesel::insert_into(embedding_set::table)
        .values((wanted, embedding_set::state.eq("active")))
        .returning(embedding_set::id)
        .get_result(connection)
        .await?;
    Ok(id)
}

/// Whether the set still serves; holds it so until the transaction ends.
pub(crate) async fn hold(connection: &mut AsyncPgConnection, id: i64) -> Result<bool, Error> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        state: String,
    }
    sql_query("SELECT state::text FROM embedding_set WHERE id = $1 FOR SHARE")
        .bind::<BigInt, _>(id)
        .get_result::<Row>(connection)
        .await
        .optional()
        .map(|row| row.is_some_and(|row| row.state == "active"))
}
