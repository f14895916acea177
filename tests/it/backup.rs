//! Backup and restore, with the commands of the operator's page.

mod page;
mod stand;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use reqwest::Client;
use serde_json::{Value, json};

use crate::support::{client, eventually, points, remediation};
use stand::Stand;

/// More than a repair deletes without being told to.
const UNDONE: usize = 1_100;

/// BR-STORAGE-006: a dump that is restored into an empty server has every row, counter and sequence, the schema and the
/// rights are as they should be, and an empty collection of Qdrant is filled from it.
#[tokio::test(flavor = "multi_thread")]
async fn a_restored_dump_equals_the_original() {
    let original = Stand::start().await;
    let (client, service) = (client(), original.serve().await);
    original.load_sample(&service.url());
    original.eventually_projected().await;
    let found = search(&client, &service.url()).await;
    drop(service);
    let before = original.contents();
    original.run("dump").succeeds();

    let restored = Stand::empty(original.backup.clone()).await;
    restored.run("restore").succeeds();
    restored.run("check").succeeds();
    let after = restored.contents();
    tell(&before);
    assert_eq!(after, before);
    assert!(before.len() > 20 && before.iter().any(|line| line.starts_with("remediation_audit|45|")));
    assert_eq!(points(restored.qdrant.url(), restored.qdrant.collection()).await, 45);
    let service = restored.serve().await;
    assert_eq!(search(&client, &service.url()).await, found);
}

/// F36: after the return to a moment in the middle of writes, what was acknowledged before is there and what began later is
/// not. Qdrant, which is ahead, is left alone until the operator insists, and then agrees with PostgreSQL again.
#[tokio::test(flavor = "multi_thread")]
async fn a_return_to_an_earlier_time_keeps_what_was_before_and_qdrant_follows() {
    let mut stand = Stand::start().await;
    stand.run("archive").succeeds();
    stand.run("base-backup").succeeds();
    let (client, service) = (client(), stand.serve().await);
    let url = service.url();
    let kept = write(&client, &url, (0..50).map(|n| remediation(&format!("kept {n}"))).collect()).await;
    stand.switch_wal().await;

    let is_over = AtomicBool::new(false);
    let writers = futures_util::future::join_all((0..4).map(|_| write_on(&client, &url, &is_over)));
    let moment = async {
        stand.eventually_records(200).await;
        let (asked, moment, told) = (Instant::now(), stand.now().await, Instant::now());
        stand.eventually_records(300).await;
        is_over.store(true, Ordering::Relaxed);
        (asked, moment, told)
    };
    let (written, (asked, moment, told)) = tokio::join!(writers, moment);
    let undone =
        write(&client, &url, (0..UNDONE).map(|n| remediation(&format!("undone {n}"))).collect()).await;
    change(&client, &url, &kept[..5]).await;
    stand.eventually_projected().await;
    drop(service);

    stand.moment = moment;
    stand.run("return").succeeds();
    stand.run("settle").succeeds();
    let stored = stand.ids().await;
    assert!(kept.iter().all(|id| stored.contains(id)) && undone.iter().all(|id| !stored.contains(id)));
    let (mut before, mut after) = (0, 0);
    for write in written.iter().flatten() {
        if write.acknowledged < asked {
            before += 1;
            assert!(stored.contains(&write.id), "an acknowledged record is lost");
        } else if write.begun > told {
            after += 1;
            assert!(!stored.contains(&write.id), "a later record is there");
        }
    }
    assert!(before > 100 && after > 50, "{before} {after}");

    let there = points(stand.qdrant.url(), stand.qdrant.collection()).await;
    stand.run("look").succeeds();
    stand.run("repair").fails_with(3, "Nothing was deleted");
    assert_eq!(points(stand.qdrant.url(), stand.qdrant.collection()).await, there);
    stand.run("force").succeeds();
    let service = stand.serve().await;
    stand.eventually_projected().await;
    eventually("Qdrant has the records again", async || {
        points(stand.qdrant.url(), stand.qdrant.collection()).await == u64::try_from(stored.len()).unwrap()
    })
    .await;
    drop(service);
    stand.run("check").succeeds().says("stale                 0").says("phantom               0");
}

/// A record, when its write was begun and when it was acknowledged.
struct Written {
    id: i64,
    begun: Instant,
    acknowledged: Instant,
}

/// Writes records one after the other until told to stop.
async fn write_on(client: &Client, url: &str, is_over: &AtomicBool) -> Vec<Written> {
    let mut written = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        let begun = Instant::now();
        let request = client.post(format!("{url}/api/v1/audit/remediation")).json(&remediation("on and on"));
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        written.push(Written { id: answer["id"].as_i64().unwrap(), begun, acknowledged: Instant::now() });
    }
    written
}

/// Stores these records, in batches; their ids.
async fn write(client: &Client, url: &str, records: Vec<Value>) -> Vec<i64> {
    let mut ids = Vec::new();
    for batch in records.chunks(1_000) {
        let request = client.post(format!("{url}/api/v1/audit/remediation/batch")).json(batch);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 201);
        let answer: Value = answer.json().await.unwrap();
        ids.extend(answer["ids"].as_array().unwrap().iter().map(|id| id.as_i64().unwrap()));
    }
    ids
}

/// Ends these records.
async fn change(client: &Client, url: &str, ids: &[i64]) {
    for id in ids {
        let url = format!("{url}/api/v1/audit/remediation/{id}");
        let etag = client.get(&url).send().await.unwrap().headers()["etag"].clone();
        let change = json!({ "error_message": "undone" });
        let answer = client.patch(&url).header("If-Match", etag).json(&change).send().await.unwrap();
        assert_eq!(answer.status(), 200);
    }
}

/// What a search finds.
async fn search(client: &Client, url: &str) -> Value {
    let answer =
        client.get(format!("{url}/api/v1/audit/search?q=restart+a+pod&limit=50")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let answer: Value = answer.json().await.unwrap();
    assert!(!answer["data"].as_array().unwrap().is_empty(), "{answer}");
    answer["data"].clone()
}

/// Prints every table with its number of rows and their hash (`--nocapture`).
#[expect(clippy::print_stdout, reason = "shown by --nocapture")]
fn tell(contents: &[String]) {
    contents.iter().for_each(|line| println!("{line}"));
}
