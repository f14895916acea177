//! Vectors, each stored once however many records have it. Texts repeat, and a vector that is there already costs the
//! vector index nothing.

use std::collections::{BTreeMap, HashMap};

use diesel::QueryResult;
use diesel::sql_types::{Array, BigInt, Bytea, SmallInt};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use sha2::{Digest as _, Sha256};
use storage_models::{Embedding, VectorSql};
use storage_postgres::statement;

statement! {
    /// Those of these vectors that are stored in the slot.
    Known("vectors/known.sql") -> (Bytea, BigInt) {
        slot: i16 => SmallInt,
        digests: Vec<Vec<u8>> => Array<Bytea>,
    }
}

statement! {
    /// Stores the vectors that no other writer has stored meanwhile.
    Add<'a>("vectors/add.sql") -> () {
        slot: i16 => SmallInt,
        vectors: Vec<&'a Embedding> => Array<VectorSql>,
    }
}

/// Returns the ids of vectors in a slot, in order, and stores missing vectors first. Outside a transaction only this
/// caller waits for the vector index.
pub(crate) async fn ids(
    connection: &mut AsyncPgConnection,
    slot: i16,
    vectors: impl IntoIterator<Item = &Embedding>,
) -> QueryResult<Vec<i64>> {
    let vectors: Vec<(Vec<u8>, &Embedding)> =
        vectors.into_iter().map(|vector| (digest(vector), vector)).collect();
    // In the order of the digest, as in all other sessions, so that sessions do not deadlock.
    let distinct: BTreeMap<&[u8], &Embedding> =
        vectors.iter().map(|(digest, vector)| (digest.as_slice(), *vector)).collect();
    let mut ids = known(connection, slot, owned(&distinct)).await?;
    let unknown: BTreeMap<&[u8], &Embedding> =
        distinct.into_iter().filter(|(digest, _)| !ids.contains_key(*digest)).collect();
    if !unknown.is_empty() {
        Add { slot, vectors: unknown.values().copied().collect() }.execute(connection).await?;
        ids.extend(known(connection, slot, owned(&unknown)).await?);
    }
    let id = |(digest, _): &(Vec<u8>, _)| ids.get(digest).copied().ok_or(diesel::result::Error::NotFound);
    vectors.iter().map(id).collect()
}

async fn known(
    connection: &mut AsyncPgConnection,
    slot: i16,
    digests: Vec<Vec<u8>>,
) -> QueryResult<HashMap<Vec<u8>, i64>> {
    if digests.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(Vec<u8>, i64)> = Known { slot, digests }.load(connection).await?;
    Ok(rows.into_iter().collect())
}

fn owned(vectors: &BTreeMap<&[u8], &Embedding>) -> Vec<Vec<u8>> {
    vectors.keys().map(|digest| digest.to_vec()).collect()
}

/// As the column `digest` is generated: SHA-256 of the vector as pgvector's `vector_send` writes it, which is its
/// dimension and an unused number, 16 bits each, and then its numbers, all big-endian.
fn digest(vector: &Embedding) -> Vec<u8> {
    let numbers = vector.as_slice();
    let mut hash = Sha256::new();
    hash.update(u16::try_from(numbers.len()).unwrap_or(u16::MAX).to_be_bytes());
    hash.update(0_u16.to_be_bytes());
    for number in numbers {
        hash.update(number.to_be_bytes());
    }
    hash.finalize().to_vec()
}
