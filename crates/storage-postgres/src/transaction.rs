//! The one way to run a transaction.

use std::error::Error as StdError;
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use diesel::QueryResult;
use diesel::result::Error;
use diesel_async::{AnsiTransactionManager, AsyncPgConnection, TransactionManager as _};
use storage_models::DatabaseFault;
use tokio::time::Instant;

use crate::silence::{answered, silent};

/// The tries of transactions, by the transaction's name and what came of the try: `committed`; `conflict`, when it lost
/// against another transaction (SQLSTATE 40001 or 40P01) and may be tried again; `failed`, when nothing was stored for
/// another reason; `open`, when COMMIT was sent and its answer was not a success.
pub const TRANSACTIONS: &str = "datastorage_transactions_total";

/// How often a transaction is tried again that lost against another one.
const RETRIES: usize = 5;

/// The pause before the second try, which doubles with each and is longer at random, so that two that met do not meet
/// again.
const FIRST_PAUSE: Duration = Duration::from_millis(5);

/// A transaction's name and limit.
#[derive(Debug, Clone, Copy)]
pub struct Transaction {
    name: &'static str,
    limit: Duration,
}

/// What a transaction is to do: an `AsyncFn(C) -> O` whose future can be required to be `Send`, which no bound on `AsyncFn`
/// itself can. Every async closure is one.
pub trait Work<C, O>: AsyncFn(C) -> O + Fn(C) -> <Self as Work<C, O>>::Fut {
    /// The closure's future.
    type Fut: Future<Output = O>;
}

impl<F, C, O, Fut> Work<C, O> for F
where
    F: AsyncFn(C) -> O + Fn(C) -> Fut,
    Fut: Future<Output = O>,
{
    type Fut = Fut;
}

/// Why one try was not committed.
#[derive(Debug)]
pub enum Failed<R, E> {
    /// It was rolled back: nothing is stored, and the connection may be used again.
    RolledBack(E),
    /// The connection is of no further use. COMMIT had not been sent, so nothing is stored.
    Lost(E),
    /// COMMIT was sent and its answer is not a success; had it been, the outcome would be the first of these.
    AtCommit(R, Error),
}

impl Transaction {
    /// `name` stands in the metrics and the log: a verb and its object. `limit` bounds each wait for PostgreSQL: for all
    /// statements of a try together, for its COMMIT, and for its ROLLBACK. It also bounds the time in which tries may begin.
    #[must_use]
    pub const fn new(name: &'static str, limit: Duration) -> Self {
        Self { name, limit }
    }

