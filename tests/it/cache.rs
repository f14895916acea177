//! Vectors shared through Redis, and Redis going away.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::Value;
use storage_testkit::{
    RedisServer, RedisServerSettings, RedisSource, ServiceOptions, ServiceProcess, TestRedis,
};

use crate::support::{Answer, Service, WITH_VECTOR, eventually, options, remediation};

const SEARCH: &str = "/api/v1/audit/search?q=a+pod+keeps+crashing&limit=1";

fn sharing(url: &str) -> ServiceOptions {
    options().set("DATASTORAGE__REDIS__URL", url)
}

async fn own_redis() -> RedisServer {
    let program = RedisSource::program_of_test_run().unwrap();
    RedisServer::temporary(&program, RedisServerSettings::default()).await.unwrap()
}

/// The value of the metric `name`, labels included; 0 when there is none yet.
async fn metric(service: &Service, replica: &ServiceProcess, name: &str) -> u64 {
    let url = format!("{}/metrics", replica.admin_url());
    let text = Answer::of(service.client.get(url).send().await.unwrap()).await.expect(200).text;
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.map_or(0, |value| value.parse().unwrap())
}

/// What `/ready` says of the whole and of Redis.
async fn readiness(service: &Service) -> (String, String) {
    let ready = service.get("/ready").await.expect(200).json();
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    (word(&ready["status"]), word(&ready["dependencies"]["redis"]["state"]))
}

fn up() -> (String, String) {
    ("ready".to_owned(), "up".to_owned())
}

fn degraded() -> (String, String) {
    ("degraded".to_owned(), "down".to_owned())
}

/// BR-STORAGE-007: of two replicas one embeds a text and the other finds its vector, for records and for searches.
#[tokio::test]
async fn a_text_is_embedded_once_across_replicas() {
    let redis = TestRedis::create().await.unwrap();
    let shared = || sharing(redis.url()).set("DATASTORAGE__REDIS__KEY_PREFIX", redis.prefix());
    let service = Service::with(shared()).await;
    let other = ServiceProcess::start(&service.database.server_url().unwrap(), shared()).await.unwrap();
    let misses = async || {
        let name = "datastorage_cache_misses_total";
        metric(&service, &service.process, name).await + metric(&service, &other, name).await
    };
    service.remediation("first").await;
    service.embedded().await;
    assert_eq!(misses().await, 1);
    for n in 0..40 {
        service.remediation(&format!("again-{n}")).await;
    }
    service.embedded().await;
    assert_eq!(misses().await, 1, "whichever replica embeds a record knows its text");

    service.get(SEARCH).await.expect(200);
    assert_eq!(misses().await, 2);
    let from_redis = "datastorage_cache_lookups_total{tier=\"redis\",result=\"hit\"}";
    let before = metric(&service, &other, from_redis).await;
    let url = format!("{}{SEARCH}", other.url());
    for _ in 0..2 {
        Answer::of(service.client.get(&url).send().await.unwrap()).await.expect(200);
    }
    assert_eq!(misses().await, 2);
    assert_eq!(metric(&service, &other, from_redis).await, before + 1, "the second time it is in memory");
}

/// BR-STORAGE-006, BR-STORAGE-007: Redis is killed, comes back, hangs and goes on, while clients write and search: none
/// of them notices, readiness says what is missing, and all ends by itself.
#[tokio::test(flavor = "multi_thread")]
async fn redis_is_killed_and_paused_under_load_and_nobody_notices() {
    let mut redis = own_redis().await;
    let service = Service::with(sharing(&redis.url())).await;
    let (is_over, written, searched) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    let writer = async {
        while !is_over.load(Ordering::Relaxed) {
            let n = written.fetch_add(1, Ordering::Relaxed);
            let mut body = remediation(&format!("r-{n}"));
            body["target_name"] = format!("{}-target", words(n)).into();
            service.post("remediation", &body).await.expect(201);
        }
    };
    let searcher = async {
        while !is_over.load(Ordering::Relaxed) {
            let n = searched.fetch_add(1, Ordering::Relaxed);
            service.get(&format!("/api/v1/audit/search?q={}", words(n))).await.expect(200);
        }
    };
    let progress = async || {
        let before = (written.load(Ordering::Relaxed), searched.load(Ordering::Relaxed));
        eventually("writes and searches go on", async || {
            written.load(Ordering::Relaxed) > before.0 + 20
                && searched.load(Ordering::Relaxed) > before.1 + 20
        })
        .await;
    };
    let faults = async {
        eventually("Redis is used", async || readiness(&service).await == up()).await;
        progress().await;
        redis.kill9().await.unwrap();
        eventually("the loss is told", async || readiness(&service).await == degraded()).await;
        progress().await;
        redis.restart().await.unwrap();
        eventually("Redis is used again", async || readiness(&service).await == up()).await;
        let process = redis.process().unwrap();
        process.pause().unwrap();
        eventually("the silence is told", async || readiness(&service).await == degraded()).await;
        progress().await;
        process.resume().unwrap();
        eventually("Redis is used once more", async || readiness(&service).await == up()).await;
        progress().await;
        is_over.store(true, Ordering::Relaxed);
    };
    tokio::join!(writer, searcher, faults);
    service.embedded().await;
    let total = service.count(WITH_VECTOR).await;
    assert_eq!(usize::try_from(total).unwrap(), written.into_inner());
    let log = service.process.logs();
    let told = |sentence: &str| log.lines().filter(|line| line.contains(sentence)).count();
    let sentences = (told("Redis does not answer"), told("Redis answers again"));
    assert_eq!(sentences, (2, 2), "each change is logged once: {log}");
}

/// A different word for each number, so that the cache is asked for something new.
fn words(number: usize) -> String {
    let letters = number.to_string().bytes().map(|digit| char::from(digit - b'0' + b'a')).collect::<String>();
    format!("word{letters}")
}

/// BR-STORAGE-006: without Redis the service starts, says so, and uses it as soon as it is there.
#[tokio::test]
async fn a_start_without_redis_is_a_start() {
    let mut redis = own_redis().await;
    redis.stop().await.unwrap();
    let service = Service::with(sharing(&redis.url())).await;
    eventually("the absence is told", async || readiness(&service).await == degraded()).await;
    assert_eq!(
        metric(&service, &service.process, "datastorage_breaker_state{dependency=\"redis\"}").await,
        2
    );
    service.remediation("without").await;
    service.embedded().await;
    service.get(SEARCH).await.expect(200);
    redis.restart().await.unwrap();
    eventually("Redis is used", async || readiness(&service).await == up()).await;
    assert_eq!(
        metric(&service, &service.process, "datastorage_breaker_state{dependency=\"redis\"}").await,
        0
    );
}
