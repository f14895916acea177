//! The operations of the server on points.

use std::collections::HashSet;

use qdrant_client::qdrant::payload_index_params::IndexParams;
use qdrant_client::qdrant::points_selector::PointsSelectorOneOf;
use qdrant_client::qdrant::query::Variant;
use qdrant_client::qdrant::value::Kind;
use qdrant_client::qdrant::vectors::VectorsOptions;
use qdrant_client::qdrant::with_payload_selector::SelectorOptions;
use qdrant_client::qdrant::{
    CountPoints, CountResponse, CountResult, CreateFieldIndexCollection, DeletePoints, Distance, FieldType,
    Filter, GetPoints, GetResponse, GroupId, GroupsResult, PayloadSchemaInfo, PayloadSchemaType, PointGroup,
    PointId, PointStruct, PointsOperationResponse, Query, QueryGroupsResponse, QueryPointGroups, QueryPoints,
    QueryResponse, RetrievedPoint, ScoredPoint, ScrollPoints, ScrollResponse, UpdateResult, UpdateStatus,
    UpsertPoints, WithPayloadSelector, WithVectorsSelector, group_id, vector, vector_input,
    with_vectors_selector,
};
use tonic::Status;

use super::filter::{Payload, number_of, understand, unknown};
use super::state::{Collection, State, StoredPoint};

/// The limit if the request has none.
const LIMIT: usize = 10;
/// The same for groups, and for the points of one group.
const GROUPS: usize = 3;
const GROUP_SIZE: usize = 10;

pub(super) fn upsert(state: &mut State, request: UpsertPoints) -> Result<PointsOperationResponse, Status> {
    if request.shard_key_selector.is_some() || request.update_mode.is_some() {
        return Err(unknown("shard keys and update modes"));
    }
    let test = understand(request.update_filter.as_ref())?;
    let collection = state.collection(&request.collection_name)?;
    let points: Vec<(u64, PointStruct)> = request
        .points
        .into_iter()
        .map(|point| Ok((number_of(point.id.as_ref())?, point)))
        .collect::<Result<_, Status>>()?;
    let points: Vec<(u64, StoredPoint)> = points
        .into_iter()
        .map(|(id, point)| Ok((id, accept(collection, point)?)))
        .collect::<Result<_, Status>>()?;
    // Decided for all points before any is stored, as the real server does.
    let kept: HashSet<u64> = points
        .iter()
        .filter(|(id, _)| collection.points.get(id).is_some_and(|known| !test.holds(*id, &known.payload)))
        .map(|(id, _)| *id)
        .collect();
    let version = collection.next_update();
    let newer = points.into_iter().filter(|(id, _)| !kept.contains(id));
    collection.points.extend(newer.map(|(id, point)| (id, StoredPoint { version, ..point })));
    Ok(updated(version, request.wait))
}

/// A point as it will be stored.
fn accept(collection: &Collection, point: PointStruct) -> Result<StoredPoint, Status> {
    let mut vector = match point.vectors.and_then(|vectors| vectors.vectors_options) {
        Some(VectorsOptions::Vector(vector)) => match vector.vector {
            Some(vector::Vector::Dense(dense)) => dense.data,
            other => return Err(unknown(&format!("the vector {other:?}"))),
        },
        other => return Err(unknown(&format!("the vectors {other:?}"))),
    };
    prepare(collection, &mut vector)?;
    Ok(StoredPoint { vector, payload: point.payload, version: 0 })
}

/// Checks a vector's length and gives it the length 1; one without a direction stays as it is.
fn prepare(collection: &Collection, vector: &mut [f32]) -> Result<(), Status> {
    if collection.distance != Distance::Cosine {
        return Err(unknown("distances other than Cosine"));
    }
    let (expected, found) = (collection.size, vector.len());
    if expected != found {
        return Err(Status::invalid_argument(format!(
            "Wrong input: Vector dimension error: expected dim: {expected}, got {found}"
        )));
    }
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    if length > f32::EPSILON {
        vector.iter_mut().for_each(|value| *value /= length);
    }
    Ok(())
}

pub(super) fn delete(state: &mut State, request: DeletePoints) -> Result<PointsOperationResponse, Status> {
    let collection = state.collection(&request.collection_name)?;
    match request.points.and_then(|points| points.points_selector_one_of) {
        Some(PointsSelectorOneOf::Points(list)) => {
            let ids: HashSet<u64> =
                list.ids.iter().map(|id| number_of(Some(id))).collect::<Result<_, Status>>()?;
            collection.points.retain(|id, _| !ids.contains(id));
        }
        Some(PointsSelectorOneOf::Filter(filter)) => {
            let test = understand(Some(&filter))?;
            collection.points.retain(|id, point| !test.holds(*id, &point.payload));
        }
        None => return Err(Status::invalid_argument("PointsSelector is required")),
    }
    let version = collection.next_update();
    Ok(updated(version, request.wait))
}

