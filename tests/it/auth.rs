//! Who may do what: tokens of a file.

use std::path::{Path, PathBuf};
use std::process::Output;

use chrono::{Months, Utc};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use storage_testkit::{ServiceOptions, environment};
use tempfile::TempDir;

use crate::support::{Answer, Service, eventually, options, remediation};

/// A service in mode `tokens`, and its file.
pub(crate) struct Guarded {
    pub(crate) service: Service,
    file: PathBuf,
    _directory: TempDir,
}

/// Runs the binary with these arguments.
async fn run(arguments: &[&str]) -> Output {
    let bin = environment::required(environment::SERVICE_BIN).unwrap();
    tokio::process::Command::new(bin).args(arguments).output().await.unwrap()
}

/// Makes a token for `name` and puts it into the file.
async fn token(file: &Path, name: &str, permissions: &str) -> String {
    let file = file.to_str().unwrap();
    let output = run(&["token", "new", name, "--permission", permissions, "--append", file]).await;
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

impl Guarded {
    pub(crate) async fn start() -> Self {
        Self::with(options()).await
    }

    pub(crate) async fn with(options: ServiceOptions) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("tokens");
        std::fs::write(&file, "# no tokens yet\n").unwrap();
        let options = options
            .set("DATASTORAGE__AUTH__MODE", "tokens")
            .set("DATASTORAGE__AUTH__TOKENS_FILE", file.to_str().unwrap())
            .set("DATASTORAGE__LOG__LEVEL", "trace")
            .set("DATASTORAGE__LOG__FORMAT", "json");
        Self { service: Service::with(options).await, file, _directory: directory }
    }

    /// Makes a token and waits until the service knows it.
    pub(crate) async fn token(&self, name: &str, permissions: &str) -> String {
        let token = token(&self.file, name, permissions).await;
        self.answers(&token, |status| status != 401).await;
        token
    }

    /// Waits until a list is answered so.
    async fn answers(&self, token: &str, wanted: impl Fn(u16) -> bool) {
        eventually("the file was read again", async || {
            wanted(self.send(Method::GET, LIST, token, |it| it).await.status.as_u16())
        })
        .await;
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        token: &str,
        more: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Answer {
        let url = format!("{}{path}", self.service.process.url());
        let request = self.service.client.request(method, url).bearer_auth(token);
        Answer::of(more(request).send().await.unwrap()).await
    }

    async fn metrics(&self) -> String {
        let url = format!("{}/metrics", self.service.process.admin_url());
        self.service.client.get(url).send().await.unwrap().text().await.unwrap()
    }
}

const LIST: &str = "/api/v1/audit/remediation";

/// BR-STORAGE-020: each caller may do what their token says, and who was refused is in the log and in the metrics, while
/// no token is anywhere.
#[tokio::test]
async fn tokens_permit_what_the_file_says() {
    let guarded = Guarded::start().await;
    let writer = guarded.token("writer", "audit:write").await;
    let reader = guarded.token("reader", "audit:read").await;
    let unknown = "dst_0123456789012345678901234567890123456789012";
    let body = |it: RequestBuilder| {
        it.header("Content-Type", "application/json").body(remediation("guarded").to_string())
    };

    let stored = guarded.send(Method::POST, LIST, &writer, body).await.expect(201).json();
    let one = format!("{LIST}/{}", stored["id"]);
    guarded.send(Method::GET, &one, &reader, |it| it).await.expect(200);
    let refused = guarded.send(Method::GET, &one, &writer, |it| it).await.expect(403);
    assert_eq!(refused.json()["type"], "/problems/forbidden");
    guarded.send(Method::POST, LIST, &reader, body).await.expect(403);
    let refused = guarded.send(Method::POST, LIST, unknown, body).await.expect(401);
    assert_eq!(refused.header("WWW-Authenticate"), "Bearer realm=\"datastorage\", error=\"invalid_token\"");
    guarded.service.get(LIST).await.expect(401);
    guarded.service.get("/nonsense").await.expect(401);
    for open in ["/health", "/ready", "/version", "/problems/forbidden"] {
        guarded.service.get(open).await.expect(200);
    }
    assert_eq!(guarded.service.count("SELECT count(*) AS n FROM remediation_audit").await, 1);

    let metrics = guarded.metrics().await;
    for line in [
        "{result=\"forbidden\"} ",
        "{result=\"rejected\"} ",
        "{result=\"missing\"} ",
        "{result=\"accepted\"} ",
    ] {
        assert!(metrics.contains(&format!("datastorage_auth_total{line}")), "{line}\n{metrics}");
    }
    let log = guarded.service.log().await;
    let forbidden = log.lines().find(|line| line.contains("\"problem\":\"forbidden\"")).unwrap();
    assert!(forbidden.contains("\"caller\":\"writer\""), "{forbidden}");
    for token in [&*writer, &reader, unknown] {
        assert!(!log.contains(token) && !metrics.contains(token), "{log}");
    }
}

/// BR-STORAGE-020: a token is taken back by taking its line out of the file; a broken file takes back nothing.
#[tokio::test]
async fn a_token_is_taken_back_while_the_service_runs() {
    let guarded = Guarded::start().await;
    let old = guarded.token("controller", "audit:read").await;
    let new = guarded.token("controller", "audit:read").await;
    let lines = std::fs::read_to_string(&guarded.file).unwrap();
    let kept: Vec<&str> = lines.lines().filter(|line| line.starts_with("controller")).skip(1).collect();
    std::fs::write(&guarded.file, kept.join("\n")).unwrap();
    guarded.answers(&old, |status| status == 401).await;
    guarded.send(Method::GET, LIST, &new, |it| it).await.expect(200);

    std::fs::write(&guarded.file, "nonsense\n").unwrap();
    let log = || guarded.service.process.logs();
    eventually("the broken file is told of", async || log().contains("auth.tokens_file cannot be used"))
        .await;
    assert!(log().contains("line 1 must have three parts"), "{}", log());
    guarded.send(Method::GET, LIST, &new, |it| it).await.expect(200);
}

/// BR-STORAGE-004: a key that another caller has used is not taken.
#[tokio::test]
async fn idempotency_keys_are_their_callers_own() {
    let guarded = Guarded::start().await;
    let first = guarded.token("first", "audit:write").await;
    let second = guarded.token("second", "audit:write").await;
    let write = async |token: &str, name: &str| {
        let body = |it: RequestBuilder| {
            it.header("Content-Type", "application/json")
                .header("Idempotency-Key", "the-same")
                .body(remediation(name).to_string())
        };
        guarded.send(Method::POST, LIST, token, body).await.expect(201).json()["id"].as_i64().unwrap()
    };
    let id = write(&first, "a").await;
    assert_eq!(write(&first, "a").await, id);
    assert_ne!(write(&second, "b").await, id);
}

/// An address that others can reach needs a mode, and with one any name of the service is answered to.
#[tokio::test]
async fn with_a_mode_the_service_may_be_reached_from_elsewhere() {
    let guarded = Guarded::start().await;
    let reader = guarded.token("reader", "audit:read").await;
    let foreign = |it: RequestBuilder| it.header("Host", "datastorage.example");
    guarded.send(Method::GET, LIST, &reader, foreign).await.expect(200);

    let check = async |more: &[(&str, &str)]| {
        let bin = environment::required(environment::SERVICE_BIN).unwrap();
        let fixed = ["settings", "--addr", "0.0.0.0:8080"];
        let mut command = tokio::process::Command::new(bin);
        command.args(fixed).env("DATASTORAGE__EMBEDDING__PROVIDER", "hashing").envs(more.iter().copied());
        let output = command.output().await.unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (mode, file) = (("DATASTORAGE__AUTH__MODE", "tokens"), guarded.file.to_str().unwrap());
    let (code, told) = check(&[]).await;
    assert!(code == Some(78) && told.contains("auth.mode"), "{told}");
    let (code, told) = check(&[mode]).await;
    assert!(code == Some(78) && told.contains("auth.tokens_file must name a file"), "{told}");
    assert_eq!(check(&[mode, ("DATASTORAGE__AUTH__TOKENS_FILE", file)]).await.0, Some(0));
}

/// Partitions of the four tables.
const PARTITIONS: &str = "SELECT count(*) AS n FROM pg_inherits WHERE inhparent IN ('remediation_audit'::regclass, \
    'ai_analysis_audit'::regclass, 'workflow_audit'::regclass, 'execution_audit'::regclass)";

/// A remediation so many months ago, on the first of the month.
fn of_month(months: u32) -> Value {
    let then = Utc::now().checked_sub_months(Months::new(months)).unwrap();
    let mut body = remediation("of old");
    body["start_time"] = json!(then.format("%Y-%m-01T00:00:00Z").to_string());
    body
}

/// F60: a caller opens a few months far from the present a day, by a record or by a batch, and is told when to come again; a
/// caller with the permission admin opens any; what is open is open to all.
#[tokio::test]
async fn far_months_are_few_for_a_caller_and_without_end_for_an_import() {
    let guarded = Guarded::with(options().set("DATASTORAGE__LIMITS__FAR_MONTHS", "2")).await;
    let writer = guarded.token("writer", "audit:write,audit:read").await;
    let import = guarded.token("import", "audit:write,audit:read,admin").await;
    let post = async |path: &str, token: &str, body: Value| {
        let more = |it: RequestBuilder| it.header("Content-Type", "application/json").body(body.to_string());
        guarded.send(Method::POST, path, token, more).await
    };
    let batch = format!("{LIST}/batch");
    for months in 0..=3 {
        post(LIST, &writer, of_month(months)).await.expect(201);
    }
    post(LIST, &writer, of_month(10)).await.expect(201);
    let before = guarded.service.count(PARTITIONS).await;
    let refused = post(&batch, &writer, json!([of_month(11), of_month(12)])).await.expect(429);
    assert_eq!(refused.json()["type"], "/problems/too-many-months");
    assert!(refused.header("Retry-After").parse::<u32>().unwrap() > 3_600, "{refused:?}");
    assert_eq!(guarded.service.count(PARTITIONS).await, before);
    post(&batch, &writer, json!([of_month(11), of_month(10), of_month(1)])).await.expect(201);
    post(LIST, &writer, of_month(12)).await.expect(429);
    post(LIST, &writer, of_month(11)).await.expect(201);

    let years: Vec<Value> = (12..36).map(of_month).collect();
    post(&batch, &import, json!(years)).await.expect(201);
    assert_eq!(guarded.service.count(PARTITIONS).await, before + 1 + 24);
    post(LIST, &writer, of_month(12)).await.expect(201);
    post(LIST, &writer, of_month(40)).await.expect(429);
}
