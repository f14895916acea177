//! Every step of a write against every fault at it, as its client sees it.

use reqwest::Method;
use serde_json::{Value, json};
use storage_testkit::{FaultProxy, ServiceOptions, ServiceProcess, TestDatabase};

use crate::support::{Answer, Service, client, eventually, options, remediation};

/// A step of a write, by the statement that begins it.
type Step = (&'static str, &'static str);

/// What happens to the statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// It is lost on its way to PostgreSQL, and so is the connection.
    CutBefore,
    /// It is carried out; the connection is lost before the answer.
    CutAfter,
    /// It is carried out; the answer never comes.
    Hang,
    /// It is carried out; the service is killed before the answer.
    Kill,
}

/// A kind of write: each stores, or changes, so many records that a list finds by their name and phase.
struct Write {
    records: u64,
    phase: &'static str,
    prepare: bool,
    steps: &'static [Step],
    request: fn(name: &str, prepared: Option<&Prepared>) -> Request,
}

struct Prepared {
    path: String,
    tag: String,
}

struct Request {
    method: Method,
    path: String,
    if_match: Option<String>,
    body: Value,
}

/// Shorter than in production, so that a fault that hangs is over soon.
fn impatient() -> ServiceOptions {
    options()
        .set("DATASTORAGE__DATABASE__LOCK_TIMEOUT", "400ms")
        .set("DATASTORAGE__DATABASE__STATEMENT_TIMEOUT", "500ms")
        .set("DATASTORAGE__WRITER__STEP_TIMEOUT", "700ms")
        .set("DATASTORAGE__PROJECTOR__STEP_TIMEOUT", "700ms")
        // Woken by each write; a poll might run into a fault that is meant for a write.
        .set("DATASTORAGE__PROJECTOR__POLL", "1h")
        .set("DATASTORAGE__PROJECTOR__LEASE", "2s")
}

/// A service behind a proxy, which is killed and started again.
struct Stand {
    service: Service,
    proxy: FaultProxy,
    url: String,
}

impl Stand {
    async fn new() -> Self {
        let database = TestDatabase::create().await.unwrap();
        let proxy = FaultProxy::for_postgres(&database.server_url().unwrap()).await.unwrap();
        // Jobs in the background begin and commit as well.
        proxy.meet_only("datastorage write");
        let url = proxy.url(&database.server_url().unwrap());
        let process = ServiceProcess::start(&url, impatient()).await.unwrap();
        Self { service: Service { process, client: client(), database }, proxy, url }
    }

    fn arm(&self, step: &str, fault: Fault) {
        match fault {
            Fault::CutBefore => self.proxy.cut_after_request(step),
            Fault::CutAfter => self.proxy.cut_before_answer(step),
            Fault::Hang | Fault::Kill => self.proxy.hang_before_answer(step),
        }
    }

    async fn send(&self, request: &Request, key: &str) -> Option<Answer> {
        let url = format!("{}{}", self.service.process.url(), request.path);
        let mut sent = self
            .service
            .client
            .request(request.method.clone(), url)
            .header("Content-Type", "application/json")
            .header("Idempotency-Key", key)
            .body(request.body.to_string());
        if let Some(tag) = &request.if_match {
            sent = sent.header("If-Match", tag);
        }
        Some(Answer::of(sent.send().await.ok()?).await)
    }

    /// How many records of this name are in this phase.
    async fn stored(&self, name: &str, phase: &str) -> u64 {
        let path = format!("/api/v1/audit/remediation?name={name}&phase={phase}&limit=1");
        self.service.get(&path).await.expect(200).json()["pagination"]["total"].as_u64().unwrap()
    }

    async fn prepare(&self, name: &str) -> Prepared {
        let stored = self.service.post("remediation", &remediation(name)).await.expect(201);
        // The projector's statements must not be the ones that a fault meets.
        self.service.embedded().await;
        let path = format!("/api/v1/audit/remediation/{}", stored.json()["id"]);
        Prepared { path, tag: stored.header("ETag").to_owned() }
    }
}

/// What the client sees, how many records were stored before it repeated the request, and that afterwards they are
/// there once.
async fn outcome(stand: &mut Stand, write: &Write, name: &str, step: &str, fault: Fault) -> String {
    let prepared = if write.prepare { Some(stand.prepare(name).await) } else { None };
    let request = (write.request)(name, prepared.as_ref());
    stand.arm(step, fault);
    let first = if fault == Fault::Kill {
        let identity = stand.service.process.process().unwrap();
        let killed = async {
            stand.proxy.wait_for_trigger().await.unwrap();
            identity.kill9().unwrap();
        };
        let (first, ()) = tokio::join!(stand.send(&request, name), killed);
        stand.proxy.cut_all();
        stand.service.process = ServiceProcess::start(&stand.url, impatient()).await.unwrap();
        first
    } else {
        let first = stand.send(&request, name).await;
        stand.proxy.wait_for_trigger().await.unwrap();
        first
    };
    let seen =
        first.as_ref().map_or_else(|| "no answer".to_owned(), |answer| answer.status.as_u16().to_string());
    let stored = stand.stored(name, write.phase).await;

    let settled = async || {
        let again = stand.send(&request, name).await;
        again.filter(|again| again.status.is_success())
    };
    eventually("the request is settled by repeating it", async || settled().await.is_some()).await;
    let again = settled().await.unwrap();
    assert_eq!(again.header("Idempotent-Replayed"), "true");
    if let Some(first) = first.filter(|first| first.status.is_success()) {
        assert_eq!(first.text, again.text, "{name}: the same answer, byte for byte");
    }
    assert_eq!(stand.stored(name, write.phase).await, write.records, "{name}: once");
    format!("{seen}, {stored} stored")
}

