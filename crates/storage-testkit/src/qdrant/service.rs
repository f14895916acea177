//! The gRPC services: each request counted, led through its fault and applied.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use qdrant_client::qdrant::collections_server::Collections;
use qdrant_client::qdrant::points_selector::PointsSelectorOneOf;
use qdrant_client::qdrant::points_server::Points;
use qdrant_client::qdrant::qdrant_server::Qdrant;
use qdrant_client::qdrant::{self as proto};
use tonic::{Request, Response, Status};

use super::filter::unknown;
use super::points;
use super::state::State;
use super::switch::{QdrantFault, QdrantOperation, Switches, add_one, lock};

type GrpcResult<T> = Result<Response<T>, Status>;

/// The state that outlives a restart of the server.
pub(super) struct Shared {
    pub(super) state: Mutex<State>,
    pub(super) switches: Switches,
    pub(super) version: String,
}

/// One of these serves all three services.
#[derive(Clone)]
pub(super) struct Service(pub(super) Arc<Shared>);

impl Service {
    /// Serves one request: `apply` is what it does, `half` makes it one for half of its points.
    async fn serve<Q, A>(
        &self,
        operation: QdrantOperation,
        request: Request<Q>,
        half: Option<fn(Q) -> Q>,
        apply: fn(&mut State, Q) -> Result<A, Status>,
    ) -> GrpcResult<A>
    where
        Q: Send + 'static,
        A: Send + 'static,
    {
        let switches = &self.0.switches;
        let seen = switches.times_switched(operation);
        let fault = switches.take(operation);
        add_one(&switches.calls, operation);
        let request = request.into_inner();
        let now = |request| apply(&mut lock(&self.0.state), request);
        let met = || add_one(&switches.faults, operation);
        match fault {
            None => {}
            Some(QdrantFault::Delay(time)) => {
                met();
                tokio::time::sleep(time).await;
            }
            Some(QdrantFault::Hang) => {
                met();
                switches.until_switched(operation, seen).await;
            }
            Some(QdrantFault::Fail(code)) => {
                met();
                return Err(Status::new(code, "a fault that the test asked for"));
            }
            Some(QdrantFault::Overloaded { retry_after_seconds }) => {
                met();
                let mut status = Status::resource_exhausted("Rate limiting exceeded, asked for by the test");
                status.metadata_mut().insert("retry-after", retry_after_seconds.into());
                return Err(status);
            }
            Some(QdrantFault::ApplyThenFail(code)) => {
                let _ = now(request);
                met();
                return Err(Status::new(code, "applied all the same, as the test asked"));
            }
            Some(QdrantFault::ApplyThenHang) => {
                let _ = now(request);
                met();
                return std::future::pending().await;
            }
            Some(QdrantFault::ApplyLate) => {
                switches.keep_for_later(Box::new(move |state| drop(apply(state, request))));
                met();
                return std::future::pending().await;
            }
            Some(QdrantFault::ApplyHalf(code)) => {
                if let Some(half) = half {
                    let _ = now(half(request));
                }
                met();
                return Err(Status::new(code, "half applied, as the test asked"));
            }
        }
        now(request).map(Response::new)
    }
}

fn half_of_points(mut request: proto::UpsertPoints) -> proto::UpsertPoints {
    request.points.truncate(request.points.len() / 2);
    request
}

fn half_of_ids(mut request: proto::DeletePoints) -> proto::DeletePoints {
    let selector = request.points.as_mut().and_then(|points| points.points_selector_one_of.as_mut());
    if let Some(PointsSelectorOneOf::Points(list)) = selector {
        list.ids.truncate(list.ids.len() / 2);
    }
    request
}

/// Methods that answer UNIMPLEMENTED, written as `async_trait` would expand them.
macro_rules! unknown_methods {
    ($($name:ident($request:ident) -> $answer:ident),* $(,)?) => {
        $(
            fn $name<'a, 'async_trait>(
                &'a self,
                _request: Request<proto::$request>,
            ) -> Pin<Box<dyn Future<Output = GrpcResult<proto::$answer>> + Send + 'async_trait>>
            where
                'a: 'async_trait,
                Self: 'async_trait,
            {
                Box::pin(std::future::ready(Err(unknown(stringify!($name)))))
            }
        )*
    };
}

