//! Batches through the service against `COPY` of the same rows into the same table of another database (W4).
//!
//! `COPY` takes all rows of a round in one transaction, which is the fastest way in; and, for comparison, as many rows at
//! a time as a batch has, through as many sessions.

use std::fmt::Write as _;
use std::time::Instant;

use anyhow::{Result, ensure};
use bytes::Bytes;
use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};
use futures_util::SinkExt as _;
use futures_util::future::try_join_all;
use tokio_postgres::{Client, NoTls};

use super::load;
use super::stand::{Stand, body, until_searchable};
use crate::report::{Figures, Goal, Report};

const COPY: &str = "COPY remediation_audit (name, namespace, phase, action_type, status, alert_name, severity, error_message, \
    remediation_request_id, metadata) FROM STDIN";

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Records of one round.
    #[arg(long, default_value_t = 100_000)]
    records: usize,
    /// Records of a batch.
    #[arg(long, default_value_t = 100)]
    batch: usize,
    /// Rounds.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Distinct texts among the records.
    #[arg(long, default_value_t = 1_000)]
    texts: usize,
    /// Connections of the service's clients, and sessions of the `COPY` of batches.
    #[arg(long, default_value_t = 8)]
    connections: usize,
    /// `local` or `hashing`.
    #[arg(long, default_value = "local")]
    embedder: String,
}

impl Arguments {
    /// For a look whether it works.
    pub(crate) fn short() -> Self {
        Self {
            records: 1_000,
            batch: 100,
            rounds: 1,
            texts: 20,
            connections: 4,
            embedder: "hashing".to_owned(),
        }
    }
}

/// Records a second of one round; the latency of a batch in milliseconds.
struct Round {
    service: f64,
    p99: f64,
    copy: f64,
    copies: f64,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    report(arguments).await?.iter().for_each(Report::print);
    Ok(())
}

pub(crate) async fn report(arguments: &Arguments) -> Result<Vec<Report>> {
    ensure!(
        arguments.records.is_multiple_of(arguments.batch),
        "the records of a round must be whole batches"
    );
    let stand = Stand::start("batches", &arguments.embedder).await?;
    let rounds = measure(&stand, arguments).await;
    stand.end().await?;
    Ok(vec![summary(arguments, &rounds?)])
}

async fn measure(stand: &Stand, arguments: &Arguments) -> Result<Vec<Round>> {
    let Arguments { records, batch, rounds, texts, connections, .. } = *arguments;
    let mut connection = AsyncPgConnection::establish(&stand.database_url).await?;
    let (host, other_url) = (stand.host()?, stand.other_database("same").await?);
    let requests = requests(&host, batch, texts);
    // Not measured: every text is embedded once, and connections and statements are there.
    load::run(&host, &requests, requests.len(), connections).await?;
    until_searchable(&mut connection).await?;
    let alone = [session(&other_url).await?];
    let sessions = try_join_all((0..connections).map(|_| session(&other_url))).await?;
    let (all, some) = (Rows::new(records, texts), Rows::new(batch, texts));
    let each = (records / batch).div_ceil(connections);
    let mut measured = Vec::new();
    for _ in 0..rounds {
        connection.batch_execute("CHECKPOINT").await?;
        let run = load::run(&host, &requests, records / batch, connections).await?;
        until_searchable(&mut connection).await?;
        connection.batch_execute("CHECKPOINT").await?;
        let copy = all.copied(&alone, 1).await?;
        connection.batch_execute("CHECKPOINT").await?;
        let copies = some.copied(&sessions, each).await?;
        measured.push(Round {
            service: run.rate() * f64::from(u32::try_from(batch)?),
            p99: run.latencies.per_mille(990),
            copy,
            copies,
        });
    }
    Ok(measured)
}

/// Batches of so many records that together hold each text at least once.
pub(super) fn requests(host: &str, batch: usize, texts: usize) -> Vec<Vec<u8>> {
    let batches = (0..texts.div_ceil(batch)).map(|number| {
        let records: Vec<String> = (0..batch).map(|n| body(1 + (number * batch + n) % texts)).collect();
        let records = format!("[{}]", records.join(","));
        load::post(host, "/api/v1/audit/remediation/batch", "", &records)
    });
    batches.collect()
}

/// The records of [`body`], as `COPY` reads them.
struct Rows {
    text: Bytes,
    count: usize,
}

impl Rows {
    fn new(count: usize, texts: usize) -> Self {
        let mut text = String::new();
        for n in (0..count).map(|n| 1 + n % texts) {
            // Writing to a String cannot fail.
            let _ = writeln!(
                text,
                "checkout-restart\tpayments\tprocessing\trestart-pod\trunning\tKubePodCrashLooping\tcritical\t\
                 replica {n} does not become ready\trequest-{n}\t{{\"restarts\": {n}}}"
            );
        }
        Self { text: text.into(), count }
    }

    /// Rows a second when each session copies them so many times, each time in a transaction of its own.
    async fn copied(&self, sessions: &[Client], times: usize) -> Result<f64> {
        let started = Instant::now();
        let each = sessions.iter().map(async |session| {
            for _ in 0..times {
                let mut sink = Box::pin(session.copy_in::<_, Bytes>(COPY).await?);
                sink.send(self.text.clone()).await?;
                sink.as_mut().finish().await?;
            }
            anyhow::Ok(())
        });
        try_join_all(each).await?;
        let count = u32::try_from(self.count * times * sessions.len())?;
        Ok(f64::from(count) / started.elapsed().as_secs_f64())
    }
}

async fn session(url: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    // It ends with its client, which says what went wrong.
    tokio::spawn(connection);
    Ok(client)
}

fn summary(arguments: &Arguments, rounds: &[Round]) -> Report {
    let each = |figure: fn(&Round) -> f64| rounds.iter().map(figure).collect::<Vec<_>>();
    let ratio =
        |to: fn(&Round) -> f64| Figures::of(each(|it| it.service)).median / Figures::of(each(to)).median;
    let mut report = Report::new("W4", "batches against COPY of the same rows");
    report
        .condition("rounds", rounds.len())
        .condition("records a round", arguments.records)
        .condition("records a batch", arguments.batch)
        .condition("connections, and sessions of the COPY of batches", arguments.connections)
        .condition("distinct texts", arguments.texts)
        .condition("embedder", &arguments.embedder)
        .verdict("W4: batches / COPY in one transaction", ratio(|it| it.copy), Goal::AtLeast(0.5))
        .verdict("W4: batches / COPY of a batch a transaction", ratio(|it| it.copies), Goal::None)
        .series("service: records accepted, projector running", "/s", each(|it| it.service))
        .series("COPY: all rows in one transaction", "/s", each(|it| it.copy))
        .series("COPY: a batch a transaction", "/s", each(|it| it.copies))
        .series("service: p99 of a batch", "ms", each(|it| it.p99));
    report
}
