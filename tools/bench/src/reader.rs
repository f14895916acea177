//! A client that reads over HTTP/1.1, one request after the other on one connection.

use anyhow::{Context as _, Result};
use serde_json::Value;
use storage_testkit::ServiceProcess;
use tokio::net::TcpStream;

use super::load;
use super::stand::host;

pub(crate) struct Reader {
    host: String,
    stream: TcpStream,
    /// The last answer, head and body.
    answer: Vec<u8>,
}

impl Reader {
    pub(crate) async fn connect(service: &ServiceProcess) -> Result<Self> {
        let host = host(service)?;
        let stream = TcpStream::connect(&host).await?;
        stream.set_nodelay(true)?;
        Ok(Self { host, stream, answer: Vec::with_capacity(256 * 1024) })
    }

    /// A request, as bytes, for a path with its query.
    pub(crate) fn request(&self, path: &str) -> Vec<u8> {
        format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.host).into_bytes()
    }

    /// Sends a request and reads its answer, which must be 200.
    pub(crate) async fn send(&mut self, request: &[u8]) -> Result<()> {
        load::exchange(&mut self.stream, &mut self.answer, request, 200).await
    }

    /// The last answer's body.
    pub(crate) fn body(&self) -> Result<Value> {
        let head = self.answer.windows(4).position(|it| it == b"\r\n\r\n").context("there is no answer")?;
        Ok(serde_json::from_slice(self.answer.get(head + 4..).unwrap_or_default())?)
    }

    /// What is at a path.
    pub(crate) async fn read(&mut self, path: &str) -> Result<Value> {
        let request = self.request(path);
        self.send(&request).await?;
        self.body()
    }
}
