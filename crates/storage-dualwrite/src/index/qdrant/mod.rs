//! The index in Qdrant, over gRPC.
//!
//! A point's id is the record's id, its vector is compared by cosine, and its payload has every field that a search
//! can filter by, each with a payload index. The collection is used through an alias, and its metadata says which
//! installation and which embedding set it belongs to.
//!
//! Nothing is repeated here: an operation is one request, or one for each part of a large one, and what it answers
//! is what happened.

mod client;
mod collection;
mod endpoint;
mod fault;
mod filter;
mod payload;
mod server_version;
mod settings;

pub use settings::{QdrantSettings, QdrantSettingsError};

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use qdrant_client::qdrant::{
    CountPoints, DeletePoints, GetPoints, PayloadIncludeSelector, PointGroup, PointId, PointStruct,
    PointsIdsList, PointsSelector, Query, QueryPointGroups, QueryPoints, RetrievedPoint, ScoredPoint,
    ScrollPoints, SearchParams, UpsertPoints, Vectors, WithPayloadSelector, group_id, point_id,
    points_selector, with_payload_selector,
};
use storage_models::{Embedding, IncidentKey, Timestamp};

use super::{
    Condition, IndexError, IndexIdentity, NearIncident, Neighbour, Point, PointVersion, VectorIndex,
};
use client::Client;
use collection::Collection;

/// Most points in one request to store.
const UPSERT_MAX: usize = 128;
/// Most ids in one request to read or remove.
const IDS_MAX: usize = 1_000;
/// Most points in one request to page.
const PAGE_MAX: usize = 10_000;
/// Candidates that a search of the graph keeps at least; more find better neighbours and take longer.
const EF: u64 = 128;

/// An index in one Qdrant collection. Connects when it is first used.
#[derive(Debug)]
pub struct QdrantIndex {
    client: Client,
    alias: String,
    identity: Mutex<Option<IndexIdentity>>,
}

impl QdrantIndex {
    /// An index without a connection so far. Needs a tokio runtime.
    ///
    /// # Errors
    /// When the settings cannot be right.
    pub fn new(settings: &QdrantSettings) -> Result<Self, QdrantSettingsError> {
        settings.check()?;
        let alias = settings.collection.clone();
        Ok(Self { client: Client::new(settings)?, alias, identity: Mutex::default() })
    }

    const fn collection(&self) -> Collection<'_> {
        Collection { client: &self.client, alias: self.alias.as_str() }
    }

    async fn upsert_part(&self, points: &[&Point]) -> Result<(), IndexError> {
        let operation = "store points";
        let request = UpsertPoints {
            collection_name: self.alias.clone(),
            wait: Some(true),
            points: points.iter().map(|point| stored(point)).collect(),
            update_filter: Some(filter::of_update(points, |point| number(point.record.id).unwrap_or(0))),
            ..UpsertPoints::default()
        };
        let answer = self.client.ask(operation, self.client.points().upsert(request)).await?;
        self.client.unless_done(operation, &answer)
    }

    /// A refusal may be the collection's fault rather than the points': it was replaced since it was checked.
    async fn whose_fault(&self, error: IndexError) -> IndexError {
        let identity = self.identity.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match (&error, identity) {
            (IndexError::Refused { .. }, Some(identity)) => {
                self.collection().check(&identity).await.err().unwrap_or(error)
            }
            _ => error,
        }
    }

    async fn nearest(
        &self,
        vector: &Embedding,
        conditions: &[Condition],
        limit: usize,
        exact: bool,
    ) -> Result<Vec<Neighbour>, IndexError> {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX);
        let request = QueryPoints {
            collection_name: self.alias.clone(),
            query: Some(Query::new_nearest(vector.as_slice().to_vec())),
            filter: filter::of_search(conditions),
            params: Some(params(limit, exact)),
            limit: Some(limit),
            with_payload: Some(false.into()),
            with_vectors: Some(false.into()),
            ..QueryPoints::default()
        };
        let answer = self.client.ask("search", self.client.points().query(request)).await?;
        let mut found = answer.result.iter().map(neighbour).collect::<Result<Vec<_>, _>>()?;
        found.sort_by(Neighbour::nearest_first);
        Ok(found)
    }

    /// Points without the key, which nothing that stores points makes, are in no group.
    async fn nearest_incidents(
        &self,
        vector: &Embedding,
        conditions: &[Condition],
        limit: usize,
        exact: bool,
    ) -> Result<Vec<NearIncident>, IndexError> {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX);
        let request = QueryPointGroups {
            collection_name: self.alias.clone(),
            query: Some(Query::new_nearest(vector.as_slice().to_vec())),
            filter: filter::of_search(conditions),
            params: Some(params(limit, exact)),
            limit: Some(limit),
            group_by: payload::INCIDENT_KEY.to_owned(),
            group_size: Some(1),
            with_payload: Some(false.into()),
            with_vectors: Some(false.into()),
            ..QueryPointGroups::default()
        };
        let answer =
            Box::pin(self.client.ask("search incidents", self.client.points().query_groups(request))).await?;
        let groups = answer.result.map(|result| result.groups).unwrap_or_default();
        let mut found = groups.iter().map(near_incident).collect::<Result<Vec<_>, _>>()?;
        found.sort_by(|a, b| b.similarity.total_cmp(&a.similarity));
        Ok(found)
    }
}

