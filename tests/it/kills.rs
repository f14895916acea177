//! A process that is killed or frozen: the service and the command that repairs at their steps, PostgreSQL under writes.

use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};
use qdrant_client::Qdrant;
use qdrant_client::qdrant::point_id::PointIdOptions;
use qdrant_client::qdrant::{DeletePointsBuilder, PointId, PointsIdsList, ScrollPointsBuilder};
use storage_testkit::{
    Cluster, ClusterSettings, FaultProxy, Installation, ProcessIdentity, QdrantFault, QdrantOperation,
    QdrantServer, ServiceOptions, ServiceProcess, TestDatabase, environment,
};

use crate::support::{
    Service, WITH_VECTOR, WITHOUT_VECTOR, client, count, eventually, on_qdrant, options, points, remediation,
};

const COLLECTION: &str = "audit";
const RECORDS: &str = "SELECT count(*) AS n FROM remediation_audit";
const PARKED: &str = "SELECT count(*) AS n FROM vector_outbox WHERE parked_at IS NOT NULL";

/// Where a projection is when its process is killed.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// PostgreSQL has carried this statement out, which nothing but a projection asks for.
    Own(&'static str),
    /// The same, of one that writes ask for too: the first after the points are stored.
    Shared(&'static str),
    /// This becomes of the points.
    Upsert(QdrantFault),
}

/// A service on a Qdrant of its own, behind a proxy to PostgreSQL.
struct Stand {
    service: Service,
    proxy: FaultProxy,
    qdrant: QdrantServer,
    database_url: String,
}

impl Stand {
    async fn new() -> Self {
        let (database, qdrant) = (TestDatabase::create().await.unwrap(), QdrantServer::start().unwrap());
        let proxy = FaultProxy::for_postgres(&database.server_url().unwrap()).await.unwrap();
        let database_url = proxy.url(&database.server_url().unwrap());
        let process = ServiceProcess::start(&database_url, Self::options(&qdrant)).await.unwrap();
        Self { service: Service { process, client: client(), database }, proxy, qdrant, database_url }
    }

    /// What a dead process had leased is soon free again.
    fn options(qdrant: &QdrantServer) -> ServiceOptions {
        on_qdrant(options(), &qdrant.url(), COLLECTION)
            .set("DATASTORAGE__DATABASE__LOCK_TIMEOUT", "1s")
            .set("DATASTORAGE__DATABASE__STATEMENT_TIMEOUT", "1200ms")
            .set("DATASTORAGE__PROJECTOR__STEP_TIMEOUT", "1500ms")
            .set("DATASTORAGE__PROJECTOR__LEASE", "2s")
    }

    async fn kill_and_start(&mut self) {
        self.service.process.process().unwrap().kill9().unwrap();
        self.proxy.cut_all();
        self.qdrant.clear_all();
        let started = ServiceProcess::start(&self.database_url, Self::options(&self.qdrant)).await;
        self.service.process = started.unwrap();
    }

    fn index(&self) -> Qdrant {
        Qdrant::from_url(&self.qdrant.url()).skip_compatibility_check().build().unwrap()
    }

    async fn points(&self) -> i64 {
        points(&self.qdrant.url(), COLLECTION).await.try_into().unwrap()
    }

    /// Two records in both stores, of which one loses its point and the other leaves a point behind.
    async fn drift(&self) {
        let lost = self.service.remediation("lost").await;
        let gone = self.service.remediation("gone").await;
        self.service.embedded().await;
        let lost = PointsIdsList { ids: vec![u64::try_from(lost).unwrap().into()] };
        self.index()
            .delete_points(DeletePointsBuilder::new(COLLECTION).points(lost).wait(true))
            .await
            .unwrap();
        let delete = format!("DELETE FROM remediation_audit WHERE id = {gone}");
        self.service.database.connect().await.unwrap().batch_execute(&delete).await.unwrap();
    }

    async fn assert_mended(&self, what: &str) {
        self.service.embedded().await;
        let scroll = ScrollPointsBuilder::new(COLLECTION).limit(100);
        let points =
            self.index().scroll(scroll).await.unwrap().result.into_iter().map(|point| point.id.unwrap());
        let mut points: Vec<i64> = points.map(number).collect();
        points.sort_unstable();
        let records = self.service.get("/api/v1/audit/remediation?limit=100").await.expect(200);
        let records = records.json();
        let records = records["data"].as_array().unwrap().iter();
        let mut records: Vec<i64> = records.map(|record| record["id"].as_i64().unwrap()).collect();
        records.sort_unstable();
        assert_eq!(points, records, "{what}");
    }

    /// The command that repairs, reaching PostgreSQL by this URL.
    fn command(&self, database_url: &str) -> Command {
        let mut command = Command::new(std::env::var(environment::SERVICE_BIN).unwrap());
        command
            .args(["reconcile", "--gap", "0s", "--json", "--database-url", database_url])
            .env("DATASTORAGE__QDRANT__URL", self.qdrant.url())
            .env("DATASTORAGE__QDRANT__COLLECTION", COLLECTION)
            // What hangs or is frozen shall not give up meanwhile.
            .env("DATASTORAGE__QDRANT__TIMEOUT", "60s");
        command
    }

    fn repair(&self, database_url: &str) -> Child {
        self.command(database_url).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// A repair that waits for Qdrant to answer this.
    async fn repair_until(&self, operation: QdrantOperation) -> Child {
        let before = self.qdrant.calls(operation);
        self.qdrant.set(operation, QdrantFault::Hang);
        let repair = self.repair(&self.service.database.server_url().unwrap());
        self.qdrant.wait_for_calls(operation, before + 1).await.unwrap();
        repair
    }

    fn repair_now(&self) -> Output {
        self.command(&self.service.database.server_url().unwrap()).output().unwrap()
    }
}

fn number(id: PointId) -> i64 {
    match id.point_id_options {
        Some(PointIdOptions::Num(number)) => number.try_into().unwrap(),
        other => panic!("{other:?}"),
    }
}

/// BR-STORAGE-002, F14: whatever step of a projection the service is killed at, after its restart every record is in
/// both stores once.
#[tokio::test(flavor = "multi_thread")]
async fn a_projection_is_completed_whatever_step_its_process_is_killed_at() {
    let mut stand = Stand::new().await;
    // Of different words, so that each record has a vector of its own.
    for (records, (word, step)) in (1..).zip([
        ("claim", Step::Own("WITH due AS")),
        ("words", Step::Own("INSERT INTO remediation_words")),
        ("look", Step::Own("SELECT digest, embedding_id")),
        ("store", Step::Own("INSERT INTO embedding_vector")),
        ("upsert", Step::Upsert(QdrantFault::Hang)),
        ("applied", Step::Upsert(QdrantFault::ApplyThenHang)),
        ("late", Step::Upsert(QdrantFault::ApplyLate)),
        ("begin", Step::Shared("BEGIN")),
        ("hold", Step::Own("state::text FROM embedding_set")),
        ("fill", Step::Own("INSERT INTO remediation_vector")),
        ("remove", Step::Own("DELETE FROM vector_outbox")),
        ("commit", Step::Shared("COMMIT")),
    ]) {
        match step {
            Step::Own(statement) => stand.proxy.hang_before_answer(statement),
            Step::Shared(_) => stand.qdrant.set(QdrantOperation::Upsert, QdrantFault::Hang),
            Step::Upsert(fault) => stand.qdrant.set(QdrantOperation::Upsert, fault),
        }
        let before = stand.qdrant.calls(QdrantOperation::Upsert);
        let mut record = remediation(word);
        record["action_type"] = word.into();
        stand.service.post("remediation", &record).await.expect(201);
        if !matches!(step, Step::Own(_)) {
            stand.qdrant.wait_for_calls(QdrantOperation::Upsert, before + 1).await.unwrap();
        }
        if let Step::Shared(statement) = step {
            stand.proxy.hang_before_answer(statement);
            stand.qdrant.clear_all();
        }
        if !matches!(step, Step::Upsert(_)) {
            stand.proxy.wait_for_trigger().await.unwrap_or_else(|error| panic!("{step:?}: {error}"));
        }
        stand.kill_and_start().await;
        stand.service.embedded().await;
        stand.qdrant.apply_late();
        let stored = [stand.service.count(RECORDS).await, stand.points().await];
        assert_eq!(stored, [records, records], "{step:?}");
        let undone = [stand.service.count(WITHOUT_VECTOR).await, stand.service.count(PARKED).await];
        assert_eq!(undone, [0, 0], "{step:?}");
    }
}

/// F08, F14: a repair that is killed at any of its steps leaves the rest, and the lock, to the next one.
#[tokio::test(flavor = "multi_thread")]
async fn a_repair_is_completed_whatever_step_its_process_is_killed_at() {
    let stand = Stand::new().await;
    for step in [Some(QdrantOperation::Scroll), Some(QdrantOperation::Delete), None] {
        stand.drift().await;
        let mut repair = match step {
            Some(operation) => stand.repair_until(operation).await,
            None => {
                stand.proxy.hang_before_answer("INSERT INTO vector_outbox");
                let repair = stand.repair(&stand.database_url);
                stand.proxy.wait_for_trigger().await.unwrap();
                repair
            }
        };
        repair.kill().unwrap();
        repair.wait().unwrap();
        stand.qdrant.clear_all();
        // PostgreSQL notices that the killed one is gone.
        eventually("another one repairs", async || stand.repair_now().status.success()).await;
        stand.assert_mended(&format!("{step:?}")).await;
    }
}

/// F08: while a repair is frozen another one is told so and does nothing; it goes on where it was.
#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_repair_keeps_others_out_and_goes_on() {
    let stand = Stand::new().await;
    stand.drift().await;
    let mut repair = stand.repair_until(QdrantOperation::Delete).await;
    let identity = ProcessIdentity::of(repair.id().try_into().unwrap()).unwrap();
    identity.pause().unwrap();
    stand.qdrant.clear_all();
    let other = stand.repair_now();
    let told = String::from_utf8_lossy(&other.stderr).into_owned();
    assert!(!other.status.success() && told.contains("another reconciler is running"), "{told}");
    identity.resume().unwrap();
    assert!(repair.wait().unwrap().success());
    stand.assert_mended("frozen").await;
}

/// BR-STORAGE-006, F14: a service that is frozen while it projects loses its leases to another replica; when it goes on, both
/// stores agree, and it works as before.
#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_service_is_succeeded_and_goes_on() {
    let stand = Stand::new().await;
    stand.qdrant.set(QdrantOperation::Upsert, QdrantFault::Hang);
    stand.service.remediation("frozen").await;
    stand.qdrant.wait_for_calls(QdrantOperation::Upsert, 1).await.unwrap();
    let identity = stand.service.process.process().unwrap();
    identity.pause().unwrap();
    stand.qdrant.clear_all();

    let database_url = stand.service.database.server_url().unwrap();
    let _other = ServiceProcess::start(&database_url, Stand::options(&stand.qdrant)).await.unwrap();
    stand.service.embedded().await;
    identity.resume().unwrap();
    stand.service.remediation("after").await;
    stand.assert_mended("frozen").await;
    assert_eq!(stand.service.count(PARKED).await, 0);
}

