//! A Qdrant for tests: the one that `QDRANT_URL` names, or a small one of our own.
//!
//! The small one speaks the real gRPC protocol (the client library's generated types), searches exactly, and has
//! switches for faults. It answers unsupported requests with UNIMPLEMENTED, never with a wrong result.

mod filter;
mod points;
mod service;
mod state;
mod switch;
mod test_qdrant;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use qdrant_client::qdrant::collections_server::CollectionsServer;
use qdrant_client::qdrant::points_server::PointsServer;
use qdrant_client::qdrant::qdrant_server::QdrantServer as RootServer;
use tokio::sync::{oneshot, watch};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use crate::{DevstackError, TestkitError};
use service::{Service, Shared};
use state::State;
pub use switch::{QdrantFault, QdrantOperation};
use switch::{Switches, lock};
pub use test_qdrant::TestQdrant;

/// The version that the server says it has: the one whose behaviour it follows.
const VERSION: &str = "1.17.1";
/// Longest wait for a request that a test expects: one that waits longer has failed.
const WAIT_BOUND: Duration = Duration::from_secs(30);

/// The test kit's own Qdrant server, on a port of 127.0.0.1 that stays the same when it is stopped and started again.
///
/// ```no_run
/// # async fn test() -> Result<(), storage_testkit::TestkitError> {
/// use storage_testkit::{GrpcCode, QdrantFault, QdrantOperation, QdrantServer};
///
/// let server = QdrantServer::start()?;
/// server.next(QdrantOperation::Upsert, 1, QdrantFault::ApplyThenFail(GrpcCode::Unavailable));
/// // … have something stored at `server.url()` …
/// server.wait_for_faults(QdrantOperation::Upsert, 1).await
/// # }
/// ```
pub struct QdrantServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    running: Mutex<Option<Running>>,
}

struct Running {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl QdrantServer {
    /// An empty server.
    ///
    /// # Errors
    /// [`TestkitError::Network`] when no port is free.
    pub fn start() -> Result<Self, TestkitError> {
        Self::start_as(VERSION)
    }

    /// An empty server that says it has another version; what it does stays the same.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_as(version: &str) -> Result<Self, TestkitError> {
        let listener = listen((Ipv4Addr::LOCALHOST, 0).into())?;
        let address = listener.local_addr().map_err(no_port)?;
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            switches: Switches::new(),
            version: version.to_owned(),
        });
        let running = Mutex::new(Some(run(listener, Arc::clone(&shared))));
        Ok(Self { address, shared, running })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its gRPC URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Closes the port and every connection at once, like a killed process. Applied changes are kept.
    pub fn stop(&self) {
        if let Some(running) = lock(&self.running).take() {
            // When the thread is gone already, so is what was to be stopped.
            let _ = running.stop.send(());
            let _ = running.thread.join();
        }
    }

    /// Opens the port again after [`Self::stop`].
    ///
    /// # Errors
    /// [`TestkitError::Network`] when another program has taken the port.
    pub fn start_again(&self) -> Result<(), TestkitError> {
        self.stop();
        *lock(&self.running) = Some(run(listen(self.address)?, Arc::clone(&self.shared)));
        Ok(())
    }

    /// Loses every collection and alias.
    pub fn lose_everything(&self) {
        *lock(&self.shared.state) = State::default();
    }

    /// Every request of this operation meets the fault, until it is switched again.
    pub fn set(&self, operation: QdrantOperation, fault: QdrantFault) {
        self.shared.switches.set(operation, Some(fault), None);
    }

    /// The next `times` requests of this operation meet the fault.
    pub fn next(&self, operation: QdrantOperation, times: u32, fault: QdrantFault) {
        self.shared.switches.set(operation, (times > 0).then_some(fault), Some(times));
    }

    /// Every request meets the fault, until it is switched again.
    pub fn set_all(&self, fault: QdrantFault) {
        QdrantOperation::ALL.into_iter().for_each(|operation| self.set(operation, fault));
    }

    /// Requests of this operation are served again; hanging ones continue.
    pub fn clear(&self, operation: QdrantOperation) {
        self.shared.switches.set(operation, None, None);
    }

    /// Every request is served again; hanging ones continue.
    pub fn clear_all(&self) {
        QdrantOperation::ALL.into_iter().for_each(|operation| self.clear(operation));
    }

    /// Applies what [`QdrantFault::ApplyLate`] held back, in the order in which it came; says how many requests.
    pub fn apply_late(&self) -> usize {
        let late = self.shared.switches.take_late();
        let mut state = lock(&self.shared.state);
        late.into_iter().map(|work| work(&mut state)).count()
    }

    /// How many requests of this operation have come.
    #[must_use]
    pub fn calls(&self, operation: QdrantOperation) -> u64 {
        switch::of(&self.shared.switches.calls.borrow(), operation)
    }

    /// Waits until this number of requests of this operation have come since the server was made.
    ///
    /// # Errors
    /// [`devstack::DevstackError::Timeout`] after half a minute.
    pub async fn wait_for_calls(&self, operation: QdrantOperation, times: u64) -> Result<(), TestkitError> {
        wait_for(&self.shared.switches.calls, operation, times, "requests").await
    }

    /// Waits until this number of requests of this operation have met a fault: have been refused, applied or held,
    /// whatever the fault is.
    ///
    /// # Errors
    /// [`devstack::DevstackError::Timeout`] after half a minute.
    pub async fn wait_for_faults(&self, operation: QdrantOperation, times: u64) -> Result<(), TestkitError> {
        wait_for(&self.shared.switches.faults, operation, times, "faults").await
    }
}

impl std::fmt::Debug for QdrantServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QdrantServer").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Drop for QdrantServer {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn wait_for(
    counts: &watch::Sender<std::collections::BTreeMap<QdrantOperation, u64>>,
    operation: QdrantOperation,
    times: u64,
    what: &str,
) -> Result<(), TestkitError> {
    let mut counts = counts.subscribe();
    let reached = counts.wait_for(|counts| switch::of(counts, operation) >= times);
    match tokio::time::timeout(WAIT_BOUND, reached).await {
        Ok(_) => Ok(()),
        Err(_elapsed) => Err(DevstackError::Timeout {
            what: format!("{times} {what} of {operation:?} at the test kit's Qdrant"),
            seconds: WAIT_BOUND.as_secs(),
        }
        .into()),
    }
}

fn listen(address: SocketAddr) -> Result<TcpListener, TestkitError> {
    let listener = TcpListener::bind(address).map_err(no_port)?;
    listener.set_nonblocking(true).map_err(no_port)?;
    Ok(listener)
}

fn no_port(source: std::io::Error) -> TestkitError {
    TestkitError::Network { action: "listen on 127.0.0.1", source }
}

/// Serves on a thread with a runtime of its own: when that is dropped, so is every connection.
fn run(listener: TcpListener, shared: Arc<Shared>) -> Running {
    let (stop, stopped) = oneshot::channel();
    let thread = std::thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            tokio::select! {
                () = serve(listener, Service(shared)) => {}
                _ = stopped => {}
            }
        });
    });
    Running { stop, thread }
}

async fn serve(listener: TcpListener, service: Service) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    let router = Server::builder()
        .add_service(RootServer::new(service.clone()))
        .add_service(CollectionsServer::new(service.clone()))
        .add_service(PointsServer::new(service).max_decoding_message_size(usize::MAX));
    // An error of the listener ends the server, which its clients see.
    let _ = router.serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true))).await;
}

#[cfg(test)]
mod tests;
