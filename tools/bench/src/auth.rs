//! The cost of authentication for a request whose caller is already known. Two services answer in turns, one of them
//! without authentication. The route does not exist, so that only the round trip is measured.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use data_encoding::BASE64URL_NOPAD;
use storage_testkit::{KubernetesApi, ServiceAccount, ServiceProcess, environment};
use tokio::net::TcpStream;
use tokio::process::Command;

use super::latency::{Latencies, in_turns};
use super::load::exchange;
use super::stand::{Stand, host};
use crate::progress::answer;

const CALLER: &str = "system:serviceaccount:remediation:controller";
/// How long a token that is made here says to be good.
const HOUR: Duration = Duration::from_secs(3600);

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Requests to each service.
    #[arg(long, default_value_t = 20_000)]
    requests: usize,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let stand = Stand::start("auth", "hashing").await?;
    let outcome = measure(&stand, arguments).await;
    stand.end().await?;
    outcome
}

async fn measure(stand: &Stand, arguments: &Arguments) -> Result<()> {
    answer(&format!(
        "{} requests to each, in turns, over one connection each; microseconds",
        arguments.requests
    ));
    answer("mode              p50     p99   p50 without   p99 without   added at p50");
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("tokens");
    let file = file.to_str().context("the temporary directory has an odd name")?;
    let token = made(file).await?;
    let tokens = stand
        .options
        .clone()
        .set("DATASTORAGE__AUTH__MODE", "tokens")
        .set("DATASTORAGE__AUTH__TOKENS_FILE", file);
    let guarded = ServiceProcess::start(&stand.database_url, tokens).await?;
    print("tokens", compare(stand, &guarded, &token, arguments).await?);
    drop(guarded);

    let api = KubernetesApi::start("audit")?;
    let token = service_account_token()?;
    api.knows(&token, ServiceAccount::new(CALLER, &["datastorage"]));
    api.allows(CALLER, &["get", "list"]);
    let kubeconfig = api.kubeconfig().display().to_string();
    let kubernetes = stand
        .options
        .clone()
        .set("DATASTORAGE__AUTH__MODE", "kubernetes")
        .set("DATASTORAGE__KUBERNETES__KUBECONFIG", kubeconfig);
    let guarded = ServiceProcess::start(&stand.database_url, kubernetes).await?;
    print("kubernetes", compare(stand, &guarded, &token, arguments).await?);
    Ok(())
}

/// A token in the file, made by the service's own command.
async fn made(file: &str) -> Result<String> {
    let bin = environment::required(environment::SERVICE_BIN)?;
    let made = Command::new(bin)
        .args(["token", "new", "bench", "--permission", "audit:read", "--append", file])
        .output()
        .await?;
    ensure!(made.status.success(), "cannot make a token: {}", String::from_utf8_lossy(&made.stderr));
    Ok(String::from_utf8(made.stdout)?.trim_end().to_owned())
}

/// One that has the form of a service account's and is good for an hour.
fn service_account_token() -> Result<String> {
    let until = SystemTime::now().duration_since(UNIX_EPOCH)? + HOUR;
    let claims = format!(r#"{{"exp":{},"sub":"{CALLER}"}}"#, until.as_secs());
    let encoded = |part: &str| BASE64URL_NOPAD.encode(part.as_bytes());
    Ok(format!("{}.{}.{}", encoded("{}"), encoded(&claims), encoded("signature")))
}

async fn compare(
    stand: &Stand,
    guarded: &ServiceProcess,
    token: &str,
    arguments: &Arguments,
) -> Result<[Latencies; 2]> {
    let mut guarded = Client::connect(&host(guarded)?, &format!("Authorization: Bearer {token}\r\n")).await?;
    let mut open = Client::connect(&stand.host()?, "").await?;
    in_turns(arguments.requests, async || guarded.ask().await, async || open.ask().await).await
}

/// One connection, and what is sent over it again and again.
struct Client {
    stream: TcpStream,
    request: Vec<u8>,
    buffer: Vec<u8>,
}

impl Client {
    async fn connect(host: &str, header: &str) -> Result<Self> {
        let stream = TcpStream::connect(host).await?;
        stream.set_nodelay(true)?;
        let request = format!("GET /api/v1/nothing HTTP/1.1\r\nHost: {host}\r\n{header}\r\n").into_bytes();
        Ok(Self { stream, request, buffer: Vec::new() })
    }

    async fn ask(&mut self) -> Result<()> {
        exchange(&mut self.stream, &mut self.buffer, &self.request, 404).await
    }
}

fn print(mode: &str, [guarded, open]: [Latencies; 2]) {
    let micros = |latencies: &Latencies, share| latencies.per_mille(share) * 1e3;
    answer(&format!(
        "{mode:<12} {:>8.0} {:>7.0} {:>13.0} {:>13.0} {:>14.1}",
        micros(&guarded, 500),
        micros(&guarded, 990),
        micros(&open, 500),
        micros(&open, 990),
        micros(&guarded, 500) - micros(&open, 500)
    ));
}