/// BR-STORAGE-005, BR-STORAGE-006, F14: PostgreSQL is killed, comes back, is frozen and goes on under writes that are
/// repeated with their keys until they are acknowledged: readiness tells of both, all ends by itself, and every record is
/// there once, with its vector.
#[tokio::test(flavor = "multi_thread")]
async fn postgresql_is_killed_and_frozen_under_writes_and_each_is_stored_once() {
    let programs = Installation::from_test_run().unwrap();
    let mut postgres = Cluster::temporary(&programs, ClusterSettings::for_tests()).await.unwrap();
    storage_testkit::create_database(&postgres.url("postgres"), COLLECTION, None).await.unwrap();
    let database_url = postgres.url(COLLECTION);
    storage_schema::bootstrap(&database_url).await.unwrap();
    let qdrant = QdrantServer::start().unwrap();
    let process = ServiceProcess::start(&database_url, Stand::options(&qdrant)).await.unwrap();
    let (client, url) = (client(), process.url());

    let is_over = AtomicBool::new(false);
    let (written, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let writer = async |writer: usize| {
        for n in 0.. {
            if is_over.load(Ordering::Relaxed) {
                return;
            }
            let key = format!("{writer}-{n}");
            loop {
                let request = client.post(format!("{url}/api/v1/audit/remediation"));
                let request = request.header("Idempotency-Key", &key).json(&remediation(&key));
                match request.send().await.unwrap().status().as_u16() {
                    201 => break,
                    // Away, or the key is still held by a transaction of which PostgreSQL does not know that it is lost.
                    503 | 409 => refused.fetch_add(1, Ordering::Relaxed),
                    other => panic!("{other}"),
                };
                tokio::task::yield_now().await;
            }
            written.fetch_add(1, Ordering::Relaxed);
        }
    };
    let ready = async || client.get(format!("{url}/ready")).send().await.unwrap().status() == 200;
    let progress = async || {
        let before = written.load(Ordering::Relaxed);
        eventually("writes go on", async || written.load(Ordering::Relaxed) > before + 50).await;
    };
    let faults = async {
        progress().await;
        postgres.kill9().await.unwrap();
        eventually("the loss is told", async || !ready().await).await;
        eventually("writes are refused", async || refused.load(Ordering::Relaxed) > 20).await;
        postgres.restart().await.unwrap();
        eventually("all is well again", ready).await;
        progress().await;
        postgres.pause().unwrap();
        eventually("the silence is told", async || !ready().await).await;
        postgres.resume().unwrap();
        eventually("all is well once more", ready).await;
        progress().await;
        is_over.store(true, Ordering::Relaxed);
    };
    tokio::join!(futures_util::future::join_all((0..4).map(writer)), faults);

    let count =
        async |query| count(&mut AsyncPgConnection::establish(&database_url).await.unwrap(), query).await;
    eventually("all are projected", async || count("SELECT count(*) AS n FROM vector_outbox").await == 0)
        .await;
    let written = i64::try_from(written.into_inner()).unwrap();
    for query in [RECORDS, WITH_VECTOR] {
        assert_eq!(count(query).await, written, "{query}");
    }
    assert_eq!(points(&qdrant.url(), COLLECTION).await, u64::try_from(written).unwrap());
}
