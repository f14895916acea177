//! A database, a writer on it, and records to write.

use std::sync::Arc;
use std::time::Duration;

use diesel::sql_types::BigInt;
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use storage_models::fields::Value;
use storage_models::{NewRecord, Record, RecordType, Remediation, Timestamp};
use storage_testkit::{FaultProxy, TestDatabase};
use tokio::time::Instant;

use crate::embedding_set::{EmbeddingSet, activate};
use crate::idempotency::{Keyed, Written};
use crate::{
    ByteBudget, Commits, Connector, DatabaseTls, Reservation, ServingSet, SessionSettings, WriteError,
    Writer, WriterSettings,
};

/// Longer than any test should take; a wait that reaches it fails the test.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

pub(super) struct Bench {
    pub(super) database: TestDatabase,
    pub(super) writer: Writer,
    pub(super) committed: Arc<Commits>,
    budget: ByteBudget,
}

impl Bench {
    pub(super) async fn new() -> Self {
        Self::with(patient()).await
    }

    pub(super) async fn with(settings: WriterSettings) -> Self {
        let database = with_set().await;
        let url = database.server_url().unwrap();
        Self::on(database, &url, settings)
    }

    /// A writer that reaches the database by another URL, such as a proxy's.
    pub(super) fn on(database: TestDatabase, url: &str, settings: WriterSettings) -> Self {
        let committed = Arc::new(Commits::default());
        let writer = Writer::start(connector(url), settings, Arc::clone(&committed));
        Self { database, writer, committed, budget: ByteBudget::new(1 << 30) }
    }

    /// A writer behind a proxy, whose first record is written.
    pub(super) async fn behind_proxy(settings: WriterSettings) -> (Self, FaultProxy) {
        let database = with_set().await;
        let proxy = FaultProxy::for_postgres(&database.server_url().unwrap()).await.unwrap();
        let url = proxy.url(&database.server_url().unwrap());
        let bench = Self::on(database, &url, settings);
        bench.remediation("warm").await;
        (bench, proxy)
    }

    pub(super) async fn connect(&self) -> AsyncPgConnection {
        self.database.connect().await.unwrap()
    }

    pub(super) async fn write(&self, record: NewRecord) -> Result<Record, WriteError> {
        self.write_until(record, Instant::now() + PATIENCE).await
    }

    pub(super) async fn write_until(
        &self,
        record: NewRecord,
        deadline: Instant,
    ) -> Result<Record, WriteError> {
        let written = self.writer.write(record, None, self.size(), deadline).await?;
        let Written::Now(record) = written else { panic!("{written:?} without a key") };
        Ok(record)
    }

    pub(super) async fn write_keyed(
        &self,
        record: NewRecord,
        keyed: Keyed<Record>,
    ) -> Result<Written<Record>, WriteError> {
        self.writer.write(record, Some(keyed), self.size(), self.deadline()).await
    }

    pub(super) fn size(&self) -> Reservation {
        self.budget.reserve(1000).unwrap()
    }

    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + PATIENCE
    }

    pub(super) async fn remediation(&self, name: &str) -> Remediation {
        match self.write(remediation(name)).await.unwrap() {
            Record::Remediation(record) => record,
            other => panic!("{other:?} is no remediation"),
        }
    }

    /// The set that serves.
    pub(super) async fn set(&self) -> ServingSet {
        activate(&mut self.connect().await, &scripted_set()).await.unwrap()
    }

    pub(super) async fn count(&self, what: &'static str) -> i64 {
        count(&mut self.connect().await, what).await
    }
}

/// A database with a set that serves, as each has that a server has started on.
async fn with_set() -> TestDatabase {
    let database = TestDatabase::create().await.unwrap();
    activate(&mut database.connect().await.unwrap(), &scripted_set()).await.unwrap();
    database
}

/// The set of the embedders of these tests.
pub(super) fn scripted_set() -> EmbeddingSet {
    EmbeddingSet { composition: "1".to_owned(), model: "scripted".to_owned(), dimension: 384 }
}

/// Sessions that wait for locks as long as a test may take, so that a busy machine changes no outcome.
pub(super) fn connector(url: &str) -> Connector {
    Connector::new(url.into(), DatabaseTls::off(), session()).unwrap()
}

/// Sessions that end a statement soon, so that an answer that never comes is soon given up.
pub(super) fn impatient_connector(url: &str) -> Connector {
    let session = SessionSettings { statement_timeout: Duration::from_secs(2), ..session() };
    Connector::new(url.into(), DatabaseTls::off(), session).unwrap()
}

/// As [`connector`].
pub(super) fn session() -> SessionSettings {
    SessionSettings {
        connect_timeout: PATIENCE,
        statement_timeout: PATIENCE,
        lock_timeout: PATIENCE,
        idle_in_transaction_timeout: PATIENCE,
        ..SessionSettings::new("storage-dualwrite tests")
    }
}

/// As [`connector`]; with two writers, so that they can get into each other's way.
pub(super) fn patient() -> WriterSettings {
    WriterSettings { writers: 2, step_timeout: PATIENCE, ..WriterSettings::default() }
}

/// How PostgreSQL is lost at a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    /// The connection is cut before it has the statement.
    CutBefore,
    /// It carries the statement out, and the connection is cut before the answer.
    CutAfter,
    /// It carries the statement out, and the answer never comes.
    Silence,
}

impl Loss {
    pub(super) const ALL: [Self; 3] = [Self::CutBefore, Self::CutAfter, Self::Silence];

    /// How long a step may take while it happens: a test does not wait long for what never comes, and what does come has time.
    pub(super) const fn step_timeout(self) -> Duration {
        match self {
            Self::CutBefore | Self::CutAfter => PATIENCE,
            Self::Silence => Duration::from_millis(1_500),
        }
    }

    /// Has it happen at the next statement with this text.
    pub(super) fn arm(self, proxy: &FaultProxy, statement: &str) {
        match self {
            Self::CutBefore => proxy.cut_after_request(statement),
            Self::CutAfter => proxy.cut_before_answer(statement),
            Self::Silence => proxy.hang_before_answer(statement),
        }
    }
}

/// The single number, called `n`, that a query returns.
pub(super) async fn count(connection: &mut AsyncPgConnection, query: &'static str) -> i64 {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        n: i64,
    }
    sql_query(query).get_result::<Row>(connection).await.unwrap().n
}

/// Waits until the query's number is this one.
pub(super) async fn until(bench: &Bench, query: &'static str, wanted: i64) {
    let mut connection = bench.connect().await;
    let mut poll = tokio::time::interval(Duration::from_millis(10));
    let reached = async {
        while count(&mut connection, query).await != wanted {
            poll.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, reached).await.unwrap_or_else(|_| panic!("never {wanted}: {query}"));
}

pub(super) fn remediation(name: &str) -> NewRecord {
    let made = NewRecord::of_values(RecordType::Remediation, |field| match field {
        "name" => Value::Text(name.into()),
        "namespace" => Value::Text("default".into()),
        "phase" => Value::Text("processing".into()),
        "action_type" => Value::Text("restart-pod".into()),
        "status" => Value::Text("running".into()),
        "start_time" => Value::Time(Timestamp::now()),
        "recorded_by" => Value::Text("operator".into()),
        _ => Value::Null,
    });
    made.unwrap()
}
