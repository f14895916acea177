//! Tests for the test kit's Qdrant: what it does with requests, and its faults.

use std::collections::HashMap;
use std::time::Duration;

use qdrant_client::qdrant::{
    Condition, CountPointsBuilder, CreateCollectionBuilder, DeletePointsBuilder, Distance, Filter,
    PointStruct, PointsIdsList, QueryPointsBuilder, Range, ScrollPointsBuilder, UpsertPointsBuilder, Value,
    VectorParamsBuilder,
};
use qdrant_client::{Qdrant, QdrantError};
use tonic::Code;

use super::{QdrantFault, QdrantOperation, QdrantServer, TestQdrant};
use crate::{Fault, FaultProxy};

const NAME: &str = "c";

fn client(url: &str) -> Qdrant {
    Qdrant::from_url(url).timeout(Duration::from_millis(500)).skip_compatibility_check().build().unwrap()
}

async fn with_collection() -> (QdrantServer, Qdrant) {
    let server = QdrantServer::start().unwrap();
    let client = client(&server.url());
    create(&client, NAME).await;
    (server, client)
}

async fn create(client: &Qdrant, name: &str) {
    let vectors = VectorParamsBuilder::new(2, Distance::Cosine);
    client.create_collection(CreateCollectionBuilder::new(name).vectors_config(vectors)).await.unwrap();
}

fn point(id: u64, version: i64) -> PointStruct {
    PointStruct::new(id, vec![1.0, 0.0], HashMap::from([("version", Value::from(version))]))
}

fn storing(points: Vec<PointStruct>) -> UpsertPointsBuilder {
    UpsertPointsBuilder::new(NAME, points).wait(true)
}

async fn ids(client: &Qdrant) -> Vec<u64> {
    let found = client.scroll(ScrollPointsBuilder::new(NAME).limit(100)).await.unwrap();
    found.result.iter().map(|point| super::filter::number_of(point.id.as_ref()).unwrap()).collect()
}

async fn count(client: &Qdrant, filter: Filter) -> u64 {
    let request = CountPointsBuilder::new(NAME).filter(filter).exact(true);
    client.count(request).await.unwrap().result.unwrap().count
}

fn code<T: std::fmt::Debug>(outcome: Result<T, QdrantError>) -> Code {
    match outcome {
        Err(QdrantError::ResponseError { status } | QdrantError::ResourceExhaustedError { status, .. }) => {
            status.code()
        }
        other => panic!("expected a status, got {other:?}"),
    }
}

/// F06: an update filter keeps what it does not match, and inserts what is absent whatever it says. Runs against
/// `QDRANT_URL` too: this is what the versions rest on.
#[tokio::test]
async fn an_update_filter_guards_points_that_exist() {
    let qdrant = TestQdrant::create().unwrap();
    let (client, name) = (qdrant.client().unwrap(), qdrant.collection());
    create(&client, name).await;
    let older = |version: f64| {
        Filter::must_not([Condition::range("version", Range { gte: Some(version), ..Range::default() })])
    };
    let upsert =
        |points, version| UpsertPointsBuilder::new(name, points).wait(true).update_filter(older(version));
    client.upsert_points(upsert(vec![point(1, 5), point(2, 5)], 5.0)).await.unwrap();
    client.upsert_points(upsert(vec![point(1, 4), point(3, 4)], 4.0)).await.unwrap();
    client.upsert_points(upsert(vec![point(2, 6)], 6.0)).await.unwrap();
    let found = client.scroll(ScrollPointsBuilder::new(name).limit(10)).await.unwrap();
    let versions: Vec<_> =
        found.result.iter().map(|point| point.payload["version"].as_integer().unwrap()).collect();
    assert_eq!(versions, [5, 6, 4]);
    qdrant.close().await.unwrap();
}

#[tokio::test]
async fn what_is_not_known_is_refused() {
    let (_server, client) = with_collection().await;
    client.upsert_points(storing(vec![point(1, 1)])).await.unwrap();
    for filter in [
        Filter::must([Condition::matches_text("a", "b")]),
        Filter::must([Condition::is_empty("a.b")]),
        Filter::should([Condition::nested("a", Filter::default())]),
        Filter::must_not([Filter::must([Condition::has_vector("v")]).into()]),
    ] {
        let outcome = client.count(CountPointsBuilder::new(NAME).filter(filter)).await;
        assert_eq!(code(outcome), Code::Unimplemented);
    }
    let outcome = client.scroll(ScrollPointsBuilder::new(NAME).with_vectors(true)).await;
    assert_eq!(code(outcome), Code::Unimplemented);
}

#[tokio::test]
async fn requests_that_cannot_be_right_get_the_real_servers_codes() {
    let (_server, client) = with_collection().await;
    assert_eq!(code(client.count(CountPointsBuilder::new("absent")).await), Code::NotFound);
    let vectors = VectorParamsBuilder::new(2, Distance::Cosine);
    let again = client.create_collection(CreateCollectionBuilder::new(NAME).vectors_config(vectors)).await;
    assert_eq!(code(again), Code::AlreadyExists);
    let long = PointStruct::new(1, vec![1.0, 2.0, 3.0], HashMap::<String, Value>::new());
    assert_eq!(code(client.upsert_points(storing(vec![long])).await), Code::InvalidArgument);
    let none = QueryPointsBuilder::new(NAME).query(vec![1.0, 0.0]).limit(0);
    assert_eq!(code(client.query(none).await), Code::InvalidArgument);
}

