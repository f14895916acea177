//! TLS in front of a server that speaks none.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use super::{CertificatePair, server_config};
use crate::TestkitError;
use crate::database::{address_of, with_address};

/// The messages before TLS, or within its handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Greeting {
    /// Nothing.
    None,
    /// That HTTP/2 is spoken.
    Http2,
    /// PostgreSQL's request for TLS, and that it is granted.
    Postgres,
}

/// PostgreSQL's `SSLRequest` (PostgreSQL's manual, 54.7): its length and its code.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// Takes TLS connections on 127.0.0.1 and passes on what they carry, in both directions. It closes connections that are
/// not TLS. It ends with this value.
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
        Self::greeting(Greeting::None, server, certificate).await
    }

    /// The same for a server that speaks HTTP/2, such as one of gRPC.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn http2(server: SocketAddr, certificate: &CertificatePair) -> Result<Self, TestkitError> {
        Self::greeting(Greeting::Http2, server, certificate).await
    }

    /// The same for the PostgreSQL that `url` names, whose clients ask for TLS first.
    ///
    /// # Errors
    /// As [`Self::start`], and when the URL names no server that can be found.
    pub async fn postgres(url: &str, certificate: &CertificatePair) -> Result<Self, TestkitError> {
        Self::greeting(Greeting::Postgres, address_of(url).await?, certificate).await
    }

    async fn greeting(
        greeting: Greeting,
        server: SocketAddr,
        certificate: &CertificatePair,
    ) -> Result<Self, TestkitError> {
        let protocols: &[&[u8]] = if greeting == Greeting::Http2 { &[b"h2"] } else { &[] };
        let acceptor = TlsAcceptor::from(server_config(certificate, protocols)?);
        let no_port = |source| TestkitError::Network { action: "listen on 127.0.0.1", source };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(no_port)?;
        let address = listener.local_addr().map_err(no_port)?;
        Ok(Self { address, task: tokio::spawn(accept(listener, acceptor, greeting, server)) })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// `url`, one of PostgreSQL, with this address instead of the server's.
    #[must_use]
    pub fn url(&self, url: &str) -> String {
        with_address(url, self.address)
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, greeting: Greeting, server: SocketAddr) {
    // Its tasks end with it.
    let mut connections = JoinSet::new();
    while let Ok((mut client, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        let acceptor = acceptor.clone();
        connections.spawn(async move {
            // The client sees an error as the end of its connection.
            if greeting == Greeting::Postgres && grant(&mut client).await.is_err() {
                return;
            }
            let Ok(mut client) = acceptor.accept(client).await else { return };
            let Ok(mut server) = TcpStream::connect(server).await else { return };
            let _ = copy_bidirectional(&mut client, &mut server).await;
        });
    }
}

/// Waits for PostgreSQL's request for TLS and grants it.
async fn grant(client: &mut TcpStream) -> io::Result<()> {
    let mut request = [0; 8];
    client.read_exact(&mut request).await?;
    if request != SSL_REQUEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    client.write_all(b"S").await
}
