//! An index in this process, for tests: exact search, nothing survives.

use std::collections::{BTreeMap, HashSet};

use async_trait::async_trait;
use storage_models::Embedding;
use tokio::sync::RwLock;

use super::{
    Condition, IndexError, IndexIdentity, NearIncident, Neighbour, Point, PointVersion, VectorIndex,
};

/// Points in a map. Bounded by nothing but its user.
#[derive(Debug, Default)]
pub struct MemoryIndex {
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    identity: Option<IndexIdentity>,
    points: BTreeMap<i64, Point>,
}

#[async_trait]
impl VectorIndex for MemoryIndex {
    async fn prepare(&self, identity: &IndexIdentity) -> Result<(), IndexError> {
        let mut state = self.state.write().await;
        match &state.identity {
            Some(owner) if owner != identity => Err(IndexError::Mismatch(format!(
                "the index belongs to the installation {} and holds vectors of {}, expected {} and {}; fill another \
                 index with `datastorage reconcile --rebuild`",
                owner.installation, owner.set, identity.installation, identity.set
            ))),
            Some(_) => Ok(()),
            None => {
                state.identity = Some(identity.clone());
                Ok(())
            }
        }
    }

    async fn upsert(&self, points: &[Point]) -> Result<(), IndexError> {
        let mut state = self.state.write().await;
        for point in points {
            let known = state.points.get(&point.record.id);
            if known.is_none_or(|known| known.record.updated_at < point.record.updated_at) {
                state.points.insert(point.record.id, point.clone());
            }
        }
        Ok(())
    }

    async fn delete(&self, ids: &[i64]) -> Result<(), IndexError> {
        let mut state = self.state.write().await;
        for id in ids {
            state.points.remove(id);
        }
        Ok(())
    }

    async fn search(
        &self,
        vector: &Embedding,
        conditions: &[Condition],
        limit: usize,
    ) -> Result<Vec<Neighbour>, IndexError> {
        let state = self.state.read().await;
        let matching = state
            .points
            .values()
            .filter(|point| conditions.iter().all(|condition| condition.holds(&point.record)));
        let mut found: Vec<Neighbour> = matching
            .map(|point| Neighbour {
                record_id: point.record.id,
                similarity: cosine(vector.as_slice(), point.embedding.as_slice()),
            })
            .collect();
        found.sort_by(Neighbour::nearest_first);
        found.truncate(limit);
        Ok(found)
    }

    async fn search_incidents(
        &self,
        vector: &Embedding,
        conditions: &[Condition],
        limit: usize,
    ) -> Result<Vec<NearIncident>, IndexError> {
        let found = self.search(vector, conditions, usize::MAX).await?;
        let state = self.state.read().await;
        let mut known = HashSet::new();
        let keyed = found.iter().filter_map(|it| {
            let key = state.points.get(&it.record_id)?.incident_key;
            Some(NearIncident { key, similarity: it.similarity })
        });
        Ok(keyed.filter(|it| known.insert(it.key)).take(limit).collect())
    }

    async fn page(&self, after: Option<i64>, limit: usize) -> Result<Vec<PointVersion>, IndexError> {
        let state = self.state.read().await;
        let above = after.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
        let rest = state.points.range((above, std::ops::Bound::Unbounded));
        Ok(rest.take(limit).map(|(_, point)| point.version()).collect())
    }

    async fn versions(&self, ids: &[i64]) -> Result<Vec<PointVersion>, IndexError> {
        let state = self.state.read().await;
        Ok(ids.iter().filter_map(|id| state.points.get(id)).map(Point::version).collect())
    }

    async fn count(&self) -> Result<u64, IndexError> {
        Ok(u64::try_from(self.state.read().await.points.len()).unwrap_or(u64::MAX))
    }
}

/// The cosine of the angle between two vectors; 0 when one of them has no direction.
fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot =
        |x: &[f32], y: &[f32]| -> f64 { x.iter().zip(y).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum() };
    let lengths = (dot(a, a) * dot(b, b)).sqrt();
    if lengths > 0.0 { dot(a, b) / lengths } else { 0.0 }
}