fn updated(operation_id: u64, wait: Option<bool>) -> PointsOperationResponse {
    let status = if wait == Some(true) { UpdateStatus::Completed } else { UpdateStatus::Acknowledged };
    let result = UpdateResult { operation_id: Some(operation_id), status: status.into() };
    PointsOperationResponse { result: Some(result), ..PointsOperationResponse::default() }
}

pub(super) fn get(state: &mut State, request: &GetPoints) -> Result<GetResponse, Status> {
    let collection = state.collection(&request.collection_name)?;
    no_vectors(request.with_vectors.as_ref())?;
    let mut result = Vec::new();
    for id in &request.ids {
        let id = number_of(Some(id))?;
        if let Some(point) = collection.points.get(&id) {
            result.push(retrieved(id, point, request.with_payload.as_ref()));
        }
    }
    Ok(GetResponse { result, ..GetResponse::default() })
}

pub(super) fn scroll(state: &mut State, request: &ScrollPoints) -> Result<ScrollResponse, Status> {
    if request.order_by.is_some() {
        return Err(unknown("ordering by a field"));
    }
    no_vectors(request.with_vectors.as_ref())?;
    let test = understand(request.filter.as_ref())?;
    let limit = limit(request.limit.map(u64::from))?;
    let start = request.offset.as_ref().map_or(Ok(0), |offset| number_of(Some(offset)))?;
    let collection = state.collection(&request.collection_name)?;
    let mut matching =
        collection.points.range(start..).filter(|(id, point)| test.holds(**id, &point.payload));
    let result =
        matching.by_ref().take(limit).map(|(id, point)| retrieved(*id, point, request.with_payload.as_ref()));
    let result = result.collect();
    let next_page_offset = matching.next().map(|(id, _)| PointId::from(*id));
    Ok(ScrollResponse { next_page_offset, result, ..ScrollResponse::default() })
}

fn retrieved(id: u64, point: &StoredPoint, selector: Option<&WithPayloadSelector>) -> RetrievedPoint {
    let payload = selected(&point.payload, selector, true);
    RetrievedPoint { id: Some(id.into()), payload, ..RetrievedPoint::default() }
}

pub(super) fn count(state: &mut State, request: &CountPoints) -> Result<CountResponse, Status> {
    let test = understand(request.filter.as_ref())?;
    let collection = state.collection(&request.collection_name)?;
    let count = collection.points.iter().filter(|(id, point)| test.holds(**id, &point.payload)).count();
    let result = CountResult { count: u64::try_from(count).unwrap_or(u64::MAX) };
    Ok(CountResponse { result: Some(result), ..CountResponse::default() })
}

/// Exact, whatever the parameters say of how hard to search.
pub(super) fn query(state: &mut State, request: QueryPoints) -> Result<QueryResponse, Status> {
    if !request.prefetch.is_empty()
        || request.using.is_some()
        || request.lookup_from.is_some()
        || request.shard_key_selector.is_some()
        || request.score_threshold.is_some()
    {
        return Err(unknown("queries beyond a filtered nearest"));
    }
    no_vectors(request.with_vectors.as_ref())?;
    let (limit, offset) =
        (limit(request.limit)?, usize::try_from(request.offset.unwrap_or(0)).unwrap_or(usize::MAX));
    let collection = state.collection(&request.collection_name)?;
    let scored = scored(collection, request.query, request.filter.as_ref())?;
    let payload = request.with_payload.as_ref();
    let result = scored.into_iter().skip(offset).take(limit).map(|point| point.answered(payload));
    Ok(QueryResponse { result: result.collect(), ..QueryResponse::default() })
}

/// Exact too. A point that has no text under the key is in no group.
pub(super) fn query_groups(
    state: &mut State,
    request: QueryPointGroups,
) -> Result<QueryGroupsResponse, Status> {
    if !request.prefetch.is_empty()
        || request.using.is_some()
        || request.lookup_from.is_some()
        || request.with_lookup.is_some()
        || request.shard_key_selector.is_some()
        || request.score_threshold.is_some()
    {
        return Err(unknown("groups beyond those of a filtered nearest"));
    }
    no_vectors(request.with_vectors.as_ref())?;
    let groups_wanted = request.limit.map_or(Ok(GROUPS), |asked| limit(Some(asked)))?;
    let size = request.group_size.map_or(Ok(GROUP_SIZE), |asked| limit(Some(asked)))?;
    let collection = state.collection(&request.collection_name)?;
    let payload = request.with_payload.as_ref();
    let mut groups: Vec<PointGroup> = Vec::new();
    for point in scored(collection, request.query, request.filter.as_ref())? {
        let Some(Kind::StringValue(key)) =
            point.stored.payload.get(&request.group_by).and_then(|it| it.kind.clone())
        else {
            continue;
        };
        let id = GroupId { kind: Some(group_id::Kind::StringValue(key)) };
        let is_full = groups.len() == groups_wanted;
        match groups.iter_mut().find(|group| group.id.as_ref() == Some(&id)) {
            Some(group) if group.hits.len() < size => group.hits.push(point.answered(payload)),
            None if !is_full => {
                let hits = vec![point.answered(payload)];
                groups.push(PointGroup { id: Some(id), hits, ..PointGroup::default() });
            }
            Some(_) | None => {}
        }
    }
    let result = Some(GroupsResult { groups });
    Ok(QueryGroupsResponse { result, ..QueryGroupsResponse::default() })
}

