//! Secrets are in nothing that the service writes or answers, whatever goes wrong.

use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use reqwest::Method;
use serde_json::{Value, json};
use storage_testkit::{
    Fault, FaultProxy, GrpcCode, QdrantFault, QdrantServer, RedisServer, RedisServerSettings, RedisSource,
    ServiceOptions, ServiceProcess, TestDatabase, environment, with_user,
};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers};

use crate::support::{Answer, Service, client, eventually};

/// What must be nowhere. Each has its own end, so that a finding says which it is.
const DATABASE: &str = "geheim-of-the-database";
const OWNER: &str = "geheim-of-the-owner";
const REDIS: &str = "geheim-of-redis";
const QDRANT: &str = "geheim-of-qdrant";
const PROVIDER: &str = "geheim-of-the-provider";
const FOREIGN: &str = "geheim-of-a-foreign-token";
/// Of a record; no secret of the service, but of its author.
const NAME: &str = "geheim-of-a-record";
/// What they all begin with.
const ANY: &str = "geheim-of";

/// An embedding API that answers, or refuses and repeats to the test what it was sent.
#[derive(Clone, Default)]
struct Provider {
    refuses: Arc<AtomicBool>,
}

impl Respond for Provider {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let key = request.headers.get("authorization").map_or("", |value| value.to_str().unwrap());
        let question: Value = request.body_json().unwrap();
        if self.refuses.load(Ordering::SeqCst) {
            let message = format!("Incorrect API key provided: {key}. You sent {question}");
            return ResponseTemplate::new(401).set_body_json(json!({ "error": { "message": message } }));
        }
        assert!(key.contains(PROVIDER), "{key}");
        let count = question["input"].as_array().unwrap().len();
        let vector = |index| json!({ "index": index, "embedding": vec![0.05; 384] });
        ResponseTemplate::new(200)
            .set_body_json(json!({ "data": (0..count).map(vector).collect::<Vec<_>>() }))
    }
}

/// Writes a file that only one setting names.
fn file(directory: &Path, name: &str, text: &str) -> String {
    let path = directory.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

async fn run(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let bin = environment::required(environment::SERVICE_BIN).unwrap();
    let mut command = tokio::process::Command::new(bin);
    let Output { stdout, stderr, .. } =
        command.args(arguments).envs(environment.iter().copied()).output().await.unwrap();
    format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr))
}

#[track_caller]
fn holds_no_secret(text: &str) {
    let lines: Vec<&str> = text.lines().filter(|line| line.contains(ANY)).collect();
    assert!(lines.is_empty(), "{lines:#?}");
}

/// A service with a secret for everything, at the most detailed level, whose dependencies can be made to fail.
struct Exposed {
    service: Service,
    postgres: FaultProxy,
    redis: RedisServer,
    qdrant: QdrantServer,
    token: String,
    answers: Vec<String>,
    provider: Provider,
    _api: MockServer,
    _directory: tempfile::TempDir,
}

impl Exposed {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let program = RedisSource::program_of_test_run().unwrap();
        let settings =
            RedisServerSettings { password: Some(REDIS.to_owned()), ..RedisServerSettings::default() };
        let redis = RedisServer::temporary(&program, settings).await.unwrap();
        let qdrant = QdrantServer::start().unwrap();
        let (api, provider) = (MockServer::start().await, Provider::default());
        Mock::given(matchers::any()).respond_with(provider.clone()).mount(&api).await;
        let tokens = file(directory.path(), "tokens", "");
        let made =
            ["token", "new", "operator", "--permission", "audit:read,audit:write,admin", "--append", &tokens];
        let token = run(&made, &[]).await.trim_end().to_owned();

