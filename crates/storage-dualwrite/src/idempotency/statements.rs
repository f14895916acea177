//! The statements about keys.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use diesel::QueryResult;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Double, Nullable, SmallInt, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::key::{IdempotencyKey, Identity, Reply};
use storage_postgres::statement;

statement! {
    /// Takes these advisory locks until the end of the transaction, those that are free, waiting for none.
    TryLocks("idempotency/try_locks.sql") -> (BigInt, Bool) {
        ids: Vec<i64> => Array<BigInt>,
    }
}

statement! {
    /// What is kept under these keys.
    Stored<'a>("idempotency/stored.sql") -> (Text, Text, Text, Binary, SmallInt, Nullable<Text>, Nullable<Text>, Binary) {
        callers: Vec<&'a str> => Array<Text>,
        routes: Vec<&'a str> => Array<Text>,
        keys: Vec<&'a str> => Array<Text>,
    }
}

statement! {
    /// Keeps answers.
    Keep<'a>("idempotency/keep.sql") -> () {
        callers: Vec<&'a str> => Array<Text>,
        routes: Vec<&'a str> => Array<Text>,
        keys: Vec<&'a str> => Array<Text>,
        hashes: Vec<&'a [u8]> => Array<Binary>,
        statuses: Vec<i16> => Array<SmallInt>,
        locations: Vec<Option<&'a str>> => Array<Nullable<Text>>,
        etags: Vec<Option<&'a str>> => Array<Nullable<Text>>,
        bodies: Vec<&'a [u8]> => Array<Binary>,
    }
}

statement! {
    /// Replaces the body of a kept answer to this very request.
    Amend<'a>("idempotency/amend.sql") -> () {
        body: &'a [u8] => Binary,
        caller: &'a str => Text,
        route: &'a str => Text,
        key: &'a str => Text,
        hash: &'a [u8] => Binary,
    }
}

statement! {
    /// Removes the oldest keys, leaving those that another replica is removing.
    RemoveOlder("idempotency/remove_older.sql") -> () {
        age: f64 => Double,
        limit: i64 => BigInt,
    }
}

/// How many kept answers have another body now: one, or none.
pub(super) async fn amend(
    connection: &mut AsyncPgConnection,
    key: &IdempotencyKey,
    body: &[u8],
) -> QueryResult<usize> {
    let Identity { caller, route, key: name } = &key.identity;
    Amend { body, caller, route, key: name, hash: &key.hash }.execute(connection).await
}

pub(super) async fn try_locks(
    connection: &mut AsyncPgConnection,
    ids: Vec<i64>,
) -> QueryResult<HashSet<i64>> {
    let rows: Vec<(i64, bool)> = TryLocks { ids }.load(connection).await?;
    Ok(rows.into_iter().filter_map(|(id, held)| held.then_some(id)).collect())
}

type Row = (String, String, String, Vec<u8>, i16, Option<String>, Option<String>, Vec<u8>);

pub(super) async fn stored(
    connection: &mut AsyncPgConnection,
    keys: &[&IdempotencyKey],
) -> QueryResult<HashMap<Identity, ([u8; 32], Reply)>> {
    let statement = Stored {
        callers: keys.iter().map(|key| key.identity.caller.as_str()).collect(),
        routes: keys.iter().map(|key| key.identity.route.as_str()).collect(),
        keys: keys.iter().map(|key| key.identity.key.as_str()).collect(),
    };
    let rows: Vec<Row> = statement.load(connection).await?;
    rows.into_iter()
        .map(|(caller, route, key, hash, status, location, etag, body)| {
            let hash = hash.try_into().map_err(|_odd: Vec<u8>| {
                diesel::result::Error::DeserializationError(
                    "a stored request hash does not have 32 bytes".into(),
                )
            })?;
            Ok((Identity { caller, route, key }, (hash, Reply { status, location, etag, body })))
        })
        .collect()
}

/// Keeps answers under keys that the transaction holds.
pub(crate) async fn keep(
    connection: &mut AsyncPgConnection,
    answers: &[(&IdempotencyKey, Reply)],
) -> QueryResult<()> {
    if answers.is_empty() {
        return Ok(());
    }
    let statement = Keep {
        callers: answers.iter().map(|(key, _)| key.identity.caller.as_str()).collect(),
        routes: answers.iter().map(|(key, _)| key.identity.route.as_str()).collect(),
        keys: answers.iter().map(|(key, _)| key.identity.key.as_str()).collect(),
        hashes: answers.iter().map(|(key, _)| key.hash.as_slice()).collect(),
        statuses: answers.iter().map(|(_, reply)| reply.status).collect(),
        locations: answers.iter().map(|(_, reply)| reply.location.as_deref()).collect(),
        etags: answers.iter().map(|(_, reply)| reply.etag.as_deref()).collect(),
        bodies: answers.iter().map(|(_, reply)| reply.body.as_slice()).collect(),
    };
    statement.execute(connection).await.map(|_kept| ())
}

/// Removes at most `limit` keys older than `age`, the oldest first; returns how many.
///
/// # Errors
/// When the statement fails.
pub async fn remove_older(
    connection: &mut AsyncPgConnection,
    age: Duration,
    limit: i64,
) -> QueryResult<usize> {
    RemoveOlder { age: age.as_secs_f64(), limit }.execute(connection).await
}
