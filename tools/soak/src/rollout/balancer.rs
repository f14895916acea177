//! What a Kubernetes Service does: new connections go to replicas that are ready, and open connections stay where they are.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Between two questions whether a replica is ready. Kubernetes takes a replica that it stops out at once.
const PROBE_PAUSE: Duration = Duration::from_millis(500);
/// How long an answer to that may take.
const PROBE_BOUND: Duration = Duration::from_secs(2);
/// Connections at a time; one more waits until another ends.
const CONNECTIONS_MAX: usize = 2_000;

/// One replica.
struct Replica {
    address: SocketAddr,
    ready_url: String,
    is_ready: AtomicBool,
    connections: AtomicUsize,
}

/// A listener whose connections are spread over the replicas that are ready. It ends when it is dropped.
pub(super) struct Balancer {
    address: SocketAddr,
    replicas: Arc<[Replica]>,
    _tasks: JoinSet<()>,
}

impl Balancer {
    /// Starts in front of replicas that are ready, by the URLs of their API and their admin port.
    pub(super) async fn start(replicas: &[(String, String)]) -> Result<Self> {
        let replica = |(url, admin_url): &(String, String)| {
            Ok(Replica {
                address: url.trim_start_matches("http://").parse()?,
                ready_url: format!("{admin_url}/ready"),
                is_ready: AtomicBool::new(true),
                connections: AtomicUsize::new(0),
            })
        };
        let replicas: Arc<[Replica]> = replicas.iter().map(replica).collect::<Result<_>>()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let mut tasks = JoinSet::new();
        let http = reqwest::Client::builder().no_proxy().timeout(PROBE_BOUND).build()?;
        for number in 0..replicas.len() {
            tasks.spawn(probe(http.clone(), Arc::clone(&replicas), number));
        }
        tasks.spawn(accept(listener, Arc::clone(&replicas)));
        Ok(Self { address, replicas, _tasks: tasks })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The number of the replica with most connections, and how many those are.
    pub(super) fn busiest(&self) -> Result<(usize, usize)> {
        let open = self.replicas.iter().map(|it| it.connections.load(Ordering::Relaxed));
        open.enumerate().max_by_key(|(_, open)| *open).context("there is no replica")
    }
}

/// Keeps up to date whether a replica is ready.
async fn probe(http: reqwest::Client, replicas: Arc<[Replica]>, number: usize) {
    let Some(replica) = replicas.get(number) else { return };
    let mut tick = tokio::time::interval(PROBE_PAUSE);
    loop {
        tick.tick().await;
        let answer = http.get(&replica.ready_url).send().await;
        replica.is_ready.store(answer.is_ok_and(|it| it.status().is_success()), Ordering::Relaxed);
    }
}

async fn accept(listener: TcpListener, replicas: Arc<[Replica]>) {
    let mut connections = JoinSet::new();
    for turn in 0.. {
        // A listener of our own on this machine fails only when the process has no files left; the client sees it.
        let Ok((client, _)) = listener.accept().await else { return };
        while connections.try_join_next().is_some() {}
        if connections.len() >= CONNECTIONS_MAX {
            connections.join_next().await;
        }
        connections.spawn(carry(client, Arc::clone(&replicas), turn));
    }
}

/// Carries one connection to the next replica that is ready and takes it. Without one the client is cut off.
async fn carry(mut client: TcpStream, replicas: Arc<[Replica]>, turn: usize) {
    for place in 0..replicas.len() {
        let Some(replica) = replicas.get((turn + place) % replicas.len()) else { return };
        if !replica.is_ready.load(Ordering::Relaxed) {
            continue;
        }
        let Ok(mut server) = TcpStream::connect(replica.address).await else {
            replica.is_ready.store(false, Ordering::Relaxed);
            continue;
        };
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        replica.connections.fetch_add(1, Ordering::Relaxed);
        // Whichever side ends first, the other one sees the end of its connection.
        let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
        replica.connections.fetch_sub(1, Ordering::Relaxed);
        return;
    }
}
