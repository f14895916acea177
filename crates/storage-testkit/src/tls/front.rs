//! TLS in front of a server that speaks none.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use super::{CertificatePair, server_config};
use crate::TestkitError;

/// Takes TLS connections on 127.0.0.1 and passes on what they carry, in both directions. It ends with this value.
#[derive(Debug)]
pub struct TlsFront {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl TlsFront {
    /// One in front of `server`.
    ///
    /// # Errors
    /// [`TestkitError::Network`] when no port is free; [`TestkitError::Certificate`].
    pub async fn start(server: SocketAddr, certificate: &CertificatePair) -> Result<Self, TestkitError> {
        let acceptor = TlsAcceptor::from(server_config(certificate)?);
        let no_port = |source| TestkitError::Network { action: "listen on 127.0.0.1", source };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(no_port)?;
        let address = listener.local_addr().map_err(no_port)?;
        Ok(Self { address, task: tokio::spawn(accept(listener, acceptor, server)) })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, server: SocketAddr) {
    // Its tasks end with it.
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        let acceptor = acceptor.clone();
        connections.spawn(async move {
            // What goes wrong is seen by the client, whose connection ends.
            let Ok(mut client) = acceptor.accept(client).await else { return };
            let Ok(mut server) = TcpStream::connect(server).await else { return };
            let _ = copy_bidirectional(&mut client, &mut server).await;
        });
    }
}