#[tonic::async_trait]
impl Qdrant for Service {
    async fn health_check(
        &self,
        request: Request<proto::HealthCheckRequest>,
    ) -> GrpcResult<proto::HealthCheckReply> {
        let answer = self.serve(QdrantOperation::HealthCheck, request, None, |_, _| {
            Ok(proto::HealthCheckReply::default())
        });
        let mut answer = answer.await?;
        answer.get_mut().title = "qdrant - vector search engine".to_owned();
        answer.get_mut().version.clone_from(&self.0.version);
        Ok(answer)
    }
}

const fn done(result: bool) -> proto::CollectionOperationResponse {
    proto::CollectionOperationResponse { result, time: 0.0 }
}

#[tonic::async_trait]
impl Collections for Service {
    async fn get(
        &self,
        request: Request<proto::GetCollectionInfoRequest>,
    ) -> GrpcResult<proto::GetCollectionInfoResponse> {
        self.serve(QdrantOperation::CollectionInfo, request, None, |state, request| {
            let result = Some(state.collection(&request.collection_name)?.info());
            Ok(proto::GetCollectionInfoResponse { result, time: 0.0 })
        })
        .await
    }

    async fn list(
        &self,
        request: Request<proto::ListCollectionsRequest>,
    ) -> GrpcResult<proto::ListCollectionsResponse> {
        self.serve(QdrantOperation::OtherCollections, request, None, |state, _| {
            let names = state.collections.keys();
            let collections = names.map(|name| proto::CollectionDescription { name: name.clone() }).collect();
            Ok(proto::ListCollectionsResponse { collections, time: 0.0 })
        })
        .await
    }

    async fn create(
        &self,
        request: Request<proto::CreateCollection>,
    ) -> GrpcResult<proto::CollectionOperationResponse> {
        self.serve(QdrantOperation::CreateCollection, request, None, |state, request| {
            state.create(request).map(done)
        })
        .await
    }

    async fn update(
        &self,
        request: Request<proto::UpdateCollection>,
    ) -> GrpcResult<proto::CollectionOperationResponse> {
        self.serve(QdrantOperation::OtherCollections, request, None, |state, request| {
            state.update(request).map(done)
        })
        .await
    }

    async fn delete(
        &self,
        request: Request<proto::DeleteCollection>,
    ) -> GrpcResult<proto::CollectionOperationResponse> {
        self.serve(QdrantOperation::DeleteCollection, request, None, |state, request| {
            Ok(done(state.delete(&request)))
        })
        .await
    }

    async fn update_aliases(
        &self,
        request: Request<proto::ChangeAliases>,
    ) -> GrpcResult<proto::CollectionOperationResponse> {
        self.serve(QdrantOperation::UpdateAliases, request, None, |state, request| {
            state.change_aliases(request).map(done)
        })
        .await
    }

    async fn list_aliases(
        &self,
        request: Request<proto::ListAliasesRequest>,
    ) -> GrpcResult<proto::ListAliasesResponse> {
        self.serve(QdrantOperation::OtherCollections, request, None, |state, _| {
            Ok(proto::ListAliasesResponse { aliases: state.descriptions(), time: 0.0 })
        })
        .await
    }

    async fn collection_exists(
        &self,
        request: Request<proto::CollectionExistsRequest>,
    ) -> GrpcResult<proto::CollectionExistsResponse> {
        self.serve(QdrantOperation::OtherCollections, request, None, |state, request| {
            let exists = state.collection(&request.collection_name).is_ok();
            let result = Some(proto::CollectionExists { exists });
            Ok(proto::CollectionExistsResponse { result, time: 0.0 })
        })
        .await
    }

