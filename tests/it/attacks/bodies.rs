//! Bodies that are no larger than they may be, and mean harm by what they hold, or by not coming.

use futures_util::future::{Either, join, join_all, select};
use serde_json::json;
use storage_testkit::ServiceOptions;

use super::{Attacked, HEAD, Outcomes, honest, tally};
use crate::support::{Answer, Service, client, options, remediation};

/// The limit of a batch's body, less a little.
const BATCH: usize = (16 << 20) - 64;
/// The limit of one record's body, less a little.
const SINGLE: usize = (1 << 20) - 64;
/// Megabytes that four batches may take at most, four times the limit of each.
const FOUR_BATCHES: u64 = 4 * 4 * 16;

/// A service without optimisation may take longer than a request has. Four batches at once are one caller's.
fn unhurried() -> ServiceOptions {
    options()
        .set("DATASTORAGE__SERVER__REQUEST_TIMEOUT", "60s")
        .set("DATASTORAGE__RECONCILE__GAP", "300s")
        .set("DATASTORAGE__WRITER__BYTE_BUDGET", "96MiB")
}

/// `open`, as many items as make the size, `close`.
fn list(bytes: usize, open: &str, mut item: impl FnMut(usize) -> String, close: &str) -> String {
    let mut text = open.to_owned();
    text.push_str(&item(0));
    for place in 1.. {
        let item = item(place);
        if text.len() + item.len() + close.len() >= bytes {
            break;
        }
        text.push(',');
        text.push_str(&item);
    }
    text + close
}

fn repeated(open: &str, item: &str, close: &str) -> String {
    list(BATCH, open, |_| item.to_owned(), close)
}

/// Containers in containers.
fn nested(open: &str, close: &str) -> String {
    let levels = BATCH / (open.len() + close.len());
    format!("{}{}", open.repeat(levels), close.repeat(levels))
}

