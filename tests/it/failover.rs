//! A primary and its standby change places under writes.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};
use storage_testkit::{Cluster, ClusterSettings, Installation, ServiceProcess};

use crate::support::{WITHOUT_VECTOR, client, count, eventually, options, remediation};

const DATABASE: &str = "audit";
const RECORDS: &str = "SELECT count(*) AS n FROM remediation_audit";
const NAMES: &str = "SELECT count(DISTINCT name) AS n FROM remediation_audit";
const SYNCHRONOUS: &str =
    "SELECT count(*) AS n FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = 'sync'";
const SESSIONS: &str =
    "SELECT count(*) AS n FROM pg_stat_activity WHERE application_name LIKE 'datastorage%'";
/// What the writer's sessions do while the standby confirms nothing.
const WRITE_WAITS: &str = "SELECT count(*) AS n FROM pg_stat_activity \
    WHERE application_name = 'datastorage write' AND wait_event = 'SyncRep' AND query = 'COMMIT'";
const LATER_COMMIT_WAITS: &str = "SELECT count(*) AS n FROM pg_stat_activity \
    WHERE application_name = 'datastorage write' AND wait_event = 'SyncRep' AND query LIKE '%emit_message%'";
const END_WRITE: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
    WHERE application_name = 'datastorage write' AND wait_event = 'SyncRep'";
/// Clients that write, each one record after the other.
const CLIENTS: usize = 4;
/// How finely the timeline tells what happened when.
const SLICE: Duration = Duration::from_millis(250);

/// Two servers and a service that may use either.
struct Stand {
    primary: Cluster,
    standby: Cluster,
    service: ServiceProcess,
    client: reqwest::Client,
    load: Load,
}

/// What the clients have seen.
#[derive(Default)]
struct Load {
    is_over: AtomicBool,
    begun: AtomicUsize,
    acknowledged: AtomicUsize,
    refused: AtomicUsize,
}

impl Stand {
    /// A primary whose commits wait for its standby, and the service on both.
    async fn start() -> Self {
        let programs = Installation::from_test_run().unwrap();
        let primary = Cluster::temporary(&programs, ClusterSettings::for_tests()).await.unwrap();
        storage_testkit::create_database(&primary.url("postgres"), DATABASE, None).await.unwrap();
        storage_schema::bootstrap(&primary.url(DATABASE)).await.unwrap();
        let standby = Cluster::standby_of(&primary, "standby").await.unwrap();
        wait_for_standby(&primary).await;
        let (one, two) = (primary.port(), standby.port());
        let url = format!("postgres://postgres@127.0.0.1:{one},127.0.0.1:{two}/{DATABASE}");
        let service = ServiceProcess::start(&url, options()).await.unwrap();
        Self { primary, standby, service, client: client(), load: Load::default() }
    }

