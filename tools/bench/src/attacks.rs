//! The effect of attacks on another caller: the latency of that caller's writes and the service's memory during each
//! attack and during all of them. The attacker has an address of its own, so that the service can distinguish the two
//! callers.
//!
//! Attacker, caller, service and PostgreSQL share the machine's cores, so the latencies include the attacker's own
//! work.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use super::latency::Latencies;
use super::load::{exchange, request};
use super::stand::{Stand, body};
use crate::progress::answer;

/// The attacker's address; the caller's is 127.0.0.1.
const ATTACKER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// Connections of the other caller.
const CONNECTIONS: u32 = 8;
/// Large records that the attacker has stored beforehand, by statement, since the service would take a while.
const LARGE_RECORDS: &str = "INSERT INTO remediation_audit (name, namespace, phase, action_type, error_message, metadata) \
    SELECT 'large-' || n, 'large', 'processing', 'restart-pod', repeat('e', 65536), \
           jsonb_build_object('m', repeat('m', 262144 - 16)) FROM generate_series(1, 200) AS n";

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Writes per second of the other caller.
    #[arg(long, default_value_t = 100)]
    rate: u32,
    /// Seconds of each attack.
    #[arg(long, default_value_t = 10)]
    seconds: u32,
    /// Connections of each attack.
    #[arg(long, default_value_t = 16)]
    connections: usize,
}

/// The action of an attacking connection after its request; then it starts again.
#[derive(Debug, Clone, Copy)]
enum Manner {
    /// Reads the whole answer.
    Reads,
    /// Sends and takes nothing more, for as long as the service lets it.
    Stalls,
    /// Is gone after this long.
    HangsUp(Duration),
}

#[derive(Debug, Clone)]
struct Attack {
    name: &'static str,
    request: Vec<u8>,
    manner: Manner,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let stand = Stand::start("attacks", "hashing").await?;
    let outcome = measure(&stand, arguments).await;
    stand.end().await?;
    outcome
}

async fn measure(stand: &Stand, arguments: &Arguments) -> Result<()> {
    let mut connection = AsyncPgConnection::establish(&stand.database_url).await?;
    connection.batch_execute(LARGE_RECORDS).await?;
    connection.batch_execute(storage_testkit::STORE_WORDS).await?;
    let attacks = attacks(&stand.host()?);
    answer(&format!(
        "{} writes/s of another caller for {} s beside {} connections of each attack; latency in ms",
        arguments.rate, arguments.seconds, arguments.connections
    ));
    answer("attack                                  p50      p99   refused   peak MiB");
    measured(stand, arguments, "none", &[]).await?;
    for attack in &attacks {
        measured(stand, arguments, attack.name, std::slice::from_ref(attack)).await?;
    }
    measured(stand, arguments, "all of them", &attacks).await
}

async fn measured(stand: &Stand, arguments: &Arguments, name: &str, attacks: &[Attack]) -> Result<()> {
    stand.service.take_peak_memory()?;
    let host = stand.host()?;
    let address: SocketAddr = host.parse()?;
    let mut attackers = JoinSet::new();
    for attack in attacks {
        for _ in 0..arguments.connections {
            attackers.spawn(attacked(address, attack.clone()));
        }
    }
    let (latencies, refused) = called(&host, arguments).await?;
    attackers.shutdown().await;
    let peak = stand.service.take_peak_memory()? >> 20;
    answer(&format!(
        "{name:<36} {:>7.1} {:>8.1} {refused:>9} {peak:>10}",
        latencies.p50(),
        latencies.per_mille(990)
    ));
    Ok(())
}