/// Goes through the table, one row a step, and compares it with what is `expected`; the columns are those of [`Fault`].
///
/// While COMMIT has not been sent, a lost connection costs nothing but another try, and silence is answered 503: nothing
/// is stored. From then on the outcome is asked for.
async fn table(write: &Write, expected: &str) {
    let mut stand = Stand::new().await;
    stand.service.remediation("warm").await;
    stand.service.embedded().await;
    let mut rows = String::new();
    for (label, needle) in write.steps {
        rows.push_str(&format!("{label:<8}"));
        for fault in [Fault::CutBefore, Fault::CutAfter, Fault::Hang, Fault::Kill] {
            let name = format!("{label}-{fault:?}").to_lowercase();
            let cell = outcome(&mut stand, write, &name, needle, fault).await;
            rows.push_str(&format!("| {cell:<20}"));
            stand.service.embedded().await;
        }
        rows.push('\n');
    }
    let same = |text: &str| text.trim().lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>();
    assert_eq!(same(&rows), same(expected), "\n{rows}");
}

const STEPS: &[Step] = &[
    ("begin", "BEGIN"),
    ("keys", "pg_try_advisory_xact_lock"),
    ("insert", "INSERT INTO remediation_audit"),
    ("commit", "COMMIT"),
];

/// BR-STORAGE-002, BR-STORAGE-005, F05, F10, F14, F34: a single record.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_stored_once_whatever_fails_at_whichever_step() {
    let write = Write {
        records: 1,
        phase: "processing",
        prepare: false,
        steps: STEPS,
        request: |name, _| Request {
            method: Method::POST,
            path: "/api/v1/audit/remediation".to_owned(),
            if_match: None,
            body: remediation(name),
        },
    };
    let expected = "
        begin   | 201, 1 stored       | 201, 1 stored       | 503, 0 stored       | no answer, 0 stored
        keys    | 201, 1 stored       | 201, 1 stored       | 503, 0 stored       | no answer, 0 stored
        insert  | 201, 1 stored       | 201, 1 stored       | 503, 0 stored       | no answer, 0 stored
        commit  | 201, 1 stored       | 201, 1 stored       | 201, 1 stored       | no answer, 1 stored";
    table(&write, expected).await;
}

/// The same for a batch, which is stored as a whole.
#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_stored_once_whatever_fails_at_whichever_step() {
    let write = Write {
        records: 3,
        phase: "processing",
        prepare: false,
        steps: STEPS,
        request: |name, _| Request {
            method: Method::POST,
            path: "/api/v1/audit/remediation/batch".to_owned(),
            if_match: None,
            body: json!([remediation(name), remediation(name), remediation(name)]),
        },
    };
    let expected = "
        begin   | 201, 3 stored       | 201, 3 stored       | 503, 0 stored       | no answer, 0 stored
        keys    | 201, 3 stored       | 201, 3 stored       | 503, 0 stored       | no answer, 0 stored
        insert  | 201, 3 stored       | 201, 3 stored       | 503, 0 stored       | no answer, 0 stored
        commit  | 201, 3 stored       | 201, 3 stored       | 201, 3 stored       | no answer, 3 stored";
    table(&write, expected).await;
}

/// The same for a change.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_made_once_whatever_fails_at_whichever_step() {
    let write = Write {
        records: 1,
        phase: "completed",
        prepare: true,
        steps: &[
            ("begin", "BEGIN"),
            ("keys", "pg_try_advisory_xact_lock"),
            ("update", "UPDATE remediation_audit"),
            ("commit", "COMMIT"),
        ],
        request: |_, prepared| {
            let prepared = prepared.unwrap();
            Request {
                method: Method::PATCH,
                path: prepared.path.clone(),
                if_match: Some(prepared.tag.clone()),
                body: json!({ "phase": "completed", "status": "success" }),
            }
        },
    };
    let expected = "
        begin   | 200, 1 stored       | 200, 1 stored       | 503, 0 stored       | no answer, 0 stored
        keys    | 200, 1 stored       | 200, 1 stored       | 503, 0 stored       | no answer, 0 stored
        update  | 200, 1 stored       | 200, 1 stored       | 503, 0 stored       | no answer, 0 stored
        commit  | 200, 1 stored       | 200, 1 stored       | 200, 1 stored       | no answer, 1 stored";
    table(&write, expected).await;
}