#[async_trait]
impl VectorIndex for QdrantIndex {
    async fn prepare(&self, identity: &IndexIdentity) -> Result<(), IndexError> {
        Box::pin(self.collection().prepare(identity)).await?;
        *self.identity.lock().unwrap_or_else(PoisonError::into_inner) = Some(identity.clone());
        Ok(())
    }

    async fn upsert(&self, points: &[Point]) -> Result<(), IndexError> {
        // Twice in one request, a point would be compared with what was stored before the request both times.
        let mut newest: BTreeMap<u64, &Point> = BTreeMap::new();
        for point in points {
            let id = number(point.record.id).ok_or_else(|| no_id(point.record.id))?;
            let known = newest.entry(id).or_insert(point);
            if known.record.updated_at < point.record.updated_at {
                *known = point;
            }
        }
        let newest: Vec<&Point> = newest.into_values().collect();
        for part in newest.chunks(UPSERT_MAX) {
            if let Err(error) = self.upsert_part(part).await {
                return Err(self.whose_fault(error).await);
            }
        }
        Ok(())
    }

    async fn delete(&self, ids: &[i64]) -> Result<(), IndexError> {
        let operation = "remove points";
        for part in ids.chunks(IDS_MAX) {
            let ids = PointsIdsList { ids: point_ids(part) };
            let one_of = points_selector::PointsSelectorOneOf::Points(ids);
            let request = DeletePoints {
                collection_name: self.alias.clone(),
                wait: Some(true),
                points: Some(PointsSelector { points_selector_one_of: Some(one_of) }),
                ..DeletePoints::default()
            };
            let answer = self.client.ask(operation, self.client.points().delete(request)).await?;
            self.client.unless_done(operation, &answer)?;
        }
        Ok(())
    }

    async fn search(
        &self,
        vector: &Embedding,
        conditions: &[Condition],
        limit: usize,
    ) -> Result<Vec<Neighbour>, IndexError> {
        if limit == 0 || conditions.iter().any(Condition::is_never_met) {
            return Ok(Vec::new());
        }
        let found = self.nearest(vector, conditions, limit, false).await?;
        if found.len() < limit && !conditions.is_empty() {
            // Either few match, and comparing with all of them is cheap; or the graph did not reach them.
            return self.nearest(vector, conditions, limit, true).await;
        }
        Ok(found)
    }

    async fn search_incidents(
        &self,
        vector: &Embedding,
        conditions: &[Condition],
        limit: usize,
    ) -> Result<Vec<NearIncident>, IndexError> {
        if limit == 0 || conditions.iter().any(Condition::is_never_met) {
            return Ok(Vec::new());
        }
        let found = self.nearest_incidents(vector, conditions, limit, false).await?;
        if found.len() < limit && !conditions.is_empty() {
            return self.nearest_incidents(vector, conditions, limit, true).await;
        }
        Ok(found)
    }

    async fn page(&self, after: Option<i64>, limit: usize) -> Result<Vec<PointVersion>, IndexError> {
        let mut page = Vec::new();
        let mut from = match after {
            None => Some(0),
            Some(after) => after.checked_add(1).map(|from| number(from).unwrap_or(0)),
        };
        while let Some(start) = from
            && page.len() < limit
        {
            let wanted = limit.saturating_sub(page.len()).min(PAGE_MAX);
            let request = ScrollPoints {
                collection_name: self.alias.clone(),
                offset: Some(start.into()),
                limit: Some(u32::try_from(wanted).unwrap_or(u32::MAX)),
                with_payload: Some(version_only()),
                with_vectors: Some(false.into()),
                ..ScrollPoints::default()
            };
            let answer = self.client.ask("page", self.client.points().scroll(request)).await?;
            for point in &answer.result {
                page.push(point_version(point)?);
            }
            from = answer
                .next_page_offset
                .as_ref()
                .map(|next| record_id(Some(next)))
                .transpose()?
                .and_then(number);
        }
        Ok(page)
    }