    /// Runs `work` between BEGIN and COMMIT, and again when it lost against another transaction, so it must do nothing that
    /// cannot be done twice. Not inside an open transaction: a savepoint cannot be retried by itself.
    ///
    /// # Errors
    /// Those of `work`, after ROLLBACK; those of BEGIN and COMMIT. A conflict only after the last try.
    #[expect(
        clippy::manual_async_fn,
        reason = "the future is `Send` by its type; of an `async fn` rustc cannot prove it"
    )]
    pub fn run<'a, 'c, R, E, F>(
        self,
        connection: &'c mut AsyncPgConnection,
        work: F,
    ) -> impl Future<Output = Result<R, E>> + Send + 'c
    where
        for<'r> F: AsyncFn(&'r mut AsyncPgConnection) -> Result<R, E>
            + Work<&'r mut AsyncPgConnection, Result<R, E>, Fut: Send>
            + Send
            + Sync
            + 'a,
        R: Send + 'a,
        E: StdError + From<Error> + Send + 'static,
        'a: 'c,
    {
        async move {
            let started = Instant::now();
            let mut pauses = ExponentialBuilder::default()
                .with_min_delay(FIRST_PAUSE)
                .with_max_times(RETRIES)
                .with_jitter()
                .build();
            loop {
                let error = match self.attempt(connection, &work).await {
                    Ok(output) => return Ok(output),
                    Err(Failed::RolledBack(error) | Failed::Lost(error)) => error,
                    Err(Failed::AtCommit(_, error)) => error.into(),
                };
                let pause = pauses.next().filter(|pause| started.elapsed() + *pause < self.limit);
                match pause {
                    Some(pause) if fault(&error).is_conflict() => tokio::time::sleep(pause).await,
                    _ => return Err(error),
                }
            }
        }
    }

    /// One try, for a caller that finds out what became of a COMMIT whose answer was lost and retries by rules of its own.
    ///
    /// # Errors
    /// See [`Failed`].
    #[expect(
        clippy::manual_async_fn,
        reason = "the future is `Send` by its type; of an `async fn` rustc cannot prove it"
    )]
    pub fn attempt<'a, 'c, R, E, F>(
        self,
        connection: &'c mut AsyncPgConnection,
        work: &'c F,
    ) -> impl Future<Output = Result<R, Failed<R, E>>> + Send + 'c
    where
        for<'r> F: AsyncFn(&'r mut AsyncPgConnection) -> Result<R, E>
            + Work<&'r mut AsyncPgConnection, Result<R, E>, Fut: Send>
            + Sync
            + 'a,
        R: Send + 'a,
        E: StdError + From<Error> + Send + 'static,
        'a: 'c,
    {
        async move {
            let working = async {
                begin(connection).await?;
                work(&mut *connection).await
            };
            let outcome = match tokio::time::timeout(self.limit, working).await {
                Ok(Ok(output)) => match answered(self.limit, commit(connection)).await {
                    Ok(()) => Ok(output),
                    Err(error) => Err(Failed::AtCommit(output, error)),
                },
                Ok(Err(error)) => {
                    let is_lost = fault(&error).ends_connection()
                        || answered(self.limit, roll_back(connection)).await.is_err();
                    Err(if is_lost { Failed::Lost(error) } else { Failed::RolledBack(error) })
                }
                Err(_elapsed) => Err(Failed::Lost(silent(self.limit).into())),
            };
            self.count(&outcome);
            outcome
        }
    }

    fn count<R, E: StdError + 'static>(self, outcome: &Result<R, Failed<R, E>>) {
        let outcome = match outcome {
            Ok(_) => "committed",
            Err(Failed::RolledBack(error) | Failed::Lost(error)) if fault(error).is_conflict() => "conflict",
            Err(Failed::AtCommit(_, error)) if fault(error).is_conflict() => "conflict",
            Err(Failed::AtCommit(..)) => "open",
            Err(_) => "failed",
        };
        metrics::counter!(TRANSACTIONS, "name" => self.name, "outcome" => outcome).increment(1);
    }
}

/// Runs `work` in a savepoint of the open transaction: what it did is undone when it fails, and the transaction goes on.
///
/// # Errors
/// Those of `work`, and of the savepoint.
pub async fn savepoint<R, E: From<Error>>(
    connection: &mut AsyncPgConnection,
    work: impl AsyncFnOnce(&mut AsyncPgConnection) -> Result<R, E>,
) -> Result<R, E> {
    begin(connection).await?;
    match work(connection).await {
        Ok(output) => {
            commit(connection).await?;
            Ok(output)
        }
        Err(error) => match roll_back(connection).await {
            // The connection broke before: the error of `work` says why.
            Ok(()) | Err(Error::BrokenTransactionManager) => Err(error),
            Err(error) => Err(error.into()),
        },
    }
}

/// What the database's error behind `error` means.
fn fault(error: &(dyn StdError + 'static)) -> DatabaseFault {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<Error>() {
            return DatabaseFault::of(error);
        }
        cause = error.source();
    }
    DatabaseFault::Other
}

#[expect(clippy::disallowed_methods, reason = "the wrapper itself")]
async fn begin(connection: &mut AsyncPgConnection) -> QueryResult<()> {
    AnsiTransactionManager::begin_transaction(connection).await
}

async fn commit(connection: &mut AsyncPgConnection) -> QueryResult<()> {
    AnsiTransactionManager::commit_transaction(connection).await
}

async fn roll_back(connection: &mut AsyncPgConnection) -> QueryResult<()> {
    AnsiTransactionManager::rollback_transaction(connection).await
}
