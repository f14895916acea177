//! Everything that matches a filter, sent to one client in constant memory.
//!
//! A task of its own reads, encodes and hands over one piece after the other; it waits while the client does not
//! take them. Whatever ends it before its time — the client, the deadline, the stop, the database — ends the
//! statement too, and leaves an answer that is visibly cut: [`ExportBody`] ends well only behind
//! [`Piece::End`](body::Piece::End).

mod body;
mod csv;
mod format;

pub(crate) use body::{ExportBody, ExportCut};
pub(crate) use csv::Exported;
pub(crate) use format::{ExportFormat, JSON_LINES};

use std::pin::pin;
use std::time::Duration;

use diesel_async::AsyncPgConnection;
use futures_util::TryStreamExt as _;
use futures_util::future::Either;
use storage_query::{CheckedFilter, Direction, Feed, QueryError, Sort, StreamQuery};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use crate::store::edge::ReadError;
use crate::store::pool::{ReadPool, is_lost_connection};
use crate::store::requester::Requester;
use crate::telemetry::{chain, metrics as names, millis};
use body::Piece;
use format::Encoder;

/// Pieces that are ready before the client has taken the one before.
const PIECES_AHEAD: usize = 1;

/// Exports, on connections of their own, as many at a time as there are connections.
#[derive(Clone)]
pub(crate) struct Exports {
    pool: ReadPool,
    times: ExportTimes,
    stopping: CancellationToken,
    tasks: TaskTracker,
    /// Exports outlive the call that begins them, and the HTTP thread that it was on.
    runtime: Handle,
}

/// How long an export may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ExportTimes {
    /// For the whole of one export.
    pub(crate) whole: Duration,
    /// For the client to take one piece.
    pub(crate) stall: Duration,
}

/// The records of an export and their format.
#[derive(Debug, Clone)]
pub(crate) struct ExportQuery<R: Exported> {
    pub(crate) filter: CheckedFilter<R::Filter>,
    pub(crate) sort: Sort<R>,
    pub(crate) format: ExportFormat,
}

/// Why an export ended before its end.
#[derive(Debug, thiserror::Error)]
enum Cut {
    #[error("the records could not be read")]
    Read(#[from] ReadError),
    #[error("the client read nothing for export.stall_timeout")]
    Stalled,
    #[error("the client closed the connection")]
    ClientGone,
    #[error("another caller was waiting, and this caller used more than its share of export.connections")]
    Recalled,
}

impl Exports {
    /// Exports on the connections of `pool`, which must not wait for one to come free. Runs on the runtime this is
    /// called in.
    pub(crate) fn new(pool: ReadPool, times: ExportTimes, tasks: TaskTracker) -> Self {
        Self { pool, times, stopping: CancellationToken::new(), tasks, runtime: Handle::current() }
    }

    /// Begins an export and returns when its first bytes are there.
    ///
    /// # Errors
    /// Whatever went wrong before there was anything to send.
    pub(crate) async fn begin<R: Exported>(
        &self,
        query: ExportQuery<R>,
        deadline: Instant,
    ) -> Result<ExportBody, ReadError> {
        let (sender, receiver) = mpsc::channel(PIECES_AHEAD);
        let export =
            Export { exports: self.clone(), requester: Requester::current(), query, sender, records: 0 };
        self.tasks.spawn_on(export.run().in_current_span(), &self.runtime);
        tokio::time::timeout_at(deadline, ExportBody::begun(receiver))
            .await
            .unwrap_or(Err(ReadError::DeadlinePassed))
    }

