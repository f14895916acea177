//! Redis as a cache: values, faults, and how it comes back.

use super::entries;
use crate::support::embed;
use metrics_exporter_prometheus::PrometheusBuilder;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use storage_embedding::{
    CACHE_LOOKUPS, CacheKey, DEFAULT_TTL, Embedder as _, EmbeddingCache, EmbeddingSetKey, HashingEmbedder,
    MemoryCache, RedisCache, RedisSettings, RedisSettingsError, TieredCache,
};
use storage_models::Embedding;
use storage_testkit::{
    CertificatePair, Fault, FaultProxy, RedisServer, RedisServerSettings, RedisSource, TestRedis,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub(super) fn settings(url: &str, prefix: &str) -> RedisSettings {
    RedisSettings {
        url: url.into(),
        password: None,
        root_certificates: None,
        key_prefix: prefix.to_owned(),
        ttl: DEFAULT_TTL,
        connect_timeout: Duration::from_secs(10),
        timeout: Duration::from_secs(10),
        connections: 4,
    }
}

/// Gives up soon, for servers that do not answer.
fn impatient(url: &str) -> RedisSettings {
    let timeout = Duration::from_millis(50);
    RedisSettings { connect_timeout: timeout, timeout, ..settings(url, "") }
}

pub(super) fn cache_in(redis: &TestRedis) -> RedisCache {
    RedisCache::new(&settings(redis.url(), redis.prefix())).unwrap()
}

async fn server(settings: RedisServerSettings) -> RedisServer {
    RedisServer::temporary(&RedisSource::program_of_test_run().unwrap(), settings).await.unwrap()
}

/// Asks again until the answer is `expected`: a breaker lets the first ones after an outage not through.
async fn eventually_finds(cache: &RedisCache, key: CacheKey, expected: Option<&Embedding>) {
    let asking = async {
        while cache.get_many(&[key]).await != [expected.cloned()] {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), asking).await.expect("the cache never recovered");
}

/// Sends a command as Redis's protocol has it, past the cache.
async fn send(address: SocketAddr, parts: &[&[u8]]) -> Vec<u8> {
    let mut request = format!("*{}\r\n", parts.len()).into_bytes();
    for part in parts {
        request.extend(format!("${}\r\n", part.len()).bytes());
        request.extend_from_slice(part);
        request.extend(b"\r\n");
    }
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(&request).await.unwrap();
    let mut answer = vec![0; 4096];
    let length = connection.read(&mut answer).await.unwrap();
    answer.truncate(length);
    answer
}

/// BR-STORAGE-007: another replica finds what this one has put; another prefix does not.
#[tokio::test]
async fn replicas_share_what_they_put() {
    let redis = TestRedis::create().await.unwrap();
    let entry = entries(&["a"]).await.remove(0);
    cache_in(&redis).put_many(std::slice::from_ref(&entry)).await;
    assert_eq!(cache_in(&redis).get_many(&[entry.0]).await, [Some(entry.1)]);
    let elsewhere = format!("{}other:", redis.prefix());
    let other = RedisCache::new(&settings(redis.url(), &elsewhere)).unwrap();
    assert_eq!(other.get_many(&[entry.0]).await, [None]);
}

/// BR-STORAGE-007: more keys than one command carries.
#[tokio::test]
async fn large_batches_come_back_whole() {
    let redis = TestRedis::create().await.unwrap();
    let texts: Vec<String> = (0..600).map(|number| format!("text {number}")).collect();
    let entries = entries(&texts.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let cache = cache_in(&redis);
    cache.put_many(&entries).await;
    let keys: Vec<CacheKey> = entries.iter().map(|(key, _)| *key).collect();
    let expected: Vec<_> = entries.into_iter().map(|(_, embedding)| Some(embedding)).collect();
    assert_eq!(cache.get_many(&keys).await, expected);
}

/// BR-STORAGE-007: a value is 1,536 bytes, and Redis forgets it by itself.
#[tokio::test]
async fn a_value_is_its_numbers_and_expires() {
    let server = server(RedisServerSettings::default()).await;
    let cache = RedisCache::new(&settings(&server.url(), "p:")).unwrap();
    let (key, embedding) = entries(&["a"]).await.remove(0);
    cache.put_many(&[(key, embedding)]).await;
    let stored = [b"p:".as_slice(), key.as_bytes()].concat();
    assert_eq!(send(server.address(), &[b"STRLEN", &stored]).await, b":1536\r\n");
    let left = String::from_utf8(send(server.address(), &[b"PTTL", &stored]).await).unwrap();
    let left: u64 = left.trim_start_matches(':').trim_end().parse().unwrap();
    assert!((1..=300_000).contains(&left), "{left} ms");
}

#[tokio::test]
async fn redis_forgets_what_is_older_than_its_time() {
    let redis = TestRedis::create().await.unwrap();
    let ttl = Duration::from_millis(1);
    let cache = RedisCache::new(&RedisSettings { ttl, ..settings(redis.url(), redis.prefix()) }).unwrap();
    let entry = entries(&["a"]).await.remove(0);
    cache.put_many(std::slice::from_ref(&entry)).await;
    eventually_finds(&cache, entry.0, None).await;
}

/// F26: a vector of another composition, model or dimension is a miss.
#[tokio::test]
async fn a_vector_of_another_set_is_a_miss() {
    let redis = TestRedis::create().await.unwrap();
    let cache = cache_in(&redis);
    let set = EmbeddingSetKey::current(HashingEmbedder::new().model());
    let vector = embed(&HashingEmbedder::new(), &["a"]).await.remove(0);
    cache.put_many(&[(CacheKey::new(&set, "a"), vector)]).await;
    for other in [
        EmbeddingSetKey { composition: set.composition + 1, ..set.clone() },
        EmbeddingSetKey { model: "another".to_owned(), ..set.clone() },
        EmbeddingSetKey { dimension: 768, ..set.clone() },
    ] {
        assert_eq!(cache.get_many(&[CacheKey::new(&other, "a")]).await, [None], "{other}");
    }
}

/// F26, BR-STORAGE-007: rubbish under a key is a miss, is replaced by the next put, and opens no breaker.
#[tokio::test]
async fn rubbish_is_a_miss_and_is_replaced() {
    let server = server(RedisServerSettings::default()).await;
    let cache = RedisCache::new(&settings(&server.url(), "")).unwrap();
    let entries = entries(&["a", "b"]).await;
    let (key, vector) = &entries[0];
    let nan = f32::NAN.to_le_bytes().repeat(384);
    let longer = vec![0; 4 * 768];
    for rubbish in [b"[0.1, 0.2]".as_slice(), &[], &nan, &longer, &[0; 1536]] {
        cache.put_many(&entries).await;
        send(server.address(), &[b"SET", key.as_bytes(), rubbish]).await;
        assert_eq!(
            cache.get_many(&[*key, entries[1].0]).await,
            [None, Some(entries[1].1.clone())],
            "{} bytes",
            rubbish.len()
        );
        cache.put_many(&[(*key, vector.clone())]).await;
        assert_eq!(cache.get_many(&[*key]).await, [Some(vector.clone())]);
    }
    send(server.address(), &[b"DEL", key.as_bytes()]).await;
    send(server.address(), &[b"LPUSH", key.as_bytes(), b"x"]).await;
    assert_eq!(cache.get_many(&[*key]).await, [None], "a list");
    cache.put_many(&[(*key, vector.clone())]).await;
    assert_eq!(cache.get_many(&[*key]).await, [Some(vector.clone())]);
    assert!(cache.is_up());
}

/// BR-STORAGE-007: whatever the network does is a miss, in bounded time, and ends by itself.
#[tokio::test]
async fn every_fault_of_the_network_is_a_miss_that_ends() {
    let server = server(RedisServerSettings::default()).await;
    let proxy = FaultProxy::for_tcp(server.address()).await.unwrap();
    let cache = RedisCache::new(&impatient(&proxy.url(&server.url()))).unwrap();
    let entry = entries(&["a"]).await.remove(0);
    for fault in [Fault::Refuse, Fault::Hang, Fault::Delay(Duration::from_secs(5)), Fault::Garble] {
        proxy.set(Fault::Pass);
        put_until_found(&cache, &entry).await;
        proxy.set(fault);
        if fault != Fault::Hang {
            proxy.cut_all();
        }
        let mut asked = 0;
        while cache.is_up() {
            assert_eq!(cache.get_many(&[entry.0]).await, [None], "{fault:?}");
            asked += 1;
        }
        assert!(asked <= 3, "{fault:?}: {asked} failures before the breaker opened");
        cache.put_many(std::slice::from_ref(&entry)).await;
        proxy.set(Fault::Pass);
        eventually_finds(&cache, entry.0, Some(&entry.1)).await;
        assert!(cache.is_up());
    }
}

async fn put_until_found(cache: &RedisCache, entry: &(CacheKey, Embedding)) {
    let putting = async {
        while cache.get_many(&[entry.0]).await != [Some(entry.1.clone())] {
            cache.put_many(std::slice::from_ref(entry)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), putting).await.expect("the cache never took the vector");
}

/// BR-STORAGE-007: while Redis is unavailable no caller waits for it.
#[tokio::test]
async fn an_open_breaker_asks_nothing() {
    let server = server(RedisServerSettings::default()).await;
    let proxy = FaultProxy::for_tcp(server.address()).await.unwrap();
    proxy.set(Fault::Hang);
    let cache = RedisCache::new(&impatient(&proxy.url(&server.url()))).unwrap();
    let keys = [entries(&["a"]).await.remove(0).0];
    while cache.is_up() {
        cache.get_many(&keys).await;
    }
    let (before, started) = (proxy.connections_accepted(), Instant::now());
    let mut asked = 0_u64;
    while started.elapsed() < Duration::from_millis(500) {
        cache.get_many(&keys).await;
        asked += 1;
    }
    let reached = proxy.connections_accepted() - before;
    assert!(reached <= 1 && asked > 100, "{reached} of {asked} questions reached Redis");
}

/// A Redis that is killed and one that hangs are both missed and found again, without a restart of this process.
#[tokio::test]
async fn a_kill_and_a_pause_of_redis_end_by_themselves() {
    let mut server = server(RedisServerSettings::default()).await;
    let cache = RedisCache::new(&impatient(&server.url())).unwrap();
    let entry = entries(&["a"]).await.remove(0);
    put_until_found(&cache, &entry).await;
    server.kill9().await.unwrap();
    assert_eq!(cache.get_many(&[entry.0]).await, [None]);
    while cache.is_up() {
        cache.ping().await;
    }
    server.restart().await.unwrap();
    put_until_found(&cache, &entry).await;

    let process = server.process().unwrap();
    process.pause().unwrap();
    assert_eq!(cache.get_many(&[entry.0]).await, [None]);
    while cache.is_up() {
        cache.ping().await;
    }
    process.resume().unwrap();
    eventually_finds(&cache, entry.0, Some(&entry.1)).await;
}

/// BR-STORAGE-007: with a password and a certificate of one's own; wrong ones are an outage, not an error.
#[tokio::test]
async fn tls_and_passwords_are_checked() {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let certificate = CertificatePair { certificate: cert.pem(), key: signing_key.serialize_pem() };
    let server = server(RedisServerSettings {
        password: Some("s3cret".to_owned()),
        certificate: Some(certificate),
        ..RedisServerSettings::default()
    })
    .await;
    let entry = entries(&["a"]).await.remove(0);
    let url = format!("rediss://{}", server.address());
    let right = RedisSettings {
        password: Some("s3cret".into()),
        root_certificates: Some(cert.pem().into_bytes()),
        ..settings(&url, "")
    };
    let cache = RedisCache::new(&right).unwrap();
    cache.put_many(std::slice::from_ref(&entry)).await;
    assert_eq!(cache.get_many(&[entry.0]).await, [Some(entry.1)]);
    assert!(cache.is_up() && cache.latency().is_some());

    let stranger = generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap().cert.pem().into_bytes();
    for wrong in [
        RedisSettings { password: Some("guessed".into()), ..right.clone() },
        RedisSettings { password: None, ..right.clone() },
        RedisSettings { root_certificates: None, ..right.clone() },
        RedisSettings { root_certificates: Some(stranger), ..right.clone() },
        RedisSettings {
            url: format!("redis://{}", server.address()).into(),
            root_certificates: None,
            ..right
        },
    ] {
        let cache = RedisCache::new(&wrong).unwrap();
        for _ in 0..3 {
            assert_eq!(cache.get_many(&[entry.0]).await, [None], "{wrong:?}");
        }
        assert!(!cache.is_up(), "{wrong:?}");
    }
}

#[test]
fn settings_that_cannot_be_used_are_refused_without_their_secrets() {
    let url = RedisCache::new(&settings("http://u:hunter2@h", "")).err().unwrap();
    assert!(matches!(url, RedisSettingsError::Url(_)), "{url:?}");
    assert!(!format!("{url:?} {url}").contains("hunter2"));
    let with = |url, pem: &str| RedisSettings {
        root_certificates: Some(pem.as_bytes().to_vec()),
        ..settings(url, "")
    };
    let needless = RedisCache::new(&with("redis://h", "x")).err().unwrap();
    assert!(matches!(needless, RedisSettingsError::NeedlessCertificates), "{needless:?}");
    let empty = RedisCache::new(&with("rediss://h", "no certificate")).err().unwrap();
    assert!(matches!(empty, RedisSettingsError::NoCertificate), "{empty:?}");
    assert!(!format!("{:?}", settings("redis://:hunter2@h", "")).contains("hunter2"));
}

/// BR-STORAGE-007: what Redis knew is known to the memory afterwards; what is put reaches both.
#[tokio::test]
async fn the_near_cache_learns_from_the_far_one() {
    let entries = entries(&["a", "b", "c"]).await;
    let [a, b, c] = [&entries[0], &entries[1], &entries[2]];
    let near: Arc<dyn EmbeddingCache> = Arc::new(MemoryCache::new(1 << 20, DEFAULT_TTL));
    let far: Arc<dyn EmbeddingCache> = Arc::new(MemoryCache::new(1 << 20, DEFAULT_TTL));
    let tiers = TieredCache::new(Arc::clone(&near), Arc::clone(&far));
    far.put_many(&[a.clone(), c.clone()]).await;
    near.put_many(std::slice::from_ref(b)).await;
    let keys = [a.0, b.0, c.0];
    let all = [Some(a.1.clone()), Some(b.1.clone()), Some(c.1.clone())];
    assert_eq!(tiers.get_many(&keys).await, all);
    assert_eq!(near.get_many(&keys).await, all);
    assert_eq!(far.get_many(&[b.0]).await, [None], "the far one is told by who made the vector");

    let new = super::entries(&["d"]).await.remove(0);
    tiers.put_many(std::slice::from_ref(&new)).await;
    assert_eq!(near.get_many(&[new.0]).await, far.get_many(&[new.0]).await);
}

/// BR-STORAGE-019: each tier counts what it was asked.
#[tokio::test]
async fn lookups_are_counted_by_tier() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let redis = TestRedis::create().await.unwrap();
    let entries = entries(&["a", "b"]).await;
    cache_in(&redis).put_many(&entries[..1]).await;
    let memory = Arc::new(MemoryCache::new(1 << 20, DEFAULT_TTL));
    let tiers = TieredCache::new(memory, Arc::new(cache_in(&redis)));
    let keys = [entries[0].0, entries[1].0];
    tiers.get_many(&keys).await;
    tiers.get_many(&keys).await;
    let rendered = recorder.handle().render();
    for (tier, result, count) in
        [("memory", "hit", 1), ("memory", "miss", 3), ("redis", "hit", 1), ("redis", "miss", 2)]
    {
        let line = format!("{CACHE_LOOKUPS}{{tier=\"{tier}\",result=\"{result}\"}} {count}");
        assert!(rendered.contains(&line), "{line} is not in\n{rendered}");
    }
}