#[tokio::test]
async fn filters_combine() {
    let (_server, client) = with_collection().await;
    client
        .upsert_points(storing((1..=10).map(|id| point(id, i64::try_from(id).unwrap())).collect()))
        .await
        .unwrap();
    let above = |bound: f64| Condition::range("version", Range { gt: Some(bound), ..Range::default() });
    for (filter, expected) in [
        (Filter::default(), 10),
        (Filter::must([above(3.0), Condition::matches("version", vec![3, 4, 5])]), 2),
        (Filter::should([above(8.0), Condition::has_id([1, 2])]), 4),
        (Filter::must_not([above(8.0), Condition::has_id([1, 2])]), 6),
        (Filter::min_should(2, [above(3.0), above(5.0), Condition::has_id([1, 4, 9])]), 6),
        (Filter::must([Condition::is_empty("absent")]), 10),
        (Filter::must([Condition::is_null("absent")]), 0),
    ] {
        assert_eq!(count(&client, filter.clone()).await, expected, "{filter:?}");
    }
}

#[tokio::test]
async fn a_stopped_server_keeps_what_it_has_and_refuses() {
    let (server, client) = with_collection().await;
    client.upsert_points(storing(vec![point(1, 1)])).await.unwrap();
    server.stop();
    assert!(client.count(CountPointsBuilder::new(NAME)).await.is_err());
    server.start_again().unwrap();
    assert_eq!(ids(&client).await, [1]);
    server.lose_everything();
    assert_eq!(code(client.count(CountPointsBuilder::new(NAME)).await), Code::NotFound);
}

#[tokio::test]
async fn faults_apply_what_they_say() {
    let (server, client) = with_collection().await;
    let four = || storing((1..=4).map(|id| point(id, 1)).collect());
    for (fault, code_seen, stored) in [
        (QdrantFault::Fail(Code::ResourceExhausted), Code::ResourceExhausted, vec![]),
        (QdrantFault::Overloaded { retry_after_seconds: 7 }, Code::ResourceExhausted, vec![]),
        (QdrantFault::ApplyHalf(Code::DeadlineExceeded), Code::DeadlineExceeded, vec![1, 2]),
        (QdrantFault::ApplyThenFail(Code::DeadlineExceeded), Code::DeadlineExceeded, vec![1, 2, 3, 4]),
    ] {
        server.next(QdrantOperation::Upsert, 1, fault);
        assert_eq!(code(client.upsert_points(four()).await), code_seen, "{fault:?}");
        assert_eq!(ids(&client).await, stored, "{fault:?}");
    }
    server.next(QdrantOperation::Delete, 1, QdrantFault::ApplyHalf(Code::DeadlineExceeded));
    let ids_list = PointsIdsList { ids: vec![1.into(), 2.into()] };
    let outcome = client.delete_points(DeletePointsBuilder::new(NAME).points(ids_list).wait(true)).await;
    assert_eq!(code(outcome), Code::DeadlineExceeded);
    assert_eq!(ids(&client).await, [2, 3, 4]);
}

/// F06: applied after its client has given up.
#[tokio::test]
async fn what_is_held_is_applied_late() {
    let (server, client) = with_collection().await;
    server.set(QdrantOperation::Upsert, QdrantFault::ApplyLate);
    assert!(client.upsert_points(storing(vec![point(1, 1)])).await.is_err());
    server.clear(QdrantOperation::Upsert);
    assert!(ids(&client).await.is_empty());
    assert!(server.apply_late() > 0);
    assert_eq!(ids(&client).await, [1]);
    assert_eq!(server.apply_late(), 0);
}

#[tokio::test]
async fn what_hangs_goes_on_when_the_fault_is_cleared() {
    let (server, _) = with_collection().await;
    let patient = Qdrant::from_url(&server.url()).timeout(Duration::from_secs(30)).skip_compatibility_check();
    let patient = patient.build().unwrap();
    server.set(QdrantOperation::Upsert, QdrantFault::Hang);
    let storing = tokio::spawn({
        let patient = patient.clone();
        async move { patient.upsert_points(storing(vec![point(1, 1)])).await }
    });
    server.wait_for_faults(QdrantOperation::Upsert, 1).await.unwrap();
    assert!(ids(&patient).await.is_empty());
    server.clear(QdrantOperation::Upsert);
    storing.await.unwrap().unwrap();
    assert_eq!(ids(&patient).await, [1]);
    assert_eq!(server.calls(QdrantOperation::Upsert), 1);
}

#[tokio::test]
async fn a_fault_proxy_cuts_its_connections() {
    let (server, _) = with_collection().await;
    let proxy = FaultProxy::for_tcp(server.address()).await.unwrap();
    let client = client(&format!("http://{}", proxy.address()));
    client.upsert_points(storing(vec![point(1, 1)])).await.unwrap();
    proxy.set(Fault::Refuse);
    assert!(client.count(CountPointsBuilder::new(NAME)).await.is_err());
    proxy.set(Fault::Hang);
    assert!(client.count(CountPointsBuilder::new(NAME)).await.is_err());
    proxy.set(Fault::Pass);
    proxy.cut_all();
    assert_eq!(ids(&client).await, [1]);
}
