//! The same write as a plain service has it: actix and diesel, a transaction for each request, nothing shared between
//! requests but the connection pool. It neither validates nor cleans what it stores.
//!
//! It is a process of its own, so that it has the machine as the service has it.

use std::process::Stdio;
use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, web};
use anyhow::{Context as _, Result};
use diesel::result::Error;
use diesel::{ExpressionMethods as _, Insertable};
use diesel_async::AsyncPgConnection;
use diesel_async::pooled_connection::AsyncDieselConnectionManager;
use diesel_async::pooled_connection::deadpool::Pool;
use serde::{Deserialize, Serialize};
use storage_dualwrite::{EmbeddingSet, ServingSet, embedding_set};
use storage_models::Timestamp;
use storage_models::schema::{remediation_audit, vector_outbox};
use storage_postgres::Transaction;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::progress::answer;

const STORE: Transaction = Transaction::new("store a record", Duration::from_secs(15));

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The database, with the service's schema.
    #[arg(long)]
    database_url: String,
    /// The most connections to it.
    #[arg(long)]
    connections: usize,
}

/// The fields of the bodies that are sent.
#[derive(Debug, Deserialize, Serialize, Insertable)]
#[diesel(table_name = remediation_audit)]
struct Record {
    name: String,
    namespace: String,
    phase: String,
    action_type: String,
    status: String,
    alert_name: Option<String>,
    severity: Option<String>,
    error_message: Option<String>,
    remediation_request_id: Option<String>,
    metadata: Option<serde_json::Value>,
}

/// The answer.
#[derive(Debug, Serialize)]
struct Stored {
    id: i64,
    #[serde(flatten)]
    record: Record,
}

struct State {
    pool: Pool<AsyncPgConnection>,
    set: ServingSet,
}

/// Serves until it is killed; the first line of its output is where it listens.
pub(crate) async fn serve(arguments: &Arguments) -> Result<()> {
    let manager = AsyncDieselConnectionManager::new(&arguments.database_url);
    let pool = Pool::builder(manager).max_size(arguments.connections).build()?;
    let wanted = EmbeddingSet { composition: "1".to_owned(), model: "plain".to_owned(), dimension: 384 };
    let set = embedding_set::activate(&mut *pool.get().await?, &wanted).await?;
    let state = web::Data::new(State { pool, set });
    let server = HttpServer::new(move || {
        App::new().app_data(state.clone()).route("/api/v1/audit/remediation", web::post().to(store))
    });
    let server = server.disable_signals().bind(("127.0.0.1", 0))?;
    answer(&server.addrs().first().context("it does not listen")?.to_string());
    Ok(server.run().await?)
}

async fn store(state: web::Data<State>, record: web::Json<Record>) -> actix_web::Result<HttpResponse> {
    let record = record.into_inner();
    let mut connection = state.pool.get().await.map_err(actix_web::error::ErrorServiceUnavailable)?;
    let id = STORE
        .run(&mut connection, async |connection: &mut AsyncPgConnection| {
            insert(connection, &record, state.set).await
        })
        .await
        .map_err(actix_web::error::ErrorInternalServerError)?;
    Ok(HttpResponse::Created().json(Stored { id, record }))
}

/// Stores a record and the note that its vector is to be made, as the service does.
async fn insert(connection: &mut AsyncPgConnection, record: &Record, set: ServingSet) -> Result<i64, Error> {
    // Not above, where it would give its `first` to vectors.
    use diesel_async::RunQueryDsl as _;
    use remediation_audit::{id, start_time, updated_at};
    let (record_id, started, version): (i64, Timestamp, Timestamp) =
        diesel::insert_into(remediation_audit::table)
            .values(record)
            .returning((id, start_time, updated_at))
            .get_result(connection)
            .await?;
    diesel::insert_into(vector_outbox::table)
        .values((
            vector_outbox::set_id.eq(set.id),
            vector_outbox::record_id.eq(record_id),
            vector_outbox::start_time.eq(started),
            vector_outbox::version.eq(version),
        ))
        .execute(connection)
        .await?;
    Ok(record_id)
}

/// It as a child process, which is killed with this value.
pub(super) struct PlainService {
    /// Where it listens, as HTTP/1.1 names it.
    pub(super) host: String,
    _child: Child,
}

impl PlainService {
    pub(super) async fn start(database_url: &str, connections: usize) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["plain-service", "--database-url", database_url])
            .args(["--connections", &connections.to_string()])
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().context("cannot start the plain service")?;
        let output = child.stdout.take().context("the plain service has no output")?;
        let host = BufReader::new(output).lines().next_line().await?;
        Ok(Self { host: host.context("the plain service has ended at once")?, _child: child })
    }
}