        let database = TestDatabase::create().await.unwrap();
        let postgres = FaultProxy::for_postgres(&database.url()).await.unwrap();
        // The server under test lets all roles in, so that a password of this test's own can be given.
        let role = database.server_url().unwrap();
        let role = role.split_once("://").unwrap().1.split_once(':').unwrap().0;
        let url = with_user(&postgres.url(&database.url()), role, DATABASE);
        let options = ServiceOptions::default()
            .set("DATASTORAGE__LOG__LEVEL", "trace")
            .set("DATASTORAGE__LOG__FORMAT", "json")
            .set("DATASTORAGE__AUTH__MODE", "tokens")
            .set("DATASTORAGE__AUTH__TOKENS_FILE", tokens)
            .set("DATASTORAGE__SCHEMA__OWNER_URL", with_user(&database.url(), "owner", OWNER))
            .set("DATASTORAGE__REDIS__URL", redis.url())
            .set("DATASTORAGE__QDRANT__URL", qdrant.url())
            .set("DATASTORAGE__QDRANT__API_KEY", QDRANT)
            .set("DATASTORAGE__EMBEDDING__PROVIDER", "openai")
            .set("DATASTORAGE__OPENAI__URL", format!("http://{}/v1", api.address()))
            .set("DATASTORAGE__OPENAI__API_KEY_FILE", file(directory.path(), "key", PROVIDER));
        let mut process = ServiceProcess::start(&url, options).await.unwrap();
        process.must_not_log(&token);
        let service = Service { process, client: client(), database };
        let answers = Vec::new();
        Self { service, postgres, redis, qdrant, token, answers, provider, _api: api, _directory: directory }
    }

    /// Sends a request and keeps the answer, headers included.
    async fn send(
        &mut self,
        method: Method,
        path: &str,
        authorization: &str,
        body: Option<&Value>,
    ) -> Answer {
        let url = format!("{}{path}", self.service.process.url());
        let mut request = self.service.client.request(method, url).header("Authorization", authorization);
        if let Some(body) = body {
            request = request.header("Content-Type", "application/json").body(body.to_string());
        }
        let answer = Answer::of(request.send().await.unwrap()).await;
        self.answers.push(format!("{path} {answer:?}"));
        answer
    }

    /// Everything that a caller may do, and some things that none may.
    async fn use_everything(&mut self) {
        let bearer = format!("Bearer {}", self.token);
        // Another text each time: no vector of it is remembered.
        let text = format!("{NAME} {}", self.answers.len());
        let record = json!({ "name": NAME, "namespace": "n", "phase": "failed", "action_type": "a", "status": "failed",
                             "error_message": text, "metadata": { "key": NAME } });
        for consistency in ["", "?consistency=strict"] {
            let path = format!("/api/v1/audit/remediation{consistency}");
            self.send(Method::POST, &path, &bearer, Some(&record)).await;
        }
        let orphan =
            json!({ "remediation_id": 999_999, "workflow_name": NAME, "phase": "planning", "step_count": 1 });
        self.send(Method::POST, "/api/v1/audit/workflow", &bearer, Some(&orphan)).await;
        self.send(
            Method::POST,
            "/api/v1/audit/remediation",
            &bearer,
            Some(&json!({ "name": 1, "no_such_field": NAME })),
        )
        .await;
        for path in [
            "/api/v1/audit/remediation/1",
            &format!("/api/v1/audit/search?q=crash+{}", self.answers.len()),
            "/api/v1/admin/settings",
            "/api/v1/admin/log-level",
            "/version",
            "/ready",
        ] {
            self.send(Method::GET, path, &bearer, None).await;
        }
        for authorization in [
            format!("Bearer {FOREIGN}"),
            format!("Bearer dst_{FOREIGN}"),
            format!("Basic {FOREIGN}"),
            format!("Bearer {FOREIGN}{}", "x".repeat(9_000)),
            FOREIGN.to_owned(),
        ] {
            self.send(Method::GET, "/api/v1/audit/remediation/1", &authorization, None).await;
        }
    }

    /// Waits until `/ready` says of the dependency that it is down.
    async fn down(&self, name: &str) {
        eventually(name, async || {
            self.service.get("/ready").await.json()["dependencies"][name]["state"] == "down"
        })
        .await;
    }
}

