//! What `QdrantIndex` makes of a server that fails, and of a collection that is not its own.

use std::time::Duration;

use qdrant_client::qdrant::{
    CreateAliasBuilder, CreateCollectionBuilder, Distance, PointStruct, UpsertPointsBuilder,
    VectorParamsBuilder,
};
use storage_testkit::{Fault, FaultProxy, GrpcCode, QdrantFault, QdrantOperation, QdrantServer, TestQdrant};

use crate::index::{IndexError, QdrantIndex, QdrantSettings, QdrantSettingsError, VectorIndex};
use crate::tests::index_support::{embedding, identity, instant, point, record};

/// Short, for tests in which no answer comes.
const IMPATIENT: Duration = Duration::from_millis(300);

async fn prepared(server: &QdrantServer) -> QdrantIndex {
    let index = at(&server.url());
    index.prepare(&identity(1)).await.unwrap();
    index
}

fn at(url: &str) -> QdrantIndex {
    QdrantIndex::new(&QdrantSettings::new(url)).unwrap()
}

fn impatient(url: &str) -> QdrantIndex {
    QdrantIndex::new(&QdrantSettings { timeout: IMPATIENT, ..QdrantSettings::new(url) }).unwrap()
}

fn in_version(version: i64) -> crate::index::Point {
    let mut record = record(1);
    record.updated_at = instant(version);
    point(record)
}

fn sentence(outcome: Result<(), IndexError>) -> String {
    match outcome {
        Err(IndexError::Mismatch(sentence)) => sentence,
        other => panic!("expected a mismatch, got {other:?}"),
    }
}

/// Makes a collection behind the test's alias, and gives an index on it.
async fn with_collection(qdrant: &TestQdrant, size: u64, distance: Distance) -> QdrantIndex {
    let client = qdrant.client().unwrap();
    let name = format!("{}_by_hand", qdrant.collection());
    let vectors = VectorParamsBuilder::new(size, distance);
    client.create_collection(CreateCollectionBuilder::new(&name).vectors_config(vectors)).await.unwrap();
    client.create_alias(CreateAliasBuilder::new(&name, qdrant.collection())).await.unwrap();
    QdrantIndex::new(&super::qdrant::settings(qdrant)).unwrap()
}

/// BR-STORAGE-009, F39: the sentence says which, what was expected, and how to rebuild.
#[tokio::test]
async fn a_collection_of_another_kind_is_refused_with_a_sentence() {
    for (size, distance, words) in [
        (128, Distance::Cosine, ["dimension 128", "expected 384"]),
        (384, Distance::Dot, ["Dot", "expected Cosine"]),
        (384, Distance::Cosine, ["not created by this service", "datastorage_installation"]),
    ] {
        let qdrant = TestQdrant::create().unwrap();
        let index = with_collection(&qdrant, size, distance).await;
        let sentence = sentence(index.prepare(&identity(1)).await);
        for word in words.into_iter().chain([qdrant.collection(), "`datastorage reconcile --rebuild`"]) {
            assert!(sentence.contains(word), "`{word}` is not in: {sentence}");
        }
        qdrant.close().await.unwrap();
    }
}

/// A batch must not be blamed for a collection that was replaced under the service.
#[tokio::test]
async fn a_collection_replaced_while_in_use_is_a_mismatch() {
    let qdrant = TestQdrant::create().unwrap();
    let index = QdrantIndex::new(&super::qdrant::settings(&qdrant)).unwrap();
    index.prepare(&identity(1)).await.unwrap();
    let client = qdrant.client().unwrap();
    let ours = format!("{}-{}", qdrant.collection(), identity(1).installation);
    client.delete_collection(&ours).await.unwrap();
    with_collection(&qdrant, 128, Distance::Cosine).await;
    assert!(sentence(index.upsert(&[point(record(1))]).await).contains("dimension 128"));
    qdrant.close().await.unwrap();
}

/// A collection that is gone is an outage, which the next preparation ends; no record is to blame.
#[tokio::test]
async fn a_collection_that_vanished_is_created_again() {
    let qdrant = TestQdrant::create().unwrap();
    let index = QdrantIndex::new(&super::qdrant::settings(&qdrant)).unwrap();
    index.prepare(&identity(1)).await.unwrap();
    let ours = format!("{}-{}", qdrant.collection(), identity(1).installation);
    qdrant.client().unwrap().delete_collection(&ours).await.unwrap();
    let outcome = index.upsert(&[point(record(1))]).await;
    assert!(outcome.as_ref().is_err_and(IndexError::is_outage), "{outcome:?}");
    index.prepare(&identity(1)).await.unwrap();
    index.upsert(&[point(record(1))]).await.unwrap();
    assert_eq!(index.count().await.unwrap(), 1);
    qdrant.close().await.unwrap();
}

