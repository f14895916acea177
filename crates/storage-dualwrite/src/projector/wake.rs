//! Waking: after a commit, here or in another replica, the workers look at once. Polling is the guarantee; a wake that
//! is lost costs one poll, never a record.
//!
//! Inside a write's transaction, NOTIFY would have all commits wait for one another. So it is sent after them, from a
//! connection of its own, at most every 20 ms for any number of commits.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use diesel::sql_types::{Bool, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _, SimpleAsyncConnection as _};
use futures_util::StreamExt as _;
use tokio::sync::{Notify, watch};
use uuid::Uuid;

use crate::connector::{ensure_writable, takes_writes};
use crate::{Commits, ConnectError, Connector};
use storage_postgres::statement;

/// How often a connection that only listens is asked whether its server still takes writes.
const LISTEN_CHECK: Duration = Duration::from_secs(5);

/// The shortest time between two notifications.
const ANNOUNCE_PAUSE: Duration = Duration::from_millis(20);

statement! {
    /// Tells the other replicas; the payload says who tells. A server that takes no writes has no listener.
    Announce("projection/announce.sql") -> (Text, Bool) {
        sender: String => Text,
    }
}

#[derive(Debug, thiserror::Error)]
enum WakeError {
    #[error("no connection to PostgreSQL")]
    Connect(#[from] ConnectError),
    #[error("PostgreSQL refused to listen or to notify")]
    Database(#[from] diesel::result::Error),
    #[error("PostgreSQL closed the connection")]
    Closed,
}

/// When a worker works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// After each commit, and part of the time while writes wait for PostgreSQL.
    Leading,
    /// When another worker finds more than it may claim, and never while writes wait: a second claim for each commit
    /// would cost and bring nothing.
    Helping,
}

/// The state that the tasks of one projector share.
pub(super) struct Wake {
    connector: Connector,
    /// Between two tries to reach PostgreSQL.
    pause: Duration,
    /// The name of this projector, which ignores its own notifications.
    sender: String,
    announce: Notify,
    work: watch::Sender<()>,
    backlog: watch::Sender<()>,
}

impl Wake {
    pub(super) fn new(connector: Connector, pause: Duration) -> Arc<Self> {
        let sender = Uuid::new_v4().to_string();
        let (work, backlog) = (watch::Sender::new(()), watch::Sender::new(()));
        Arc::new(Self { connector, pause, sender, announce: Notify::new(), work, backlog })
    }

    /// Changes with each wake of such workers.
    pub(super) fn subscribe(&self, role: Role) -> watch::Receiver<()> {
        match role {
            Role::Leading => self.work.subscribe(),
            Role::Helping => self.backlog.subscribe(),
        }
    }

    /// Wakes the helping workers: one worker has claimed as many rows as it may, so there may be more.
    pub(super) fn call_for_help(&self) {
        self.backlog.send_replace(());
    }

    /// Passes on what this process commits: to the leading worker at once, to the other replicas with the next notification.
    pub(super) async fn relay(&self, committed: &Commits) {
        loop {
            committed.notified().await;
            self.work.send_replace(());
            self.announce.notify_one();
        }
    }

    /// Tells the other replicas, with the next notification, of rows that this one cannot work on.
    pub(super) fn tell_others(&self) {
        self.announce.notify_one();
    }

    /// Tells the other replicas of commits.
    pub(super) async fn announce(&self) {
        let mut connection = None;
        loop {
            self.announce.notified().await;
            match self.send(connection.take()).await {
                Ok(open) => {
                    connection = Some(open);
                    tokio::time::sleep(ANNOUNCE_PAUSE).await;
                }
                Err(error) => {
                    tracing::debug!(
                        %error,
                        "a commit could not be announced to other replicas; they find it when they poll"
                    );
                    tokio::time::sleep(self.pause).await;
                }
            }
        }
    }

    async fn send(&self, connection: Option<AsyncPgConnection>) -> Result<AsyncPgConnection, WakeError> {
        let mut connection = match connection {
            Some(connection) => connection,
            None => self.connector.connect().await?,
        };
        let announce = Announce { sender: self.sender.clone() };
        let (_void, read_only): (String, bool) =
            self.connector.answered(announce.get_result(&mut connection)).await?;
        ensure_writable(read_only)?;
        Ok(connection)
    }

    /// Hears what other replicas commit.
    pub(super) async fn listen(&self) {
        loop {
            if let Err(error) = self.hear().await {
                tracing::debug!(
                    %error,
                    "announcements of other replicas cannot be received; this replica polls instead"
                );
            }
            tokio::time::sleep(self.pause).await;
        }
    }

    /// Ends with the connection (an error, or the end of the stream), or when the server takes no writes any more,
    /// because commits then happen on another server.
    async fn hear(&self) -> Result<(), WakeError> {
        let mut connection = self.connector.connect().await?;
        self.connector.answered(connection.batch_execute("LISTEN datastorage_outbox")).await?;
        // A notification may have been missed while this projector was not listening.
        self.work.send_replace(());
        loop {
            let hearing = self.pass_on(&mut connection);
            match tokio::time::timeout(LISTEN_CHECK, hearing).await {
                Ok(ended) => return ended,
                Err(_elapsed) => {
                    ensure_writable(!self.connector.answered(takes_writes(&mut connection)).await?)?;
                }
            }
        }
    }

    async fn pass_on(&self, connection: &mut AsyncPgConnection) -> Result<(), WakeError> {
        let mut notifications = pin!(connection.notifications_stream());
        while let Some(notification) = notifications.next().await {
            if notification?.payload != self.sender {
                self.work.send_replace(());
            }
        }
        Err(WakeError::Closed)
    }
}
