//! Records, vectors and points for tests of an index.

use std::borrow::Cow;

use storage_models::fields::{Field, Members as _, Value};
use storage_models::{Embedding, IncidentKey, Remediation, Timestamp};
use uuid::Uuid;

use crate::EmbeddingSet;
use crate::index::{self, IndexIdentity, Point};

/// The instant that a test's times are counted from: 2026-01-01, in microseconds.
pub(crate) const EPOCH: i64 = 1_767_225_600_000_000;

pub(crate) fn instant(micros: i64) -> Timestamp {
    Timestamp::from_micros(EPOCH + micros).unwrap()
}

/// The record with something else in it.
pub(crate) fn changed(mut record: Remediation, change: impl FnOnce(&mut Remediation)) -> Remediation {
    change(&mut record);
    record
}

/// A record with nothing but what it must have, in its first version.
pub(crate) fn record(id: i64) -> Remediation {
    let text = |text: &str| Value::Text(Cow::Owned(text.to_owned()));
    let made = Remediation::of_values(|name| match name {
        "id" => Value::Integer(id),
        "name" => text(&format!("record-{id}")),
        "namespace" => text("default"),
        "phase" => text("processing"),
        "action_type" => text("restart-pod"),
        "status" => text("running"),
        "start_time" | "created_at" => Value::Time(instant(0)),
        "recorded_by" => text("operator"),
        "updated_at" => Value::Time(instant(1)),
        _ => Value::Null,
    });
    made.unwrap()
}

/// One of the fields that an index can filter by.
pub(crate) fn field(name: &str) -> &'static Field {
    index::fields().find(|field| field.name == name).unwrap()
}

/// The record's point, with a vector that depends on its id alone.
pub(crate) fn point(record: Remediation) -> Point {
    let embedding = embedding(record.id.unsigned_abs());
    Point { record, embedding, incident_key: INCIDENT }
}

/// The incident of every record of these tests.
pub(crate) const INCIDENT: IncidentKey = IncidentKey::new([7; IncidentKey::LENGTH]);

/// Has an embedder of these tests take all records for those of one incident.
macro_rules! one_incident {
    ($embedder:ident $(<$parameter:ident>)?) => {
        impl $(<$parameter: Send + Sync>)? crate::IncidentKeys for $embedder $(<$parameter>)? {
            fn incident_key(&self, _record: &storage_models::Remediation) -> storage_models::IncidentKey {
                crate::tests::index_support::INCIDENT
            }
        }
    };
}
pub(crate) use one_incident;

/// A direction for each seed; those of different seeds are nearly at right angles.
pub(crate) fn embedding(seed: u64) -> Embedding {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03;
    let values = (0..Embedding::DIMENSION).map(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        f32::from(u16::try_from(state >> 48).unwrap()) / 32_768.0 - 1.0
    });
    Embedding::new(values.collect()).unwrap()
}

/// Somebody's identity; different numbers are different installations.
pub(crate) fn identity(installation: u128) -> IndexIdentity {
    IndexIdentity {
        installation: Uuid::from_u128(installation),
        set: EmbeddingSet { composition: "1".to_owned(), model: "test".to_owned(), dimension: 384 },
    }
}