/// The other caller's writes at a steady rate, counted from when each was to leave, and how many were not answered 201.
async fn called(host: &str, arguments: &Arguments) -> Result<(Latencies, usize)> {
    let (begun, count) = (Instant::now(), arguments.rate * arguments.seconds);
    let client = async |first: u32| -> Result<(Vec<Duration>, usize)> {
        let (mut stream, mut buffer) = (None, Vec::new());
        let (mut latencies, mut refused) = (Vec::new(), 0);
        for number in (first..count).step_by(usize::try_from(CONNECTIONS)?) {
            let due = begun + Duration::from_secs(1) * number / arguments.rate;
            tokio::time::sleep_until(due.into()).await;
            let mut open = match stream.take() {
                Some(open) => open,
                None => TcpStream::connect(host).await?,
            };
            let write = request(host, "", &body(usize::try_from(number)?));
            match exchange(&mut open, &mut buffer, &write, 201).await {
                Ok(()) => stream = Some(open),
                Err(_refused) => refused += 1,
            }
            latencies.push(due.elapsed());
        }
        Ok((latencies, refused))
    };
    let all = futures_util::future::try_join_all((0..CONNECTIONS).map(client)).await?;
    let refused = all.iter().map(|(_, refused)| refused).sum();
    Ok((Latencies::of(all.into_iter().flat_map(|(latencies, _)| latencies).collect()), refused))
}

/// One connection after the other, until it is ended from outside.
async fn attacked(address: SocketAddr, attack: Attack) {
    loop {
        // The service decides about an attack; the next attack follows in any case.
        if once(address, &attack).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

async fn once(address: SocketAddr, attack: &Attack) -> Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((ATTACKER, 0).into())?;
    let mut stream = socket.connect(address).await.context("the service refused the attacker")?;
    stream.write_all(&attack.request).await?;
    match attack.manner {
        Manner::Reads => drop(stream.read_to_end(&mut Vec::new()).await?),
        Manner::Stalls => std::future::pending().await,
        Manner::HangsUp(after) => tokio::time::sleep(after).await,
    }
    Ok(())
}

fn attacks(host: &str) -> Vec<Attack> {
    let attack = |name, request, manner| Attack { name, request, manner };
    let closing = "Connection: close\r\n";
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{closing}\r\n").into_bytes();
    let post = |path: &str, length: usize, body: &str| {
        let head = format!(
            "POST /api/v1/audit/remediation{path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n{closing}\
             Content-Length: {length}\r\n\r\n"
        );
        [head.as_bytes(), body.as_bytes()].concat()
    };
    let large_list = "/api/v1/audit/remediation?limit=1000";
    let zeros = format!("[{}0]", "0,".repeat(8 * 1024 * 1024 - 2));
    let keys: serde_json::Map<_, _> = (0..60_000).map(|n| (format!("key-{n}"), json!(n))).collect();
    let keys = json!({ "metadata": keys }).to_string();
    let patch = format!(
        "PATCH /api/v1/audit/remediation/1 HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/merge-patch+json\r\n\
         If-Match: \"1-1\"\r\n{closing}Content-Length: {}\r\n\r\n{keys}",
        keys.len()
    );
    let expanding = json!({ "name": "e", "namespace": "e", "phase": "pending", "action_type": "e",
        "metadata": { "m": vec![1e308; 800] } });
    let expanding = serde_json::Value::from(vec![expanding; 60]).to_string();
    let old = json!({ "name": "o", "namespace": "o", "phase": "pending", "action_type": "o",
        "start_time": "2018-05-01T00:00:00Z" })
    .to_string();
    vec![
        attack("bodies announced and not sent", post("/batch", 16 << 20, ""), Manner::Stalls),
        attack("batches of 16 MiB of zeros", post("/batch", zeros.len(), &zeros), Manner::Reads),
        attack("changes of 60,000 keys", patch.into_bytes(), Manner::Reads),
        attack("batches of numbers that expand", post("/batch", expanding.len(), &expanding), Manner::Reads),
        attack("the largest pages", get(large_list), Manner::Reads),
        attack("the largest pages, not taken", get(large_list), Manner::Stalls),
        attack("reads that are abandoned", get(large_list), Manner::HangsUp(Duration::from_millis(10))),
        attack("exports, not taken", get("/api/v1/audit/remediation/export"), Manner::Stalls),
        attack("searches", get("/api/v1/audit/search?q=restart+the+pod"), Manner::Reads),
        attack("the API's document", get("/openapi.json"), Manner::Reads),
        attack("records of long ago", post("", old.len(), &old), Manner::Reads),
    ]
}
