//! What clients that mean harm get, and that the service's memory does not follow them: each attack runs against a
//! service of its own, which afterwards answers an honest request as before.
//!
//! `cargo xtask test -p storage-tests -E 'test(attacks)' --no-capture` prints what was measured, a line an attack.

mod bodies;

use std::collections::BTreeMap;
use std::future::pending;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use serde_json::json;
use storage_testkit::ServiceOptions;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;

use crate::support::{PATIENCE, Service, options, remediation};

const HEAD: &str =
    "POST /api/v1/audit/remediation HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
/// Sent over and over by attacks that pour.
static BLOCK: [u8; 64 * 1024] = [b'a'; 64 * 1024];
/// Megabytes that bodies may take which fill the byte budget, 64 MiB: while they grow, and beside what is made of them,
/// more than twice as much.
const BUDGETED: u64 = 192;
/// Between two bytes of attacks that trickle.
const TRICKLE: Duration = Duration::from_millis(50);

/// How often each thing came of an attack: a status, or that the service hung up.
type Outcomes = BTreeMap<String, usize>;

struct Attacked {
    service: Service,
    /// Megabytes in memory without an attack.
    quiet: u64,
}

impl Attacked {
    async fn start(options: ServiceOptions) -> Self {
        let service = Service::with(options).await;
        for _ in 0..20 {
            honest(&service).await;
        }
        Self::guarded(service)
    }

    fn guarded(service: Service) -> Self {
        let peak = || service.process.take_peak_memory().unwrap() >> 20;
        peak();
        Self { quiet: peak(), service }
    }

    /// So many connections at once, each of which says what `say` does until it is answered or hung up on.
    async fn by(&self, connections: usize, say: impl AsyncFn(&mut OwnedWriteHalf)) -> Outcomes {
        let url = self.service.process.url();
        let address = url.strip_prefix("http://").unwrap();
        tally(join_all((0..connections).map(|_| outcome(address, &say))).await)
    }

    /// Checks that the log says this of the requests.
    async fn logged(&self, words: &[&str]) {
        let log = self.service.log().await;
        for word in words {
            assert!(log.contains(word), "{word} is not in the log");
        }
    }

    /// Megabytes by which memory grew at most since this was last asked.
    #[expect(clippy::print_stdout, reason = "the reader of the test's output wants the figures")]
    fn grown(&self, attack: &str, outcomes: &Outcomes) -> u64 {
        let peak = self.service.process.take_peak_memory().unwrap() >> 20;
        println!("{attack}: {outcomes:?}; {} MiB, at most {peak} MiB", self.quiet);
        peak.saturating_sub(self.quiet)
    }

    /// Checks that nothing came of it but `expected`, that memory grew by no more than `most` megabytes, and that an
    /// honest request is answered.
    async fn is_unharmed(&self, attack: &str, outcomes: &Outcomes, expected: &[&str], most: u64) {
        let grown = self.grown(attack, outcomes);
        honest(&self.service).await;
        assert!(!outcomes.is_empty(), "{attack}: nothing came of it");
        for outcome in outcomes.keys() {
            assert!(expected.contains(&outcome.as_str()), "{attack}: {outcomes:?}");
        }
        assert!(grown <= most, "{attack}: memory grew by {grown} MiB");
    }
}

fn tally(outcomes: impl IntoIterator<Item = String>) -> Outcomes {
    let mut tally = Outcomes::new();
    for outcome in outcomes {
        *tally.entry(outcome).or_default() += 1;
    }
    tally
}

async fn honest(service: &Service) {
    service.post("remediation", &remediation("honest")).await.expect(201);
    service.get("/api/v1/audit/remediation?limit=1").await.expect(200);
}

async fn outcome(address: &str, say: &impl AsyncFn(&mut OwnedWriteHalf)) -> String {
    let (mut read, mut write) = TcpStream::connect(address).await.unwrap().into_split();
    let listening = async {
        let mut answer = [0; 12];
        match read.read_exact(&mut answer).await {
            Ok(_) => String::from_utf8_lossy(&answer).trim_start_matches("HTTP/1.1 ").to_owned(),
            Err(_) => "hung up".to_owned(),
        }
    };
    let speaking = async {
        say(&mut write).await;
        pending::<()>().await;
    };
    tokio::select! {
        outcome = tokio::time::timeout(PATIENCE, listening) => outcome.unwrap_or_else(|_| "let be".to_owned()),
        () = speaking => String::new(),
    }
}