/// A point that somebody stripped of its version is stale, not unrepairable.
#[tokio::test]
async fn a_point_without_a_version_is_stored_again() {
    let qdrant = TestQdrant::create().unwrap();
    let index = QdrantIndex::new(&super::qdrant::settings(&qdrant)).unwrap();
    index.prepare(&identity(1)).await.unwrap();
    let bare = PointStruct::new(1, vec![0.5; 384], qdrant_client::Payload::new());
    let request = UpsertPointsBuilder::new(qdrant.collection(), vec![bare]).wait(true);
    qdrant.client().unwrap().upsert_points(request).await.unwrap();
    assert_eq!(index.versions(&[1]).await.unwrap()[0].version.micros(), 0);
    index.upsert(&[in_version(3)]).await.unwrap();
    assert_eq!(index.versions(&[1]).await.unwrap()[0].version, instant(3));
    qdrant.close().await.unwrap();
}

/// An older server would ignore the guard of the versions.
#[tokio::test]
async fn a_server_without_update_filters_is_refused() {
    for version in ["1.15.5", "unknown"] {
        let server = QdrantServer::start_as(version).unwrap();
        let sentence = sentence(at(&server.url()).prepare(&identity(1)).await);
        assert!(sentence.contains(version) && sentence.contains("1.16"), "{sentence}");
        assert_eq!(server.calls(QdrantOperation::CreateCollection), 0);
    }
}

/// BR-STORAGE-006: what the faults are told apart by.
#[tokio::test]
async fn statuses_are_told_apart_by_what_to_do_next() {
    let server = QdrantServer::start().unwrap();
    let index = prepared(&server).await;
    for code in [
        GrpcCode::Unavailable,
        GrpcCode::Internal,
        GrpcCode::Unknown,
        GrpcCode::Cancelled,
        GrpcCode::Aborted,
        GrpcCode::ResourceExhausted,
        GrpcCode::NotFound,
        GrpcCode::PermissionDenied,
        GrpcCode::Unauthenticated,
        GrpcCode::FailedPrecondition,
    ] {
        server.next(QdrantOperation::Upsert, 1, QdrantFault::Fail(code));
        let outcome = index.upsert(&[point(record(1))]).await;
        assert!(matches!(outcome, Err(IndexError::Away { retry_after: None, .. })), "{code:?}: {outcome:?}");
    }
    server.next(QdrantOperation::Upsert, 1, QdrantFault::Fail(GrpcCode::DeadlineExceeded));
    assert!(matches!(index.upsert(&[point(record(1))]).await, Err(IndexError::TimedOut { .. })));
    server.next(QdrantOperation::Upsert, 1, QdrantFault::Fail(GrpcCode::InvalidArgument));
    assert!(matches!(index.upsert(&[point(record(1))]).await, Err(IndexError::Refused { .. })));
    server.next(QdrantOperation::Upsert, 1, QdrantFault::Fail(GrpcCode::Unimplemented));
    assert!(matches!(index.upsert(&[point(record(1))]).await, Err(IndexError::Mismatch(_))));
    server.next(QdrantOperation::Query, 1, QdrantFault::Overloaded { retry_after_seconds: 7 });
    match index.search(&embedding(1), &[], 1).await {
        Err(IndexError::Away { retry_after, .. }) => assert_eq!(retry_after, Some(Duration::from_secs(7))),
        other => panic!("{other:?}"),
    }
    assert_eq!(index.count().await.unwrap(), 0);
}

/// Nothing is repeated behind the caller's back: breakers and budgets count every request.
#[tokio::test]
async fn a_failed_request_is_made_once() {
    let server = QdrantServer::start().unwrap();
    let index = prepared(&server).await;
    let fault = QdrantFault::ApplyThenFail(GrpcCode::Unavailable);
    server.set(QdrantOperation::Upsert, fault);
    assert!(index.upsert(&[point(record(1))]).await.is_err());
    assert_eq!(server.calls(QdrantOperation::Upsert), 1);
}

