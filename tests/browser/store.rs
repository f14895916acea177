//! A service on a database of its own, with records to look at.

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use reqwest::Method;
use serde_json::{Value, json};
use storage_testkit::{ServiceOptions, ServiceProcess, TestDatabase};

use crate::page::PATIENCE;

/// A running service.
pub(crate) struct Store {
    process: ServiceProcess,
    client: reqwest::Client,
    _database: TestDatabase,
}

/// Settings of a service under test: the hashing embedder needs no file.
pub(crate) fn options() -> ServiceOptions {
    ServiceOptions::default().set("DATASTORAGE__EMBEDDING__PROVIDER", "hashing")
}

impl Store {
    pub(crate) async fn empty() -> Self {
        Self::with(options()).await
    }

    pub(crate) async fn with(options: ServiceOptions) -> Self {
        let database = TestDatabase::create().await.unwrap();
        let url = database.server_url().unwrap();
        Self::reaching(database, &url, options).await
    }

    /// A service that reaches its database by another URL, such as a proxy's.
    pub(crate) async fn reaching(database: TestDatabase, url: &str, options: ServiceOptions) -> Self {
        let process = ServiceProcess::start(url, options).await.unwrap();
        // The client wants one even for addresses without TLS; another test may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().timeout(PATIENCE).build().unwrap();
        Self { process, client, _database: database }
    }

    /// With [`records`].
    pub(crate) async fn filled() -> Self {
        let store = Self::empty().await;
        store.post("remediation/batch", &Value::Array(records(Utc::now()))).await;
        store
    }

    pub(crate) fn url(&self) -> String {
        self.process.url()
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        self.send(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, kind: &str, body: &Value) -> Value {
        self.send(Method::POST, &format!("/api/v1/audit/{kind}"), Some(body)).await
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Value {
        let mut request = self.client.request(method, format!("{}{path}", self.url()));
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// How many records match.
    pub(crate) async fn total(&self, filter: &str) -> i64 {
        let page = self.get(&format!("/api/v1/audit/remediation?limit=1&{filter}")).await;
        page["pagination"]["total"].as_i64().unwrap()
    }
}

/// As the API writes it.
pub(crate) fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// 130 records: 120 of the last 20 hours, ten minutes apart, and ten of weeks before. Every fourth has failed.
pub(crate) fn records(now: DateTime<Utc>) -> Vec<Value> {
    (0..130)
        .map(|number| {
            let age = if number < 120 { Duration::minutes(10 * number + 5) } else { Duration::days(number - 110) };
            let begun = now - age;
            let has_failed = number % 4 == 0;
            json!({
                "name": format!("record-{number}"),
                "cluster": pick(&["east", "west"], number / 2),
                "namespace": pick(&["payments", "checkout", "identity"], number),
                "phase": if has_failed { "failed" } else { "completed" },
                "status": if has_failed { "failed" } else { "success" },
                "action_type": pick(&["restart-pod", "scale-deployment"], number),
                "alert_name": pick(&["KubePodCrashLooping", "KubeNodeNotReady"], number),
                "severity": if number % 5 == 0 { "critical" } else { "low" },
                "start_time": time(begun),
                "end_time": time(begun + Duration::seconds(number + 1)),
                "error_message": if number % 2 == 0 { "Back-off restarting failed container" } else { "node is not ready" },
            })
        })
        .collect()
}

/// One word after the other, over and over.
fn pick(words: &'static [&'static str], number: i64) -> &'static str {
    words[usize::try_from(number).unwrap() % words.len()]
}
