//! Load over HTTP/1.1. Requests are made beforehand, and of answers no more is read than must be, so that little of the
//! machine goes to the generator.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::latency::Latencies;

/// The result of a run.
pub(super) struct Run {
    pub(super) took: Duration,
    /// Of each request.
    pub(super) latencies: Latencies,
}

impl Run {
    pub(super) fn rate(&self) -> f64 {
        f64::from(u32::try_from(self.latencies.len()).unwrap_or(u32::MAX)) / self.took.as_secs_f64()
    }
}

/// One write, as bytes; `more` are further header lines, each with its end.
pub(super) fn request(host: &str, more: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST /api/v1/audit/remediation HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n{more}\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// A closed loop: sends `count` requests, repeating the given ones, through `connections` connections. Each connection
/// sends its next request after the last answer; each answer must be 201.
pub(super) async fn run(host: &str, requests: &[Vec<u8>], count: usize, connections: usize) -> Result<Run> {
    send(host, requests, count, connections, None).await
}

/// An open loop: requests leave `pause` apart, independent of the answers, and latency counts from the time at which
/// each was to leave.
pub(super) async fn paced(
    host: &str,
    requests: &[Vec<u8>],
    count: usize,
    connections: usize,
    pause: Duration,
) -> Result<Run> {
    send(host, requests, count, connections, Some(pause)).await
}

async fn send(
    host: &str,
    requests: &[Vec<u8>],
    count: usize,
    connections: usize,
    pause: Option<Duration>,
) -> Result<Run> {
    let begun = Instant::now();
    let next = AtomicUsize::new(0);
    let client = async || -> Result<Vec<Duration>> {
        let mut stream = TcpStream::connect(host).await?;
        stream.set_nodelay(true)?;
        let (mut buffer, mut latencies) = (Vec::with_capacity(8 * 1024), Vec::new());
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return Ok(latencies);
            }
            let request = requests.get(number % requests.len()).context("there is nothing to send")?;
            let sent = match pause {
                None => Instant::now(),
                Some(pause) => begun + pause * u32::try_from(number)?,
            };
            tokio::time::sleep_until(sent.into()).await;
            exchange(&mut stream, &mut buffer, request, 201).await?;
            latencies.push(sent.elapsed());
        }
    };
    let started = Instant::now();
    let runs = futures_util::future::try_join_all((0..connections).map(|_| client())).await?;
    let took = started.elapsed();
    Ok(Run { took, latencies: Latencies::of(runs.into_iter().flatten().collect()) })
}

/// Sends a request and reads its answer, which must have this status.
pub(super) async fn exchange(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
    request: &[u8],
    status: u16,
) -> Result<()> {
    stream.write_all(request).await?;
    buffer.clear();
    loop {
        ensure!(stream.read_buf(buffer).await? > 0, "the service closed the connection");
        let Some(head) = buffer.windows(4).position(|it| it == b"\r\n\r\n") else { continue };
        let text = String::from_utf8_lossy(buffer.get(..head).unwrap_or_default()).to_ascii_lowercase();
        ensure!(text.starts_with(&format!("http/1.1 {status}")), "a request was answered {text}");
        let length =
            text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        let whole = head + 4 + length.context("an answer has no length")?;
        while buffer.len() < whole {
            ensure!(stream.read_buf(buffer).await? > 0, "the service closed the connection in its answer");
        }
        return Ok(());
    }
}