    async fn versions(&self, ids: &[i64]) -> Result<Vec<PointVersion>, IndexError> {
        let mut found = Vec::with_capacity(ids.len());
        for part in ids.chunks(IDS_MAX) {
            let request = GetPoints {
                collection_name: self.alias.clone(),
                ids: point_ids(part),
                with_payload: Some(version_only()),
                with_vectors: Some(false.into()),
                ..GetPoints::default()
            };
            let answer = self.client.ask("read versions", self.client.points().get(request)).await?;
            for point in &answer.result {
                found.push(point_version(point)?);
            }
        }
        Ok(found)
    }

    async fn count(&self) -> Result<u64, IndexError> {
        let request =
            CountPoints { collection_name: self.alias.clone(), exact: Some(true), ..CountPoints::default() };
        let answer = self.client.ask("count", self.client.points().count(request)).await?;
        answer.result.map(|result| result.count).ok_or_else(|| IndexError::Away {
            reason: "count: the answer has no number".to_owned(),
            retry_after: None,
        })
    }
}

fn params(limit: u64, exact: bool) -> SearchParams {
    SearchParams { hnsw_ef: Some(EF.max(limit)), exact: Some(exact), ..SearchParams::default() }
}

fn stored(point: &Point) -> PointStruct {
    let id = point.record.id;
    PointStruct {
        id: number(id).map(PointId::from),
        payload: payload::of_record(&point.record, point.incident_key, id),
        vectors: Some(Vectors::from(point.embedding.as_slice().to_vec())),
    }
}

/// The number that a point has for this record id, if it can have one.
fn number(id: i64) -> Option<u64> {
    u64::try_from(id).ok()
}

/// Those of the ids that a point can have; the others cannot exist.
fn point_ids(ids: &[i64]) -> Vec<PointId> {
    ids.iter().filter_map(|id| number(*id)).map(PointId::from).collect()
}

fn no_id(id: i64) -> IndexError {
    IndexError::Refused { operation: "store points", reason: format!("{id} cannot be the id of a point") }
}

fn version_only() -> WithPayloadSelector {
    let fields = vec![payload::VERSION.to_owned()];
    let only = with_payload_selector::SelectorOptions::Include(PayloadIncludeSelector { fields });
    WithPayloadSelector { selector_options: Some(only) }
}

fn neighbour(point: &ScoredPoint) -> Result<Neighbour, IndexError> {
    let similarity = f64::from(point.score).clamp(-1.0, 1.0);
    Ok(Neighbour { record_id: record_id(point.id.as_ref())?, similarity })
}

fn near_incident(group: &PointGroup) -> Result<NearIncident, IndexError> {
    let key = match group.id.as_ref().and_then(|id| id.kind.as_ref()) {
        Some(group_id::Kind::StringValue(key)) => IncidentKey::parse(key).ok_or_else(foreign_incident)?,
        _ => return Err(foreign_incident()),
    };
    let nearest = group.hits.first().ok_or_else(foreign_incident)?;
    Ok(NearIncident { key, similarity: f64::from(nearest.score).clamp(-1.0, 1.0) })
}

fn foreign_incident() -> IndexError {
    let reason = "a group of points has no incident's key, or no point".to_owned();
    IndexError::Refused { operation: "search incidents", reason }
}

/// A point that lost its version counts as one from 1970, so that it is found to be stale and stored again.
fn point_version(point: &RetrievedPoint) -> Result<PointVersion, IndexError> {
    let micros = payload::integer(&point.payload, payload::VERSION).unwrap_or(0);
    let version = Timestamp::from_micros(micros).or_else(|| Timestamp::from_micros(0)).ok_or_else(foreign)?;
    Ok(PointVersion { record_id: record_id(point.id.as_ref())?, version })
}

fn record_id(id: Option<&PointId>) -> Result<i64, IndexError> {
    match id.and_then(|id| id.point_id_options.as_ref()) {
        Some(point_id::PointIdOptions::Num(number)) => i64::try_from(*number).map_err(|_large| foreign()),
        _ => Err(foreign()),
    }
}

fn foreign() -> IndexError {
    IndexError::Mismatch(
        "the Qdrant collection holds a point whose id cannot be the id of a record: another program writes to the \
         collection. Remove these points, or set another collection in the settings and fill it with `datastorage \
         reconcile --rebuild`"
            .to_owned(),
    )
}