/// A point that a query found.
struct Scored<'a> {
    score: f32,
    id: u64,
    stored: &'a StoredPoint,
}

impl Scored<'_> {
    fn answered(&self, selector: Option<&WithPayloadSelector>) -> ScoredPoint {
        ScoredPoint {
            id: Some(self.id.into()),
            payload: selected(&self.stored.payload, selector, false),
            score: self.score,
            version: self.stored.version,
            ..ScoredPoint::default()
        }
    }
}

/// All points that match, the nearest first.
fn scored<'a>(
    collection: &'a Collection,
    query: Option<Query>,
    filter: Option<&Filter>,
) -> Result<Vec<Scored<'a>>, Status> {
    let mut wanted = match query.and_then(|query| query.variant) {
        Some(Variant::Nearest(input)) => match input.variant {
            Some(vector_input::Variant::Dense(dense)) => dense.data,
            other => return Err(unknown(&format!("the input {other:?}"))),
        },
        other => return Err(unknown(&format!("the query {other:?}"))),
    };
    let test = understand(filter)?;
    prepare(collection, &mut wanted)?;
    let matching = collection.points.iter().filter(|(id, point)| test.holds(**id, &point.payload));
    let score = |(id, stored): (&u64, &'a StoredPoint)| Scored {
        score: dot(&wanted, &stored.vector),
        id: *id,
        stored,
    };
    let mut scored: Vec<_> = matching.map(score).collect();
    scored.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.id.cmp(&b.id)));
    Ok(scored)
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

pub(super) fn create_field_index(
    state: &mut State,
    request: CreateFieldIndexCollection,
) -> Result<PointsOperationResponse, Status> {
    let params = request.field_index_params.and_then(|params| params.index_params);
    if let Some(IndexParams::IntegerIndexParams(params)) = &params
        && params.lookup == Some(false)
        && params.range == Some(false)
    {
        return Err(Status::invalid_argument(
            "Validation error: the 'lookup' and 'range' capabilities can't be both disabled",
        ));
    }
    let data_type = match request.field_type.map(FieldType::try_from) {
        Some(Ok(FieldType::Keyword)) => PayloadSchemaType::Keyword,
        Some(Ok(FieldType::Integer)) => PayloadSchemaType::Integer,
        other => return Err(unknown(&format!("indexes of the type {other:?}"))),
    };
    let collection = state.collection(&request.collection_name)?;
    let version = collection.next_update();
    let schema = PayloadSchemaInfo { data_type: data_type.into(), ..PayloadSchemaInfo::default() };
    collection.schema.insert(request.field_name, schema);
    Ok(updated(version, request.wait))
}

fn limit(asked: Option<u64>) -> Result<usize, Status> {
    match asked.map(usize::try_from) {
        None => Ok(LIMIT),
        Some(Ok(0)) => Err(Status::invalid_argument("Validation error: limit: must be 1 or larger")),
        Some(limit) => Ok(limit.unwrap_or(usize::MAX)),
    }
}

/// The part of a payload that was asked for; `default` applies if the request does not say.
fn selected(payload: &Payload, selector: Option<&WithPayloadSelector>, default: bool) -> Payload {
    match selector.and_then(|selector| selector.selector_options.as_ref()) {
        Some(SelectorOptions::Enable(true)) => payload.clone(),
        Some(SelectorOptions::Include(wanted)) => {
            let kept = payload.iter().filter(|(key, _)| wanted.fields.contains(key));
            kept.map(|(key, value)| (key.clone(), value.clone())).collect()
        }
        Some(SelectorOptions::Exclude(left_out)) => {
            let kept = payload.iter().filter(|(key, _)| !left_out.fields.contains(key));
            kept.map(|(key, value)| (key.clone(), value.clone())).collect()
        }
        None if default => payload.clone(),
        _ => Payload::new(),
    }
}

fn no_vectors(selector: Option<&WithVectorsSelector>) -> Result<(), Status> {
    match selector.and_then(|selector| selector.selector_options.as_ref()) {
        None | Some(with_vectors_selector::SelectorOptions::Enable(false)) => Ok(()),
        Some(_) => Err(unknown("giving vectors back")),
    }
}
