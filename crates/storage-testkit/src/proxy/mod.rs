//! A TCP proxy that breaks the network on purpose.

mod backend;
mod frontend;
mod pump;
mod switch;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

pub use switch::Fault;
use switch::{Action, Switches, Trigger};

use crate::{DevstackError, TestkitError};

/// Most connections at a time; further ones wait to be accepted.
const CONNECTIONS_MAX: usize = 512;
/// Longest wait for a trigger or for connections to close: a test that waits longer has failed.
const WAIT_BOUND: Duration = Duration::from_secs(30);

/// A proxy on a free port of 127.0.0.1 in front of a server, with faults to switch while it runs.
///
/// Standing faults ([`FaultProxy::set`]) work with any server. The triggers speak PostgreSQL's protocol and work only
/// with [`FaultProxy::for_postgres`]. They fire once, on the first request that asks the server to *run* a statement
/// whose text or bound values contain the given bytes; statements prepared earlier and run by name are recognised.
/// Of each message the first 64 KiB are looked at. Dropping the proxy closes everything.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    switches: Arc<Switches>,
    acceptor: JoinHandle<()>,
}

#[derive(Debug, Clone, Copy)]
enum Protocol {
    Bytes,
    Postgres,
}

impl FaultProxy {
    /// A proxy in front of any TCP server.
    ///
    /// # Errors
    /// [`TestkitError::Network`] when no port is free.
    pub async fn for_tcp(server: SocketAddr) -> Result<Self, TestkitError> {
        Self::start(server, Protocol::Bytes).await
    }

    /// A proxy in front of the PostgreSQL server that `url` names. Sessions through it are not encrypted.
    ///
    /// # Errors
    /// [`TestkitError::Url`] when the URL names no TCP address, [`TestkitError::Network`] when it cannot be resolved
    /// or no port is free.
    pub async fn for_postgres(url: &str) -> Result<Self, TestkitError> {
        Self::start(crate::database::address_of(url).await?, Protocol::Postgres).await
    }

    async fn start(server: SocketAddr, protocol: Protocol) -> Result<Self, TestkitError> {
        let failed = |source| TestkitError::Network { action: "listen on 127.0.0.1", source };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let switches = Arc::new(Switches::new());
        let acceptor = tokio::spawn(accept(listener, server, protocol, Arc::clone(&switches)));
        Ok(Self { address, switches, acceptor })
    }

    /// Where the proxy listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `url` with the proxy's address instead of the server's.
    #[must_use]
    pub fn url(&self, url: &str) -> String {
        crate::database::with_address(url, self.address)
    }

    /// Switches the standing fault.
    pub fn set(&self, fault: Fault) {
        self.switches.fault.send_replace(fault);
    }

    /// Closes the connections that are open now.
    pub fn cut_all(&self) {
        self.switches.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// From now on triggers see only sessions whose `application_name` is this one. Other sessions run statements with the
    /// same words, such as `COMMIT`, when they like.
    pub fn meet_only(&self, application_name: &str) {
        self.switches.sessions.send_replace(frontend::of_application(application_name));
    }

    /// Arms: the next request with `needle` does not reach the server; both sides are cut.
    pub fn cut_after_request(&self, needle: impl Into<Vec<u8>>) {
        self.arm(needle.into(), Action::CutAfterRequest);
    }

    /// Arms: the next request with `needle` reaches the server and is carried out; the client is cut instead of
    /// learning so.
    pub fn cut_before_answer(&self, needle: impl Into<Vec<u8>>) {
        self.arm(needle.into(), Action::CutBeforeAnswer);
    }

    /// Arms: the next request with `needle` reaches the server and is carried out; the client waits for the answer
    /// until it gives up, or until [`FaultProxy::cut_all`].
    pub fn hang_before_answer(&self, needle: impl Into<Vec<u8>>) {
        self.arm(needle.into(), Action::HangBeforeAnswer);
    }

    /// Takes back what was armed and has not come yet.
    pub fn disarm(&self) {
        self.switches.trigger.send_replace(Trigger::Idle);
    }

    /// Waits until the armed trigger's fault has happened: the connection is cut, or the server's answer swallowed.
    ///
    /// # Errors
    /// [`devstack::DevstackError::Timeout`] after half a minute; at once when nothing was ever armed.
    pub async fn wait_for_trigger(&self) -> Result<(), TestkitError> {
        let mut trigger = self.switches.trigger.subscribe();
        let fired = trigger.wait_for(|state| matches!(state, Trigger::Fired | Trigger::Idle));
        match tokio::time::timeout(WAIT_BOUND, fired).await {
            Ok(Ok(state)) if *state == Trigger::Fired => Ok(()),
            _ => Err(late("the request that the fault proxy was armed for")),
        }
    }

    /// Waits until no connection is open through the proxy.
    ///
    /// # Errors
    /// [`devstack::DevstackError::Timeout`] after half a minute.
    pub async fn wait_until_unused(&self) -> Result<(), TestkitError> {
        let mut open = self.switches.open.subscribe();
        match tokio::time::timeout(WAIT_BOUND, open.wait_for(|open| *open == 0)).await {
            Ok(_) => Ok(()),
            Err(_elapsed) => Err(late("the end of every connection through the fault proxy")),
        }
    }

    /// How many connections were accepted so far, refused ones included.
    #[must_use]
    pub fn connections_accepted(&self) -> u64 {
        self.switches.accepted.load(Ordering::Relaxed)
    }

    /// How many connections are open now.
    #[must_use]
    pub fn connections_open(&self) -> usize {
        *self.switches.open.borrow()
    }

    fn arm(&self, needle: Vec<u8>, action: Action) {
        self.switches.trigger.send_replace(Trigger::Armed(needle, action));
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.acceptor.abort();
        self.cut_all();
    }
}

fn late(what: &str) -> TestkitError {
    DevstackError::Timeout { what: what.to_owned(), seconds: WAIT_BOUND.as_secs() }.into()
}

async fn accept(listener: TcpListener, server: SocketAddr, protocol: Protocol, switches: Arc<Switches>) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
        // A connection that was gone before it was accepted is no reason to stop.
        let Ok((client, _)) = listener.accept().await else { continue };
        switches.count_accepted();
        switches.open.send_modify(|open| *open += 1);
        let switches = Arc::clone(&switches);
        tokio::spawn(async move {
            carry(client, server, protocol, &switches).await;
            switches.open.send_modify(|open| *open -= 1);
            drop(slot);
        });
    }
}

/// Carries one connection to its end. Both sides then see a closed connection, for any cause.
async fn carry(client: TcpStream, server: SocketAddr, protocol: Protocol, switches: &Switches) {
    let carrying = async {
        client.set_nodelay(true)?;
        switches.hold_answer().await;
        let server = TcpStream::connect(server).await?;
        server.set_nodelay(true)?;
        match protocol {
            Protocol::Bytes => pump::carry_bytes(client, server, switches).await,
            Protocol::Postgres => pump::carry_postgres(client, server, switches).await,
        }
    };
    let ended = tokio::select! {
        biased;
        () = switches.until_cut() => return,
        ended = carrying => ended,
    };
    if matches!(ended, Ok(pump::Ended::Cut)) {
        switches.fired();
    }
}

#[cfg(test)]
mod tests;