/// BR-STORAGE-020: no password, key, token or record is in the log at its most detailed, nor in any answer, while each
/// dependency works, refuses, and is away.
#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_in_no_log_and_no_answer_whatever_fails() {
    let mut exposed = Exposed::start().await;
    exposed.use_everything().await;
    exposed.service.embedded().await;
    exposed.qdrant.set_all(QdrantFault::Fail(GrpcCode::Unauthenticated));
    exposed.use_everything().await;
    exposed.qdrant.stop();
    exposed.use_everything().await;
    exposed.down("qdrant").await;
    exposed.redis.kill9().await.unwrap();
    exposed.use_everything().await;
    exposed.down("redis").await;
    exposed.provider.refuses.store(true, Ordering::SeqCst);
    exposed.use_everything().await;
    exposed.down("embedder").await;
    exposed.postgres.set(Fault::Refuse);
    exposed.use_everything().await;
    exposed.down("postgresql").await;
    exposed.use_everything().await;

    let metrics = format!("{}/metrics", exposed.service.process.admin_url());
    let metrics = exposed.service.client.get(metrics).send().await.unwrap().text().await.unwrap();
    let log = exposed.service.log().await;
    assert!(log.contains("\"level\":\"DEBUG\""), "the log is not detailed");
    holds_no_secret(&log);
    holds_no_secret(&metrics);
    // An answer that gives a record to who asked for it holds what the record holds.
    let others =
        exposed.answers.iter().filter(|answer| !answer.contains(&format!("\\\"name\\\":\\\"{NAME}\\\"")));
    others.for_each(|answer| holds_no_secret(answer));
    assert!(!log.contains(&exposed.token) && !exposed.answers.concat().contains(&exposed.token));
}

/// What cannot be used is told by its name: neither the value nor the line of the file it stands in.
#[tokio::test]
async fn faulty_settings_are_told_without_what_they_hold() {
    let directory = tempfile::tempdir().unwrap();
    let unreadable = [
        ("unclosed.toml", format!("[database]\npassword = \"{DATABASE}\n")),
        ("wrong.toml", format!("[qdrant]\napi_key = [\"{QDRANT}\"]\n")),
        ("twice.toml", format!("[database]\npassword = \"{DATABASE}\"\npassword = \"{DATABASE}\"\n")),
        ("wrong.yaml", format!("database:\n  password: \"{DATABASE}\n  user: x\n")),
        ("list.yaml", format!("redis:\n  url: [\"{REDIS}\", {{\n")),
        ("unknown.toml", format!("[database]\npasswort = \"{DATABASE}\"\n")),
    ];
    for (name, text) in unreadable {
        let path = file(directory.path(), name, &text);
        let told = run(&["settings", "--config", &path], &[]).await;
        assert!(told.contains("wrong") || told.contains("cannot"), "{name}: {told}");
        holds_no_secret(&told);
    }
    for (key, value) in [
        ("DATABASE__URL", format!("postgres://u:{DATABASE}@h:no-port/d")),
        ("DATABASE__URL", format!("mysql://u:{DATABASE}@h/d")),
        ("DATABASE__URL", format!("host='h password={DATABASE}")),
        ("REDIS__URL", format!("http://:{REDIS}@h")),
        ("REDIS__URL", format!("redis://:{REDIS}@h:no-port")),
        ("QDRANT__URL", format!("http://u:{QDRANT}@h:no-port")),
        ("OPENAI__URL", format!("http://u:{PROVIDER}@h:no-port")),
        ("QDRANT__API_KEY", format!("{QDRANT}\nwith an end of line")),
    ] {
        let told = run(
            &["settings", "--db-password", DATABASE],
            &[
                (&format!("DATASTORAGE__{key}"), &value),
                ("DATASTORAGE__EMBEDDING__PROVIDER", "openai"),
                ("DATASTORAGE__SCHEMA__OWNER_URL", OWNER),
            ],
        )
        .await;
        holds_no_secret(&told);
    }
}

/// A command that cannot connect says so without its password.
#[tokio::test]
async fn commands_that_fail_tell_no_password() {
    for command in [
        &["schema", "bootstrap"][..],
        &["schema", "roles"],
        &["schema", "verify"],
        &["outbox", "list"],
        &["serve"],
    ] {
        let url = format!("postgres://app:{DATABASE}@127.0.0.1:1/none");
        let owner = format!("postgres://owner:{OWNER}@127.0.0.1:1/none");
        let told = run(
            command,
            &[
                ("DATASTORAGE__DATABASE__URL", &url),
                ("DATASTORAGE__SCHEMA__OWNER_URL", &owner),
                ("DATASTORAGE__DATABASE__START_TIMEOUT", "1s"),
                ("DATASTORAGE__EMBEDDING__PROVIDER", "hashing"),
                ("DATASTORAGE__LOG__LEVEL", "trace"),
                ("DATASTORAGE__SERVER__ADDR", "127.0.0.1:0"),
                ("DATASTORAGE__SERVER__ADMIN_ADDR", "127.0.0.1:0"),
            ],
        )
        .await;
        assert!(told.contains("cannot") || told.contains("could not"), "{command:?}: {told}");
        holds_no_secret(&told);
    }
}