    /// One client: each record is repeated with its key until it is acknowledged.
    async fn write(&self) {
        let url = format!("{}/api/v1/audit/remediation", self.service.url());
        while !self.load.is_over.load(Ordering::Relaxed) {
            let key = self.load.begun.fetch_add(1, Ordering::Relaxed).to_string();
            loop {
                let request = self.client.post(&url).header("Idempotency-Key", &key);
                match request.json(&remediation(&key)).send().await.unwrap().status().as_u16() {
                    201 => break,
                    503 | 409 => self.load.refused.fetch_add(1, Ordering::Relaxed),
                    other => panic!("{other}"),
                };
                tokio::task::yield_now().await;
            }
            self.load.acknowledged.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Has all clients write while `faults` happen, and prints what came of it.
    async fn under_load(&self, timeline: &Timeline, faults: impl Future<Output = ()>) {
        let clients = futures_util::future::join_all((0..CLIENTS).map(|_| self.write()));
        let faults = async {
            faults.await;
            self.load.is_over.store(true, Ordering::Relaxed);
        };
        tokio::join!(clients, timeline.watch(&self.load), faults);
    }

    async fn is_ready(&self) -> bool {
        let ready = format!("{}/ready", self.service.url());
        self.client.get(ready).send().await.unwrap().status() == 200
    }

    async fn progress(&self) {
        let before = self.load.acknowledged.load(Ordering::Relaxed);
        eventually("writes go on", async || self.load.acknowledged.load(Ordering::Relaxed) > before + 100)
            .await;
    }

    async fn outage(&self) {
        eventually("the loss is told", async || !self.is_ready().await).await;
        let before = self.load.refused.load(Ordering::Relaxed);
        eventually("writes are refused", async || self.load.refused.load(Ordering::Relaxed) > before + 20)
            .await;
    }

    /// Everything acknowledged is on this server, once, and reaches the projection.
    async fn assert_stored_on(&self, server: &Cluster, timeline: &Timeline) {
        let acknowledged = i64::try_from(self.load.acknowledged.load(Ordering::Relaxed)).unwrap();
        let stored = on(server, RECORDS).await;
        timeline.note(&format!("acknowledged {acknowledged}, stored {stored}"));
        assert_eq!((stored, on(server, NAMES).await), (acknowledged, acknowledged));
        eventually("all have their vectors", async || on(server, WITHOUT_VECTOR).await == 0).await;
    }
}

/// Has the commits of the primary wait for its standby.
async fn wait_for_standby(primary: &Cluster) {
    let statement = "ALTER SYSTEM SET synchronous_standby_names = 'standby'; SELECT pg_reload_conf()";
    for statement in statement.split("; ") {
        connect(primary).await.batch_execute(statement).await.unwrap();
    }
    eventually("commits wait for the standby", async || on(primary, SYNCHRONOUS).await == 1).await;
}

async fn connect(server: &Cluster) -> AsyncPgConnection {
    AsyncPgConnection::establish(&server.url(DATABASE)).await.unwrap()
}

async fn on(server: &Cluster, query: &'static str) -> i64 {
    count(&mut connect(server).await, query).await
}

/// What happened when, printed as it happens (`--nocapture`).
struct Timeline(Instant);

impl Timeline {
    fn start(title: &str) -> Self {
        let timeline = Self(Instant::now());
        timeline.note(title);
        timeline
    }

    #[expect(clippy::print_stdout, reason = "shown by --nocapture")]
    fn note(&self, event: &str) {
        println!("{:7.2} s  {event}", self.0.elapsed().as_secs_f64());
    }

    /// Tells what the clients see, slice by slice, until they have ended.
    async fn watch(&self, load: &Load) {
        let mut tick = tokio::time::interval(SLICE);
        let seen = || (load.acknowledged.load(Ordering::Relaxed), load.refused.load(Ordering::Relaxed));
        let mut before = seen();
        while !load.is_over.load(Ordering::Relaxed) {
            tick.tick().await;
            let now = seen();
            self.note(&format!("written {:5}  refused {:5}", now.0 - before.0, now.1 - before.1));
            before = now;
        }
    }
}

/// F56: the primary is killed under writes, its standby is promoted, and it comes back as the standby; then all of it the
/// other way round. With synchronous replication nothing that was acknowledged is lost, each record is there once, and
/// the service heals without a restart.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_when_a_standby_is_promoted_under_writes() {
    let mut stand = Stand::start().await;
    let timeline = Timeline::start("a primary and a standby whose confirmation commits wait for");
    for round in ["first", "second"] {
        stand.load.is_over.store(false, Ordering::Relaxed);
        let faults = async {
            stand.progress().await;
            timeline.note(&format!("{round}: the primary is killed"));
            stand.primary.kill9().await.unwrap();
            stand.outage().await;
            timeline.note(&format!("{round}: the standby is promoted"));
            stand.standby.promote().await.unwrap();
            eventually("all is well again", async || stand.is_ready().await).await;
            timeline.note(&format!("{round}: ready again"));
            stand.progress().await;
        };
        stand.under_load(&timeline, faults).await;
        stand.assert_stored_on(&stand.standby, &timeline).await;

        stand.primary.follow(&stand.standby, "standby").await.unwrap();
        std::mem::swap(&mut stand.primary, &mut stand.standby);
        wait_for_standby(&stand.primary).await;
        timeline.note(&format!("{round}: the old primary is back as the standby"));
    }
}

/// F56: a primary becomes read-only and keeps its sessions. The service tells of it, leaves it, and writes to the server
/// that is promoted.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_takes_no_writes_any_more_is_left() {
    let stand = Stand::start().await;
    let timeline = Timeline::start("a primary that becomes read-only, and its standby");
    let faults = async {
        stand.progress().await;
        timeline.note("the primary becomes read-only");
        for statement in ["ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()"] {
            connect(&stand.primary).await.batch_execute(statement).await.unwrap();
        }
        stand.outage().await;
        timeline.note("the standby is promoted");
        stand.standby.promote().await.unwrap();
        eventually("all is well again", async || stand.is_ready().await).await;
        timeline.note("ready again");
        // A request that waits for the projection asks the server that has it.
        let url = format!("{}/api/v1/audit/remediation", stand.service.url());
        let request = stand.client.post(url).header("Prefer", "wait=30");
        let answer = request.json(&remediation("waited for")).send().await.unwrap();
        assert!(answer.text().await.unwrap().contains("\"vector_sync\":\"synced\""));
        stand.load.acknowledged.fetch_add(1, Ordering::Relaxed);
    };
    stand.under_load(&timeline, faults).await;
    stand.assert_stored_on(&stand.standby, &timeline).await;
    eventually("no session is left", async || on(&stand.primary, SESSIONS).await == 0).await;
}

/// F56: a COMMIT that waited for its standby loses its session, and the server shows it as committed. It is acknowledged
/// only once the standby has confirmed a later commit of the service; and so is the answer to its repetition.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_its_standby_has_not_confirmed_is_not_acknowledged() {
    let stand = Stand::start().await;
    let write = async || {
        let url = format!("{}/api/v1/audit/remediation", stand.service.url());
        let request = stand.client.post(url).header("Idempotency-Key", "k").json(&remediation("a"));
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.headers().contains_key("Idempotent-Replayed"))
    };
    let confirm_once = async |waiting| {
        eventually("a commit waits", async || on(&stand.primary, waiting).await == 1).await;
        stand.standby.resume().unwrap();
    };
    stand.standby.pause().unwrap();
    let cut = async {
        eventually("the write waits", async || on(&stand.primary, WRITE_WAITS).await == 1).await;
        connect(&stand.primary).await.batch_execute(END_WRITE).await.unwrap();
        confirm_once(LATER_COMMIT_WAITS).await;
    };
    let (first, ()) = tokio::join!(write(), cut);
    assert_eq!(first, (201, false));

    stand.standby.pause().unwrap();
    let (again, ()) = tokio::join!(write(), confirm_once(WRITE_WAITS));
    assert_eq!(again, (201, true));
    assert_eq!(on(&stand.primary, RECORDS).await, 1);
}
