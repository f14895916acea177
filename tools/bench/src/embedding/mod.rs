//! E1: texts a second through the local model, in turns with onnxruntime on the same weights, each on one thread.

mod peer;

use std::num::NonZeroUsize;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use storage_embedding::{Embedder as _, LocalEmbedder};
use storage_models::Embedding;
use storage_testkit::environment;

use super::corpus;
use crate::progress::step;
use crate::report::{Figures, Goal, Report};
use peer::Peer;

/// Texts of a batch.
const BATCH: usize = 32;
const SEED: u64 = 7;
/// The largest difference between two numbers of the vectors of a text: both sides compute the same.
const TOLERANCE: f32 = 1e-4;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Texts of a round.
    #[arg(long, default_value_t = 640)]
    texts: usize,
    /// Rounds.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

impl Arguments {
    /// Enough to see that it works.
    pub(crate) fn short() -> Self {
        Self { texts: BATCH, rounds: 1 }
    }
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    report(arguments).await?.iter().for_each(Report::print);
    Ok(())
}

/// Texts a second of each round.
#[derive(Default)]
struct Rates {
    ours: Vec<f64>,
    peers: Vec<f64>,
}

pub(crate) async fn report(arguments: &Arguments) -> Result<Vec<Report>> {
    let Arguments { texts, rounds } = *arguments;
    ensure!(texts > 0 && rounds > 0, "give at least one text and one round");
    let directory = environment::required(environment::MODEL_DIR)?;
    let embedder = LocalEmbedder::load(Path::new(&directory), NonZeroUsize::MIN)?;
    let mut report =
        Report::new("E1", "texts a second through the local model, one thread, against onnxruntime");
    report
        .condition("rounds", rounds)
        .condition("texts of a round", texts)
        .condition("texts of a batch", BATCH);
    let mut peer = Peer::start(&directory).await?;
    match &peer {
        Some(peer) => {
            report.condition("the other side", peer.versions());
            report.condition("its batches", "padded to their longest text");
        }
        None => {
            let reason = "onnxruntime is not installed, so there is nothing to compare with; see what `cargo xtask bench` said";
            report.skipped = Some(reason.to_owned());
        }
    }
    let as_they_come = corpus::texts(texts, SEED);
    let mut by_length = as_they_come.clone();
    by_length.sort_by_key(String::len);
    let orders = [
        ("batches as they come", as_they_come, Goal::AtLeast(1.0)),
        ("batches of equal lengths", by_length, Goal::None),
    ];
    for (order, texts, goal) in orders {
        let measuring = measure(&embedder, &mut peer, &texts, rounds);
        let Rates { ours, peers } = step(order, measuring, |_| "measured".to_owned()).await?;
        if peer.is_some() {
            let ratio = Figures::of(ours.clone()).median / Figures::of(peers.clone()).median;
            report.verdict(format!("E1: local model / onnxruntime, {order}"), ratio, goal);
            report.series(format!("onnxruntime, {order}"), "/s", peers);
        }
        report.series(format!("local model, {order}"), "/s", ours);
    }
    Ok(vec![report])
}

async fn measure(
    embedder: &LocalEmbedder,
    peer: &mut Option<Peer>,
    texts: &[String],
    rounds: usize,
) -> Result<Rates> {
    let mut rates = Rates::default();
    let count = f64::from(u32::try_from(texts.len())?);
    // The first round is not counted.
    for round in 0..=rounds {
        let (mut ours, mut peers) = (Duration::ZERO, Duration::ZERO);
        for batch in texts.chunks(BATCH) {
            let started = Instant::now();
            let vectors = embedder.embed(batch).await?;
            ours += started.elapsed();
            if let Some(peer) = peer {
                let answer = peer.embed(batch).await?;
                peers += answer.took()?;
                ensure!(agree(&vectors, &answer.vectors), "the two sides give different vectors");
            }
        }
        if round > 0 {
            rates.ours.push(count / ours.as_secs_f64());
            rates.peers.push(count / peers.as_secs_f64());
        }
    }
    Ok(rates)
}

fn agree(ours: &[Embedding], peers: &[Vec<f32>]) -> bool {
    let is_near = |(one, other): (&Embedding, &Vec<f32>)| {
        let (one, other) = (one.as_slice(), other.as_slice());
        one.len() == other.len() && one.iter().zip(other).all(|(one, other)| (one - other).abs() < TOLERANCE)
    };
    ours.len() == peers.len() && ours.iter().zip(peers).all(is_near)
}