    /// Cuts the running exports and begins no more.
    pub(crate) fn stop(&self) {
        self.stopping.cancel();
        self.pool.close();
    }
}

/// One export under way.
struct Export<R: Exported> {
    exports: Exports,
    requester: Requester,
    query: ExportQuery<R>,
    sender: mpsc::Sender<Piece>,
    /// Handed over so far.
    records: u64,
}

impl<R: Exported> Export<R> {
    async fn run(mut self) {
        let started = Instant::now();
        let Exports { stopping, times, .. } = self.exports.clone();
        let sender = self.sender.clone();
        let outcome = tokio::select! {
            biased;
            () = sender.closed() => Err(Cut::ClientGone),
            () = stopping.cancelled() => Err(Cut::Read(ReadError::Stopping)),
            outcome = timeout(times.whole, self.copy()) => outcome.unwrap_or(Err(Cut::Read(ReadError::DeadlinePassed))),
        };
        self.note(outcome.as_ref().err(), started.elapsed());
        let told = match outcome {
            Err(Cut::Read(error)) => error,
            Err(Cut::Recalled) => ReadError::TooManyExports,
            Ok(()) | Err(Cut::Stalled | Cut::ClientGone) => return,
        };
        // There is room if nothing was sent before. Otherwise the missing end shows the fault.
        let _ = self.sender.try_send(Piece::Failed(told));
    }

    /// A connection that was lost while idle is replaced once.
    async fn copy(&mut self) -> Result<(), Cut> {
        match self.attempt().await {
            Err(Cut::Read(ReadError::Query(error))) if self.records == 0 && is_lost_connection(&error) => {
                self.attempt().await
            }
            outcome => outcome,
        }
    }

    async fn attempt(&mut self) -> Result<(), Cut> {
        let pool = self.exports.pool.clone();
        let mut lease = pool.lease(&self.requester).await.map_err(|error| match error {
            ReadError::Busy => ReadError::TooManyExports,
            other => other,
        })?;
        let Some((connection, place)) = lease.parts() else { return Err(ReadError::TooManyExports.into()) };
        tokio::select! {
            biased;
            () = place.recalled() => return Err(Cut::Recalled),
            copied = self.copy_from(connection) => copied?,
        }
        lease.give_back();
        Ok(())
    }

    async fn copy_from(&mut self, connection: &mut AsyncPgConnection) -> Result<(), Cut> {
        let ExportQuery { filter, sort, format } = self.query.clone();
        let mut encoder = Encoder::new::<R>(format);
        let records = if sort == Sort::created_at(Direction::Ascending) {
            Either::Left(Feed::<R>::new(filter).stream(connection))
        } else {
            Either::Right(StreamQuery::<R>::new(filter).sort(sort).run(connection))
        };
        let mut records = pin!(records);
        while let Some(record) = records.try_next().await.map_err(failed)? {
            encoder.push(&record).map_err(ReadError::Encoding)?;
            self.records += 1;
            if encoder.is_full() {
                self.send(Piece::Bytes(encoder.take())).await?;
            }
        }
        self.send(Piece::Bytes(encoder.take())).await?;
        self.send(Piece::End).await
    }

    async fn send(&self, piece: Piece) -> Result<(), Cut> {
        match timeout(self.exports.times.stall, self.sender.send(piece)).await {
            Ok(sent) => sent.map_err(|_gone| Cut::ClientGone),
            Err(_elapsed) => Err(Cut::Stalled),
        }
    }

    fn note(&self, cut: Option<&Cut>, elapsed: Duration) {
        let outcome = cut.map_or("complete", Cut::label);
        let (record_type, format) = (R::TYPE.path(), self.query.format.as_str());
        let labels = [("type", record_type), ("format", format), ("outcome", outcome)];
        metrics::counter!(names::EXPORTS, &labels).increment(1);
        let (records, duration_ms) = (self.records, millis(elapsed));
        match cut {
            Some(cut @ (Cut::Read(_) | Cut::Recalled)) => {
                tracing::warn!(
                    record_type,
                    format,
                    outcome,
                    records,
                    duration_ms,
                    error = chain(cut),
                    "an export was cut"
                );
            }
            _ => tracing::info!(record_type, format, outcome, records, duration_ms, "export"),
        }
    }
}

fn failed(error: QueryError) -> Cut {
    Cut::Read(ReadError::Query(error))
}

impl Cut {
    const fn label(&self) -> &'static str {
        match self {
            Self::Read(ReadError::DeadlinePassed) => "deadline",
            Self::Read(ReadError::Stopping) => "stopping",
            Self::Read(ReadError::TooManyExports) => "refused",
            Self::Read(_) => "failed",
            Self::Stalled => "stalled",
            Self::ClientGone => "client_gone",
            Self::Recalled => "recalled",
        }
    }
}
