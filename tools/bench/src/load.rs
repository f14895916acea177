//! Load over HTTP/1.1. Requests are made beforehand, and of answers no more is read than must be, so that little of the
//! machine goes to the generator.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Error, Result, ensure};
use futures_util::future::{join_all, try_join_all};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::latency::Latencies;

/// The result of a run.
pub(super) struct Run {
    pub(super) took: Duration,
    /// Of each request.
    pub(super) latencies: Latencies,
    /// The place of each request in the order of their leaving, and its latency.
    times: Vec<(usize, Duration)>,
    /// Why connections ended before their time.
    pub(super) failures: Vec<Error>,
}

impl Run {
    pub(super) fn rate(&self) -> f64 {
        f64::from(u32::try_from(self.latencies.len()).unwrap_or(u32::MAX)) / self.took.as_secs_f64()
    }

    /// Of the requests whose place, from 0 on, is one of these.
    pub(super) fn latencies_of(&self, is_one: impl Fn(usize) -> bool) -> Latencies {
        let chosen = self.times.iter().filter(|(place, _)| is_one(*place));
        Latencies::of(chosen.map(|(_, took)| *took).collect())
    }

    /// Itself, unless a connection failed.
    pub(super) fn without_failures(mut self) -> Result<Self> {
        self.failures.pop().map_or(Ok(self), Err)
    }
}

/// One write, as bytes; `more` are further header lines, each with its end.
pub(super) fn request(host: &str, more: &str, body: &str) -> Vec<u8> {
    post(host, "/api/v1/audit/remediation", more, body)
}

/// A POST, as bytes; `more` are further header lines, each with its end.
pub(super) fn post(host: &str, path: &str, more: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n{more}\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// A closed loop: sends `count` requests, repeating the given ones, through `connections` connections. Each connection
/// sends its next request after the last answer; each answer must be 201.
pub(super) async fn run(host: &str, requests: &[Vec<u8>], count: usize, connections: usize) -> Result<Run> {
    send(host, requests, connections, Schedule { count, ..Schedule::default() }).await?.without_failures()
}

/// As [`run`], but requests leave for this long. A failure ends its connection and is kept.
pub(super) async fn lasting(
    host: &str,
    requests: &[Vec<u8>],
    connections: usize,
    long: Duration,
) -> Result<Run> {
    send(host, requests, connections, Schedule { long, ..Schedule::default() }).await
}

/// An open loop: requests leave `pause` apart, independent of the answers, and latency counts from the time at which
/// each was to leave. All connections are there before the first one leaves.
pub(super) async fn paced(
    host: &str,
    requests: &[Vec<u8>],
    count: usize,
    connections: usize,
    pause: Duration,
) -> Result<Run> {
    send(host, requests, connections, Schedule { count, pause, ..Schedule::default() })
        .await?
        .without_failures()
}

/// When requests leave, and when the last one does.
#[derive(Clone, Copy)]
struct Schedule {
    count: usize,
    long: Duration,
    /// From one request to the next; zero in a closed loop.
    pause: Duration,
}

impl Default for Schedule {
    fn default() -> Self {
        Self { count: usize::MAX, long: Duration::MAX, pause: Duration::ZERO }
    }
}

async fn send(host: &str, requests: &[Vec<u8>], connections: usize, schedule: Schedule) -> Result<Run> {
    let streams = try_join_all((0..connections).map(|_| connect(host))).await?;
    let (begun, next) = (Instant::now(), AtomicUsize::new(0));
    let client = async |mut stream: TcpStream, times: &mut Vec<(usize, Duration)>| -> Result<()> {
        let mut buffer = Vec::with_capacity(8 * 1024);
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            if place >= schedule.count || begun.elapsed() >= schedule.long {
                return Ok(());
            }
            let request = requests.get(place % requests.len()).context("there is nothing to send")?;
            let mut sent = Instant::now();
            if !schedule.pause.is_zero() {
                sent = begun + schedule.pause * u32::try_from(place)?;
                tokio::time::sleep_until(sent.into()).await;
            }
            exchange(&mut stream, &mut buffer, request, 201).await?;
            times.push((place, sent.elapsed()));
        }
    };
    let clients = streams.into_iter().map(async |stream| {
        let mut times = Vec::new();
        let outcome = client(stream, &mut times).await;
        (times, outcome)
    });
    let (times, outcomes): (Vec<_>, Vec<_>) = join_all(clients).await.into_iter().unzip();
    let took = begun.elapsed();
    let times = times.concat();
    Ok(Run {
        took,
        latencies: Latencies::of(times.iter().map(|(_, took)| *took).collect()),
        times,
        failures: outcomes.into_iter().filter_map(Result::err).collect(),
    })
}

async fn connect(host: &str) -> Result<TcpStream> {
    let stream = TcpStream::connect(host).await.context("the service takes no connection")?;
    stream.set_nodelay(true)?;
    Ok(stream)
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
