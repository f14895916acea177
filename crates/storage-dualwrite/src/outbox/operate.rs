//! The operator's view of the outbox, and the operations on it.

use diesel::{ExpressionMethods, QueryDsl, QueryResult, Selectable, SelectableHelper};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::Serialize;
use storage_models::Timestamp;
use storage_models::schema::{embedding_set, vector_outbox};

/// A record that failed for its own reasons until it was set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, diesel::Queryable, Selectable)]
#[diesel(table_name = vector_outbox)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub struct Parked {
    /// The remediation.
    pub record_id: i64,
    /// How often it was tried.
    pub attempts: i32,
    /// The error of the last attempt.
    pub last_error: Option<String>,
    /// When it was set aside.
    pub parked_at: Option<Timestamp>,
}

/// The parked records of the set that serves, oldest first, at most `limit`.
///
/// # Errors
/// When the database does not answer.
pub async fn list(connection: &mut AsyncPgConnection, limit: i64) -> QueryResult<Vec<Parked>> {
    vector_outbox::table
        .filter(vector_outbox::parked_at.is_not_null())
        .filter(vector_outbox::set_id.eq_any(active()))
        .order((vector_outbox::parked_at, vector_outbox::record_id))
        .limit(limit)
        .select(Parked::as_select())
        .load(connection)
        .await
}

/// Puts parked records of the set that serves back to work: those named, or all when none is. Returns how many.
///
/// # Errors
/// When the database does not answer.
pub async fn retry(connection: &mut AsyncPgConnection, record_ids: &[i64]) -> QueryResult<usize> {
    let parked = vector_outbox::table
        .filter(vector_outbox::parked_at.is_not_null())
        .filter(vector_outbox::set_id.eq_any(active()));
    let revive = diesel::update(parked);
    let fresh = (
        vector_outbox::parked_at.eq(None::<Timestamp>),
        vector_outbox::attempts.eq(0),
        vector_outbox::next_attempt_at.eq(diesel::dsl::now),
    );
    if record_ids.is_empty() {
        revive.set(fresh).execute(connection).await
    } else {
        revive.filter(vector_outbox::record_id.eq_any(record_ids)).set(fresh).execute(connection).await
    }
}

/// The id of the set that serves.
#[diesel::dsl::auto_type(no_type_alias)]
fn active() -> _ {
    embedding_set::table.filter(embedding_set::state.eq("active")).select(embedding_set::id)
}