/// Batches that are refused: what they are, the status, and where they say that it goes wrong.
fn batches() -> Vec<(&'static str, String, u16, &'static str)> {
    let record = format!(r#"{{"metadata":{{"a":[{}]}}}}"#, vec!["0"; 8_000].join(","));
    vec![
        ("zeros", repeated("[", "0", "]"), 400, "/1000"),
        ("zeros in one record", repeated(r#"[{"metadata":{"a":["#, "0", "]}}]"), 413, "line 1"),
        ("zeros in a thousand records", repeated("[", &record, "]"), 413, "line 1"),
        ("arrays in arrays", nested("[", "]"), 400, "/0"),
        ("objects in objects", format!("[{}]", nested(r#"{"a":"#, "}").replace(":}", ":0}")), 400, "/0"),
        ("short strings", repeated("[[", "\"a\"", "]]"), 413, "line 1"),
        ("one key again and again", repeated("[{", "\"a\":0", "}]"), 413, "line 1"),
        ("keys", list(BATCH, "[{", |place| format!("\"{place}\":0"), "}]"), 413, "line 1"),
    ]
}

/// Checks that each answer is the one that is due and says where.
fn told(answers: &[Answer], status: u16, place: &str) -> Outcomes {
    for answer in answers {
        let problem = answer.json();
        let pointer = problem["errors"][0]["pointer"].as_str().unwrap_or_default();
        let detail = problem["detail"].as_str().unwrap_or_default();
        assert_eq!(answer.status, status, "{problem:.300}");
        assert!(pointer.starts_with(place) || detail.contains(place), "{place}: {problem:.300}");
    }
    tally(answers.iter().map(|answer| answer.status.as_u16().to_string()))
}

/// F42: what a body becomes is bounded while it is read, whatever it is made of.
#[tokio::test]
async fn batches_of_many_values_take_four_times_their_limit_at_most() {
    let attacked = Attacked::start(unhurried()).await;
    for (attack, body, status, place) in batches() {
        let sending = (0..4).map(|_| attacked.service.post_text("remediation/batch", body.clone()));
        let outcomes = told(&join_all(sending).await, status, place);
        let attack = format!("four batches of {attack}");
        attacked.is_unharmed(&attack, &outcomes, &["400", "413"], FOUR_BATCHES).await;
    }
}

/// F42: so it is with single records, each of which has an answer, a connection and its buffers besides.
#[tokio::test]
async fn records_of_many_values_take_five_times_their_limit_at_most() {
    let attacked = Attacked::start(unhurried()).await;
    let metadata = r#"{"metadata":{"a":["#;
    for (attack, body) in [
        ("zeros", list(SINGLE, metadata, |_| "0".to_owned(), "]}}")),
        ("short strings", list(SINGLE, metadata, |_| "\"\"".to_owned(), "]}}")),
        ("one key again and again", list(SINGLE, "{", |_| "\"a\":0".to_owned(), "}")),
    ] {
        let sending = (0..32).map(|_| attacked.service.post_text("remediation", body.clone()));
        let outcomes = told(&join_all(sending).await, 413, "line 1");
        attacked.is_unharmed(&format!("32 records of {attack}"), &outcomes, &["413"], 5 * 32).await;
    }
}

/// A change of so many keys that each is compared with each: minutes.
async fn many_keys(service: &Service, path: &str, tag: &str, keys: &str) -> Answer {
    let request = client().patch(format!("{}{path}", service.process.url())).header("If-Match", tag);
    let request = request.header("Content-Type", "application/merge-patch+json").body(keys.to_owned());
    Answer::of(request.send().await.unwrap()).await
}

async fn stored(service: &Service, record: &serde_json::Value) -> (String, String) {
    let answer = service.post("remediation", record).await.expect(201);
    (format!("/api/v1/audit/remediation/{}", answer.json()["id"]), answer.header("ETag").to_owned())
}

/// F43: a merge costs what is merged, a finished record is not merged with, and all other callers are served meanwhile.
#[tokio::test]
async fn changes_of_many_keys_keep_nobody_waiting() {
    let attacked = Attacked::start(unhurried().set("DATASTORAGE__SERVER__WORKERS", "1")).await;
    let service = &attacked.service;
    let mut open = remediation("open");
    open["metadata"] = (0..12_000).map(|n| (format!("key {n}"), json!(n))).collect();
    let mut done = open.clone();
    done["phase"] = json!("completed");
    done["status"] = json!("success");
    let (open, done) = (stored(service, &open).await, stored(service, &done).await);
    let bytes = 840_000;
    let kept = list(bytes, r#"{"metadata":{"#, |n| format!("\"key {n}\":0"), "}}");
    let removed = list(bytes, r#"{"metadata":{"#, |n| format!("\"key {n}\":null"), "}}");
    let attacks = [
        (&open, &kept, 400),
        (&done, &kept, 409),
        (&done, &removed, 409),
        (&open, &kept, 400),
        (&done, &kept, 409),
    ];
    let changing = join_all(attacks.map(|((path, tag), keys, _)| many_keys(service, path, tag, keys)));
    let serving = async {
        for _ in 0..20 {
            service.get("/health").await.expect(200);
            honest(service).await;
        }
    };
    let (answers, ()) = join(changing, serving).await;
    for (answer, (.., status)) in answers.iter().zip(attacks) {
        assert_eq!(answer.status, status, "{answer:?}");
    }
    let too_large = answers[0].json()["errors"][0].clone();
    assert_eq!((&too_large["pointer"], &too_large["code"]), (&json!("/metadata"), &json!("too_large")));
    let left = many_keys(service, &open.0, &open.1, &removed).await.expect(200).json();
    assert_eq!(left["metadata"], json!({}));
}

/// F44: what is announced takes no place; others write on, and who sends nothing is ended.
#[tokio::test]
async fn bodies_that_are_announced_and_do_not_come_take_nothing_from_others() {
    let attacked = Attacked::start(unhurried()).await;
    let head = HEAD.replace("/remediation ", "/remediation/batch ");
    for length in ["Content-Length: 16777216\r\n\r\n[", "Transfer-Encoding: chunked\r\n\r\n1\r\n[\r\n"] {
        let head = format!("{head}{length}");
        let announcing = async |to: &mut tokio::net::tcp::OwnedWriteHalf| {
            tokio::io::AsyncWriteExt::write_all(to, head.as_bytes()).await.unwrap();
        };
        let mut attack = Box::pin(attacked.by(8, announcing));
        let mut served = 0;
        let outcomes = loop {
            let serving = Box::pin(honest(&attacked.service));
            match select(attack, serving).await {
                Either::Left((outcomes, serving)) => {
                    serving.await;
                    break outcomes;
                }
                Either::Right(((), going_on)) => attack = going_on,
            }
            served += 1;
        };
        assert!(served > 0, "no other caller was served meanwhile");
        attacked.is_unharmed("16 MiB announced by 8", &outcomes, &["408"], 16).await;
    }
    attacked.logged(&[r#""status":408"#, r#""problem":"request-timeout""#]).await;
}