    unknown_methods! {
        list_collection_aliases(ListCollectionAliasesRequest) -> ListAliasesResponse,
        collection_cluster_info(CollectionClusterInfoRequest) -> CollectionClusterInfoResponse,
        update_collection_cluster_setup(UpdateCollectionClusterSetupRequest) -> UpdateCollectionClusterSetupResponse,
        create_shard_key(CreateShardKeyRequest) -> CreateShardKeyResponse,
        delete_shard_key(DeleteShardKeyRequest) -> DeleteShardKeyResponse,
        list_shard_keys(ListShardKeysRequest) -> ListShardKeysResponse,
    }
}

#[tonic::async_trait]
impl Points for Service {
    async fn upsert(
        &self,
        request: Request<proto::UpsertPoints>,
    ) -> GrpcResult<proto::PointsOperationResponse> {
        self.serve(QdrantOperation::Upsert, request, Some(half_of_points), points::upsert).await
    }

    async fn delete(
        &self,
        request: Request<proto::DeletePoints>,
    ) -> GrpcResult<proto::PointsOperationResponse> {
        self.serve(QdrantOperation::Delete, request, Some(half_of_ids), points::delete).await
    }

    async fn get(&self, request: Request<proto::GetPoints>) -> GrpcResult<proto::GetResponse> {
        self.serve(QdrantOperation::Get, request, None, |state, request| points::get(state, &request)).await
    }

    async fn scroll(&self, request: Request<proto::ScrollPoints>) -> GrpcResult<proto::ScrollResponse> {
        self.serve(QdrantOperation::Scroll, request, None, |state, request| points::scroll(state, &request))
            .await
    }

    async fn count(&self, request: Request<proto::CountPoints>) -> GrpcResult<proto::CountResponse> {
        self.serve(QdrantOperation::Count, request, None, |state, request| points::count(state, &request))
            .await
    }

    async fn query(&self, request: Request<proto::QueryPoints>) -> GrpcResult<proto::QueryResponse> {
        self.serve(QdrantOperation::Query, request, None, points::query).await
    }

    async fn query_groups(
        &self,
        request: Request<proto::QueryPointGroups>,
    ) -> GrpcResult<proto::QueryGroupsResponse> {
        self.serve(QdrantOperation::Query, request, None, points::query_groups).await
    }

    async fn create_field_index(
        &self,
        request: Request<proto::CreateFieldIndexCollection>,
    ) -> GrpcResult<proto::PointsOperationResponse> {
        self.serve(QdrantOperation::CreateFieldIndex, request, None, points::create_field_index).await
    }

    unknown_methods! {
        update_vectors(UpdatePointVectors) -> PointsOperationResponse,
        delete_vectors(DeletePointVectors) -> PointsOperationResponse,
        set_payload(SetPayloadPoints) -> PointsOperationResponse,
        overwrite_payload(SetPayloadPoints) -> PointsOperationResponse,
        delete_payload(DeletePayloadPoints) -> PointsOperationResponse,
        clear_payload(ClearPayloadPoints) -> PointsOperationResponse,
        delete_field_index(DeleteFieldIndexCollection) -> PointsOperationResponse,
        create_vector_name(CreateVectorNameRequest) -> PointsOperationResponse,
        delete_vector_name(DeleteVectorNameRequest) -> PointsOperationResponse,
        search(SearchPoints) -> SearchResponse,
        search_batch(SearchBatchPoints) -> SearchBatchResponse,
        search_groups(SearchPointGroups) -> SearchGroupsResponse,
        recommend(RecommendPoints) -> RecommendResponse,
        recommend_batch(RecommendBatchPoints) -> RecommendBatchResponse,
        recommend_groups(RecommendPointGroups) -> RecommendGroupsResponse,
        discover(DiscoverPoints) -> DiscoverResponse,
        discover_batch(DiscoverBatchPoints) -> DiscoverBatchResponse,
        update_batch(UpdateBatchPoints) -> UpdateBatchResponse,
        query_batch(QueryBatchPoints) -> QueryBatchResponse,
        facet(FacetCounts) -> FacetResponse,
        search_matrix_pairs(SearchMatrixPoints) -> SearchMatrixPairsResponse,
        search_matrix_offsets(SearchMatrixPoints) -> SearchMatrixOffsetsResponse,
    }
}