/// F06: the store applies a write after its client has given up, and after a newer one.
#[tokio::test]
async fn a_late_apply_changes_nothing() {
    let server = QdrantServer::start().unwrap();
    let index = prepared(&server).await;
    server.next(QdrantOperation::Upsert, 1, QdrantFault::ApplyLate);
    let outcome = impatient(&server.url()).upsert(&[in_version(1)]).await;
    assert!(matches!(outcome, Err(IndexError::TimedOut { .. })), "{outcome:?}");
    index.upsert(&[in_version(2)]).await.unwrap();
    assert_eq!(server.apply_late(), 1);
    assert_eq!(index.versions(&[1]).await.unwrap(), [in_version(2).version()]);
}

/// F05, F06: whatever a failed write left, repeating it leads to the same.
#[tokio::test]
async fn repeating_a_failed_write_completes_it() {
    let unavailable = GrpcCode::Unavailable;
    for fault in [
        QdrantFault::Fail(unavailable),
        QdrantFault::ApplyThenFail(unavailable),
        QdrantFault::ApplyHalf(unavailable),
        QdrantFault::ApplyThenHang,
        QdrantFault::ApplyLate,
        QdrantFault::Hang,
    ] {
        let server = QdrantServer::start().unwrap();
        prepared(&server).await;
        let index = impatient(&server.url());
        let points: Vec<_> = (1..=5).map(record).map(point).collect();
        server.next(QdrantOperation::Upsert, 1, fault);
        let outcome = index.upsert(&points).await;
        assert!(outcome.as_ref().is_err_and(IndexError::is_outage), "{fault:?}: {outcome:?}");
        let patient = at(&server.url());
        patient.upsert(&points).await.unwrap();
        server.apply_late();
        assert_eq!(patient.page(None, 10).await.unwrap().len(), 5, "{fault:?}");
    }
}

/// BR-STORAGE-006: away, then back, without anybody's help; with a connection cut in between.
#[tokio::test]
async fn it_comes_back_by_itself() {
    let server = QdrantServer::start().unwrap();
    let proxy = FaultProxy::for_tcp(server.address()).await.unwrap();
    let index = at(&format!("http://{}", proxy.address()));
    index.prepare(&identity(1)).await.unwrap();
    proxy.set(Fault::Refuse);
    let outcome = index.count().await;
    assert!(outcome.as_ref().is_err_and(IndexError::is_outage), "{outcome:?}");
    proxy.set(Fault::Pass);
    index.count().await.unwrap();
    server.stop();
    let outcome = index.count().await;
    assert!(outcome.as_ref().is_err_and(IndexError::is_outage), "{outcome:?}");
    server.start_again().unwrap();
    index.count().await.unwrap();
}

/// F22: an answer that is too short is asked for again, exactly.
#[tokio::test]
async fn a_short_answer_to_a_filtered_search_is_asked_for_exactly() {
    use crate::index::Condition;
    use crate::tests::index_support::field;
    let server = QdrantServer::start().unwrap();
    let index = prepared(&server).await;
    index.upsert(&[point(record(1))]).await.unwrap();
    let condition = Condition::AnyOf { field: field("namespace"), values: vec!["default".to_owned()] };
    assert_eq!(index.search(&embedding(1), std::slice::from_ref(&condition), 2).await.unwrap().len(), 1);
    assert_eq!(server.calls(QdrantOperation::Query), 2);
    assert_eq!(index.search(&embedding(1), &[condition], 1).await.unwrap().len(), 1);
    assert_eq!(server.calls(QdrantOperation::Query), 3);
}

/// F23: settings that cannot work are found before anything is asked.
#[tokio::test]
async fn impossible_settings_are_refused() {
    QdrantIndex::new(&QdrantSettings::new("http://127.0.0.1:1")).unwrap();
    for url in ["", "qdrant", "ftp://qdrant:6334", "http://", "localhost:6334"] {
        let outcome = QdrantIndex::new(&QdrantSettings::new(url));
        assert!(matches!(outcome, Err(QdrantSettingsError::Url)), "{url}: {outcome:?}");
    }
    let key = Some("ke\ny".into());
    let outcome =
        QdrantIndex::new(&QdrantSettings { api_key: key, ..QdrantSettings::new("http://127.0.0.1:1") });
    assert!(matches!(outcome, Err(QdrantSettingsError::ApiKey)), "{outcome:?}");
    for name in ["", "a/b", &"a".repeat(201)] {
        let settings =
            QdrantSettings { collection: name.to_owned(), ..QdrantSettings::new("http://127.0.0.1:1") };
        let outcome = QdrantIndex::new(&settings);
        assert!(matches!(outcome, Err(QdrantSettingsError::Collection { .. })), "{name}: {outcome:?}");
    }
}
