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

#[cfg(test)]
mod tests {
    //! Tests for the loads, against a server that answers so many requests and then closes every connection.

    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};

    use super::{lasting, paced, request, run};

    const ANSWER: &[u8] = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}";

    /// Where it listens.
    async fn server(answers: usize) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let left = Arc::new(AtomicUsize::new(answers));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&left)));
            }
        });
        host
    }

    async fn answer(mut stream: TcpStream, left: Arc<AtomicUsize>) {
        let mut request = [0; 1024];
        while stream.read(&mut request).await.is_ok_and(|read| read > 0) {
            let taken = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
            if taken.is_err() || stream.write_all(ANSWER).await.is_err() {
                return;
            }
        }
    }

    #[tokio::test]
    async fn every_request_has_a_latency_and_a_place() {
        let host = server(usize::MAX).await;
        let requests = [request(&host, "", "{}")];
        let closed = run(&host, &requests, 10, 3).await.unwrap();
        assert_eq!((closed.latencies.len(), closed.latencies_of(|place| place < 4).len()), (10, 4));
        let open = paced(&host, &requests, 10, 3, Duration::from_micros(1)).await.unwrap();
        assert_eq!((open.latencies.len(), open.latencies_of(|place| place % 2 == 1).len()), (10, 5));
    }

    #[tokio::test]
    async fn a_failure_ends_a_run_and_is_kept_of_a_lasting_one() {
        let host = server(5).await;
        let requests = [request(&host, "", "{}")];
        assert!(run(&host, &requests, 10, 2).await.is_err());
        let host = server(5).await;
        let lasting = lasting(&host, &requests, 2, Duration::from_secs(3600)).await.unwrap();
        assert_eq!((lasting.latencies.len(), lasting.failures.len()), (5, 2));
    }
}
