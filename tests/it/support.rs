//! A service on a database of its own, and a client for it.

use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use diesel::sql_types::BigInt;
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use qdrant_client::Qdrant;
use qdrant_client::qdrant::CountPointsBuilder;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use storage_testkit::{ServiceOptions, ServiceProcess, TestDatabase};

/// How many remediations have their vector, of the version that they have.
pub(crate) const WITH_VECTOR: &str = "SELECT count(*) AS n FROM remediation_audit r WHERE EXISTS (SELECT FROM remediation_vector v WHERE v.record_id = r.id AND v.version = r.updated_at)";

/// How many have not.
pub(crate) const WITHOUT_VECTOR: &str = "SELECT count(*) AS n FROM remediation_audit r WHERE NOT EXISTS (SELECT FROM remediation_vector v WHERE v.record_id = r.id AND v.version = r.updated_at)";

/// Longer than anything here should take; a wait that reaches it fails the test.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Counts the locks that sessions on this database wait for.
pub(crate) const WAITING_FOR_LOCKS: &str = "SELECT count(*) AS n FROM pg_locks l \
    JOIN pg_database d ON d.oid = l.database WHERE d.datname = current_database() AND NOT l.granted";

/// A running service with the hashing embedder, its database and a client.
pub(crate) struct Service {
    pub(crate) process: ServiceProcess,
    pub(crate) client: reqwest::Client,
    pub(crate) database: TestDatabase,
}

/// An answer: status, headers, body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) async fn of(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        Self { status, headers, text: response.text().await.unwrap() }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name}: {self:?}")).to_str().unwrap()
    }

    /// The pointers and codes of a problem's errors.
    pub(crate) fn errors(&self) -> Vec<(String, String)> {
        let word = |value: &Value| value.as_str().unwrap().to_owned();
        let errors = self.json()["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|error| (word(&error["pointer"]), word(&error["code"]))).collect()
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        self
    }
}

/// Settings of a service under test: the hashing embedder needs no file, and a client that a busy machine keeps from
/// sending is not cut off.
pub(crate) fn options() -> ServiceOptions {
    ServiceOptions::default()
        .set("DATASTORAGE__EMBEDDING__PROVIDER", "hashing")
        .set("DATASTORAGE__SERVER__HEADER_TIMEOUT", "60s")
}

impl Service {
    pub(crate) async fn start() -> Self {
        Self::with(options()).await
    }

    pub(crate) async fn with(options: ServiceOptions) -> Self {
        let database = TestDatabase::create().await.unwrap();
        let process = ServiceProcess::start(&database.server_url().unwrap(), options).await.unwrap();
        Self { process, client: client(), database }
    }

    /// A service that reaches its database by another URL, such as a proxy's.
    pub(crate) async fn reaching(database: TestDatabase, url: &str) -> Self {
        let process = ServiceProcess::start(url, options()).await.unwrap();
        Self { process, client: client(), database }
    }

    pub(crate) async fn send(&self, method: Method, path: &str) -> Answer {
        let url = format!("{}{path}", self.process.url());
        Answer::of(self.client.request(method, url).send().await.unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path).await
    }

    /// The log, in which every request that was answered before has its line: those are written together, a moment later.
    pub(crate) async fn log(&self) -> String {
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        let id = format!("asked-for-the-log-{}.", ASKED.fetch_add(1, Ordering::Relaxed));
        let url = format!("{}/of-the-last-line", self.process.url());
        self.client.get(url).header("X-Correlation-ID", &id).send().await.unwrap();
        eventually("the lines are written", async || self.process.logs().contains(&id)).await;
        self.process.logs()
    }

    pub(crate) async fn post_text(&self, kind: &str, body: impl Into<String>) -> Answer {
        let url = format!("{}/api/v1/audit/{kind}", self.process.url());
        let request = self.client.post(url).header("Content-Type", "application/json").body(body.into());
        Answer::of(request.send().await.unwrap()).await
    }

    pub(crate) async fn post(&self, kind: &str, body: &Value) -> Answer {
        self.post_text(kind, body.to_string()).await
    }

    /// Stores a remediation called so and returns its id.
    pub(crate) async fn remediation(&self, name: &str) -> i64 {
        self.post("remediation", &remediation(name)).await.expect(201).json()["id"].as_i64().unwrap()
    }

    pub(crate) async fn count(&self, query: &'static str) -> i64 {
        count(&mut self.database.connect().await.unwrap(), query).await
    }

    /// Waits until every remediation has its vector.
    pub(crate) async fn embedded(&self) {
        eventually("the outbox is empty", async || {
            self.count("SELECT count(*) AS n FROM vector_outbox WHERE parked_at IS NULL").await == 0
        })
        .await;
    }
}

/// The single number, called `n`, that a query returns.
pub(crate) async fn count(connection: &mut AsyncPgConnection, query: &'static str) -> i64 {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        n: i64,
    }
    sql_query(query).get_result::<Row>(connection).await.unwrap().n
}

pub(crate) fn client() -> reqwest::Client {
    // The client wants one even for addresses without TLS; another test may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().timeout(PATIENCE).build().unwrap()
}

/// A client at another address of this machine, which the service takes for another caller.
pub(crate) fn neighbour() -> reqwest::Client {
    reqwest::Client::builder().timeout(PATIENCE).local_address(IpAddr::from([127, 0, 0, 2])).build().unwrap()
}

/// The least a remediation needs.
pub(crate) fn remediation(name: &str) -> Value {
    json!({ "name": name, "namespace": "default", "phase": "processing", "action_type": "restart-pod" })
}

/// With an outside index.
pub(crate) fn on_qdrant(options: ServiceOptions, url: &str, collection: &str) -> ServiceOptions {
    options.set("DATASTORAGE__QDRANT__URL", url).set("DATASTORAGE__QDRANT__COLLECTION", collection)
}

/// How many points a collection has.
pub(crate) async fn points(url: &str, collection: &str) -> u64 {
    let client = Qdrant::from_url(url).skip_compatibility_check().build().unwrap();
    let count = CountPointsBuilder::new(collection).exact(true);
    client.count(count).await.unwrap().result.unwrap().count
}

/// Waits until the condition holds.
pub(crate) async fn eventually(what: &str, condition: impl AsyncFn() -> bool) {
    let mut poll = tokio::time::interval(Duration::from_millis(20));
    let holds = async {
        while !condition().await {
            poll.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, holds).await.unwrap_or_else(|_| panic!("never came true: {what}"));
}