/// Sends `block` until the service takes no more.
async fn pour(to: &mut OwnedWriteHalf, block: &[u8]) {
    while to.write_all(block).await.is_ok() {}
}

async fn trickle(to: &mut OwnedWriteHalf) {
    let mut next = tokio::time::interval(TRICKLE);
    loop {
        next.tick().await;
        if to.write_all(b"a").await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn bodies_too_large_are_refused_before_they_are_read() {
    let attacked = Attacked::start(options()).await;
    let head = format!("{HEAD}Content-Length: 1073741824\r\n\r\n");
    let waiting = attacked.by(100, async |to| to.write_all(head.as_bytes()).await.unwrap()).await;
    attacked.is_unharmed("a body of 1 GiB is announced", &waiting, &["413"], 16).await;
    let pouring = async |to: &mut OwnedWriteHalf| {
        to.write_all(head.as_bytes()).await.unwrap();
        pour(to, &BLOCK).await;
    };
    let poured = attacked.by(100, pouring).await;
    attacked.is_unharmed("and sent without waiting", &poured, &["413", "hung up"], 32).await;
    attacked.logged(&[r#""status":413"#, r#""problem":"body-too-large""#]).await;
}

#[tokio::test]
async fn bodies_without_an_end_are_cut_at_the_limit() {
    let attacked = Attacked::start(options()).await;
    let head = format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n");
    let chunk = [b"10000\r\n", &BLOCK[..], b"\r\n"].concat();
    let pouring = async |to: &mut OwnedWriteHalf| {
        to.write_all(head.as_bytes()).await.unwrap();
        pour(to, &chunk).await;
    };
    let outcomes = attacked.by(100, pouring).await;
    attacked
        .is_unharmed("a body without length or end", &outcomes, &["413", "503", "hung up"], BUDGETED)
        .await;
}

#[tokio::test]
async fn bodies_that_trickle_are_given_up() {
    let options = options()
        .set("DATASTORAGE__SERVER__REQUEST_TIMEOUT", "5s")
        .set("DATASTORAGE__DATABASE__STATEMENT_TIMEOUT", "4s");
    let attacked = Attacked::start(options).await;
    let head = format!("{HEAD}Content-Length: 1048576\r\n\r\n");
    let trickling = async |to: &mut OwnedWriteHalf| {
        to.write_all(head.as_bytes()).await.unwrap();
        trickle(to).await;
    };
    let outcomes = attacked.by(200, trickling).await;
    attacked.is_unharmed("bodies of 1 MiB, a byte at a time", &outcomes, &["408"], 16).await;
    attacked.logged(&[r#""status":408"#, r#""problem":"request-timeout""#]).await;
}

#[tokio::test]
async fn heads_that_trickle_are_given_up() {
    let attacked = Attacked::start(options().set("DATASTORAGE__SERVER__HEADER_TIMEOUT", "3s")).await;
    let trickling = async |to: &mut OwnedWriteHalf| {
        to.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ").await.unwrap();
        trickle(to).await;
    };
    let outcomes = attacked.by(500, trickling).await;
    attacked.is_unharmed("heads, a byte at a time", &outcomes, &["408"], 32).await;
}

#[tokio::test]
async fn heads_without_an_end_are_cut() {
    let attacked = Attacked::start(options()).await;
    let line = format!("X-{}: {}\r\n", "a".repeat(100), "b".repeat(8_000));
    let pouring = async |to: &mut OwnedWriteHalf| {
        to.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n").await.unwrap();
        pour(to, line.as_bytes()).await;
    };
    let outcomes = attacked.by(100, pouring).await;
    attacked.is_unharmed("a head without end", &outcomes, &["431", "hung up"], 32).await;
    let pouring = async |to: &mut OwnedWriteHalf| {
        to.write_all(b"GET /api/v1/audit/search?q=").await.unwrap();
        pour(to, &BLOCK).await;
    };
    let outcomes = attacked.by(100, pouring).await;
    attacked.is_unharmed("an address without end", &outcomes, &["431", "hung up"], 32).await;
}

#[tokio::test]
async fn nesting_is_refused_at_its_depth() {
    let attacked = Attacked::start(options()).await;
    let body = "[".repeat(1024 * 1024);
    let request = format!("{HEAD}Content-Length: {}\r\n\r\n{body}", body.len());
    let outcomes = attacked.by(40, async |to| drop(to.write_all(request.as_bytes()).await)).await;
    attacked.is_unharmed("JSON a million levels deep", &outcomes, &["400"], BUDGETED).await;
    attacked.logged(&[r#""status":400"#, r#""problem":"malformed-json""#]).await;
}

#[tokio::test]
async fn connections_that_say_nothing_are_ended() {
    let options = options()
        .set("DATASTORAGE__SERVER__HEADER_TIMEOUT", "3s")
        .set("DATASTORAGE__SERVER__WORKERS", "1")
        .set("DATASTORAGE__SERVER__MAX_CONNECTIONS", "100");
    let attacked = Attacked::start(options).await;
    let outcomes = attacked.by(400, async |_| {}).await;
    attacked.is_unharmed("connections that say nothing", &outcomes, &["408", "hung up"], 16).await;
}

/// Requests are many, and answers not read: what is not taken is not made, and a client that takes nothing is hung up on.
#[tokio::test]
async fn clients_that_do_not_read_are_hung_up_on() {
    let attacked = Attacked::start(options().set("DATASTORAGE__SERVER__WRITE_TIMEOUT", "1s")).await;
    for _ in 0..100 {
        honest(&attacked.service).await;
    }
    attacked.service.process.take_peak_memory().unwrap();
    let url = attacked.service.process.url();
    let address = url.strip_prefix("http://").unwrap();
    let asking = b"GET /api/v1/audit/remediation?limit=100 HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(100);
    let asked = join_all((0..50).map(async |_| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // Until it is closed.
        let sending = async { while stream.write_all(&asking).await.is_ok() {} };
        tokio::time::timeout(PATIENCE, sending).await.is_ok()
    }));
    let name = |has_ended| if has_ended { "hung up" } else { "let be" }.to_owned();
    let outcomes = tally(asked.await.into_iter().map(name));
    attacked.is_unharmed("requests whose answers are not read", &outcomes, &["hung up"], 64).await;
    assert_eq!(outcomes["hung up"], 50);
}

#[tokio::test]
async fn guessed_tokens_are_counted_and_not_kept() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mode = options()
        .set("DATASTORAGE__AUTH__MODE", "tokens")
        .set("DATASTORAGE__AUTH__TOKENS_FILE", file.path().to_str().unwrap());
    let attacked = Attacked::guarded(Service::with(mode).await);
    let url = format!("{}/api/v1/audit/remediation", attacked.service.process.url());
    let guesses = (0..5_000).map(|n| format!("{n:0>4000}"));
    let answers = futures_util::stream::iter(guesses)
        .map(|guess| attacked.service.client.get(&url).bearer_auth(guess).send())
        .buffer_unordered(32)
        .map(|answer| answer.unwrap().status().as_u16().to_string());
    let outcomes = tally(answers.collect::<Vec<_>>().await);
    let grown = attacked.grown("tokens that are guessed", &outcomes);
    assert!(outcomes.keys().all(|status| status == "401" || status == "429"), "{outcomes:?}");
    assert!(outcomes["429"] > outcomes["401"], "{outcomes:?}");
    assert!(grown <= 16, "memory grew by {grown} MiB");
    attacked
        .logged(&[
            r#""status":401"#,
            r#""status":429"#,
            r#""message":"the request of a caller was refused","peer":"127.0.0.1""#,
        ])
        .await;
}

/// Batches as large as they may be, more at once than the byte budget holds.
#[tokio::test]
async fn batches_beyond_the_byte_budget_are_put_off() {
    let attacked = Attacked::start(options()).await;
    let mut record = remediation("large");
    record["metadata"] = json!({ "s": "x".repeat(15 * 1024) });
    let batch = serde_json::to_string(&vec![record; 1_000]).unwrap();
    let sending = (0..12).map(|_| attacked.service.post_text("remediation/batch", batch.clone()));
    let outcomes = tally(join_all(sending).await.iter().map(|answer| answer.status.as_u16().to_string()));
    assert!(outcomes.contains_key("503"), "{outcomes:?}");
    attacked.is_unharmed("twelve batches of 15 MiB at once", &outcomes, &["201", "503"], 512).await;
}
