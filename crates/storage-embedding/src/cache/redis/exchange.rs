//! One bounded exchange with Redis, behind a breaker.

use super::{RedisSettings, RedisSettingsError};
use crate::guard::{Guard, News};
use deadpool_redis::redis::{AsyncConnectionConfig, FromRedisValue, Pipeline, RedisError};
use deadpool_redis::{Manager, Pool, PoolError, Runtime};
use std::time::Duration;
use storage_breaker::BreakerSettings;
use tokio::time::timeout;

/// The name of Redis in the metric and the log.
const DEPENDENCY: &str = "redis";

/// It is tried again within five seconds of its return: a failed try costs one exchange a little time.
const BREAKER: BreakerSettings = BreakerSettings {
    failures: 3,
    first_pause: Duration::from_millis(500),
    longest_pause: Duration::from_secs(5),
};

pub(super) struct Exchange {
    pool: Pool,
    guard: Guard,
    /// How long a whole exchange may take, connecting included.
    bound: Duration,
}

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExchangeError {
    #[error("no connection was available")]
    Connection(#[source] PoolError),
    #[error("the command failed")]
    Command(#[source] RedisError),
    #[error("Redis did not answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
}

/// An error and what is beneath it, in one line.
struct Chain<'a>(&'a (dyn std::error::Error + 'static));

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.0)?;
        std::iter::successors(self.0.source(), |error| error.source())
            .try_for_each(|error| write!(formatter, ": {error}"))
    }
}

impl Exchange {
    pub(super) fn new(settings: &RedisSettings) -> Result<Self, RedisSettingsError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(settings.connect_timeout))
            .set_response_timeout(Some(settings.timeout));
        let manager =
            Manager::new_with_config(settings.connection_info()?, config).map_err(RedisSettingsError::Url)?;
        let pool = Pool::builder(manager)
            .max_size(settings.connections)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(settings.timeout))
            .create_timeout(Some(settings.connect_timeout))
            .recycle_timeout(Some(settings.timeout))
            .build()
            .map_err(|error| RedisSettingsError::Pool(error.to_string()))?;
        let guard = Guard::new(DEPENDENCY, BREAKER);
        Ok(Self { pool, guard, bound: settings.connect_timeout + settings.timeout })
    }

    pub(super) fn is_up(&self) -> bool {
        self.guard.is_up()
    }

    /// The answer to `commands`; `None` when Redis gave none, or was not asked because it is unavailable.
    pub(super) async fn run<T: FromRedisValue>(&self, commands: &Pipeline) -> Option<T> {
        let (outcome, news) = self.guard.call(self.bounded(commands), |_| None).await.ok()?;
        match (&outcome, news) {
            (Ok(_), Some(News::Back)) => {
                tracing::info!("Redis answers again; replicas share vectors");
            }
            (Err(error), Some(News::Away)) => tracing::warn!(
                error = %Chain(error),
                "Redis does not answer; until it does, this process keeps vectors in its own memory alone"
            ),
            _ => {}
        }
        outcome.ok()
    }

    async fn bounded<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, ExchangeError> {
        let answer = timeout(self.bound, Box::pin(self.ask(commands))).await;
        answer.unwrap_or(Err(ExchangeError::TimedOut(self.bound)))
    }

    async fn ask<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, ExchangeError> {
        let mut connection = self.pool.get().await.map_err(ExchangeError::Connection)?;
        commands.query_async(&mut connection).await.map_err(ExchangeError::Command)
    }
}
