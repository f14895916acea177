//! The metrics: one table of names, labels and meanings, from which they are described, given buckets and documented.

#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

/// Counts requests.
pub(crate) const HTTP_REQUESTS: &str = "datastorage_http_requests_total";
/// Counts decisions about callers.
pub(crate) const AUTH: &str = "datastorage_auth_total";
/// Seconds a request took.
pub(crate) const HTTP_DURATION: &str = "datastorage_http_request_duration_seconds";
/// Seconds a read took.
pub(crate) const QUERY_DURATION: &str = "datastorage_query_duration_seconds";
/// Counts exports.
pub(crate) const EXPORTS: &str = "datastorage_exports_total";
/// Counts broken rules.
pub(crate) const VALIDATION_FAILURES: &str = "datastorage_validation_failures_total";
/// Counts altered fields.
pub(crate) const SANITIZED_FIELDS: &str = "datastorage_sanitized_fields_total";
/// Counts fields that lenient handling has changed.
pub(crate) const ADJUSTED_FIELDS: &str = "datastorage_adjusted_fields_total";
/// Connections held.
pub(crate) const DB_CONNECTIONS: &str = "datastorage_db_connections";
/// Rows of the outbox.
pub(crate) const OUTBOX_DEPTH: &str = "datastorage_outbox_depth";
/// Age of the oldest row of the outbox.
pub(crate) const OUTBOX_OLDEST: &str = "datastorage_outbox_oldest_seconds";
/// Which build this is.
pub(crate) const BUILD_INFO: &str = "datastorage_build_info";
/// Counts searches that had to be repeated without the vector index.
pub(crate) const SEARCH_EXACT: &str = "datastorage_search_exact_total";
/// Whether searches do without the embedder or the outside index.
pub(crate) const FALLBACK_MODE: &str = "datastorage_fallback_mode";

/// Differences between the stores.
pub(crate) const VECTOR_DRIFT: &str = "datastorage_vector_drift_records";
/// When the stores were last compared.
pub(crate) const RECONCILE_LAST: &str = "datastorage_reconcile_last_success_timestamp_seconds";
/// Whether the last repair stopped.
pub(crate) const RECONCILE_STOPPED: &str = "datastorage_reconcile_stopped";

/// Tables that lack the next month.
pub(crate) const PARTITION_MISSING: &str = "datastorage_partition_missing";
/// Room that the tables take, by month.
pub(crate) const TABLE_BYTES: &str = "datastorage_table_bytes";
/// Room that the database takes.
pub(crate) const DATABASE_BYTES: &str = "datastorage_database_bytes";
/// When the certificate that clients are shown ends.
pub(crate) const CERTIFICATE_ENDS: &str = "datastorage_tls_certificate_expiry_timestamp_seconds";

/// The kind of a metric, which decides how it is stored.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Counter,
    Gauge,
    Histogram(&'static [f64]),
}

/// One metric.
#[derive(Debug)]
struct Metric {
    name: &'static str,
    kind: Kind,
    labels: &'static [&'static str],
    help: &'static str,
}

/// From a cached read to the longest request.
const SECONDS: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0];
/// From one text to a full batch.
const EMBEDDING_SECONDS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];
/// From at once to a long outage.
const LAG_SECONDS: &[f64] = &[0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 1_800.0, 7_200.0];
/// Records of a transaction.
const BATCH_RECORDS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

const fn metric(
    name: &'static str,
    kind: Kind,
    labels: &'static [&'static str],
    help: &'static str,
) -> Metric {
    Metric { name, kind, labels, help }
}

/// Every metric of the service. The metrics of the process come from `metrics-process`.
static METRICS: &[Metric] = &[
    metric(
        HTTP_REQUESTS,
        Kind::Counter,
        &["method", "path", "status"],
        "Requests answered; path is the route's template, status is 499 if the client closed the connection first.",
    ),
    metric(
        HTTP_DURATION,
        Kind::Histogram(SECONDS),
        &["method", "path"],
        "Seconds from a request's head to its answer.",
    ),
    metric(
        AUTH,
        Kind::Counter,
        &["result"],
        "Requests whose token was checked, none with auth.mode none; result is accepted, forbidden (the caller lacks \
         the permission), missing (no token), malformed, rejected (an unknown token), unavailable (the check failed), \
         or limited (too many requests).",
    ),
    metric(
        "datastorage_write_total",
        Kind::Counter,
        &["table", "status"],
        "Records handed to the writer; status is success or failure.",
    ),
    metric(
        "datastorage_write_duration_seconds",
        Kind::Histogram(SECONDS),
        &["table"],
        "Seconds from a record's hand-over to the writer to its outcome.",
    ),
    metric(
        "datastorage_write_batch_size",
        Kind::Histogram(BATCH_RECORDS),
        &[],
        "Records in one transaction.",
    ),
    metric("datastorage_write_queue_depth", Kind::Gauge, &[], "Records that are waiting for a transaction."),
    metric(
        storage_postgres::TRANSACTIONS,
        Kind::Counter,
        &["name", "outcome"],
        "Tries of transactions. outcome is committed, conflict (another transaction was in the way; it is tried again a few \
         times), failed (nothing is stored) or open (the answer to COMMIT was not a success).",
    ),
    metric(
        QUERY_DURATION,
        Kind::Histogram(SECONDS),
        &["operation"],
        "Seconds of a read, including the wait for a connection.",
    ),
    metric(
        EXPORTS,
        Kind::Counter,
        &["type", "format", "outcome"],
        "Exports ended; outcome is complete, refused, failed, deadline, stalled, stopping, client_gone or recalled.",
    ),
    metric(
        VALIDATION_FAILURES,
        Kind::Counter,
        &["field", "reason"],
        "Validation errors of refused records; field is unknown for names that no record type has.",
    ),
    metric(
        SANITIZED_FIELDS,
        Kind::Counter,
        &["field"],
        "Fields that were cleaned or escaped before they were stored.",
    ),
    metric(ADJUSTED_FIELDS, Kind::Counter, &["field"], "Fields that lenient handling has changed."),
    metric(
        DB_CONNECTIONS,
        Kind::Gauge,
        &["pool", "state"],
        "Connections of a pool; state is in_use until the statement on the connection has ended, or idle. Each task \
         of the writer and of the projector has a connection that is not counted here.",
    ),
    metric(
        VECTOR_DRIFT,
        Kind::Gauge,
        &["kind"],
        "Differences between the records and the stores derived from them, from this replica's last reconciliation, \
         which repairs them; kind is missing, phantom or stale.",
    ),
    metric(
        RECONCILE_LAST,
        Kind::Gauge,
        &[],
        "The time when this replica last finished a reconciliation, in seconds since 1970.",
    ),
    metric(
        RECONCILE_STOPPED,
        Kind::Gauge,
        &[],
        "1 if this replica's last repair stopped because it would have deleted too many points, else 0. Alert on it.",
    ),
    metric(
        OUTBOX_DEPTH,
        Kind::Gauge,
        &["state"],
        "Records whose version is not in every configured store; state is waiting or parked.",
    ),
    metric(
        OUTBOX_OLDEST,
        Kind::Gauge,
        &[],
        "Age in seconds of the oldest change that is waiting for the vector index; 0 if none is waiting. Parked \
         records do not count.",
    ),
    metric(
        "datastorage_projection_refused_total",
        Kind::Counter,
        &[],
        "Attempts to project a record that PostgreSQL refused. The log names the record; after the last attempt it is \
         parked.",
    ),
    metric(
        "datastorage_index_unusable_answers_total",
        Kind::Counter,
        &[],
        "Unusable answers of Qdrant to searches; pgvector answered instead.",
    ),
    metric(
        "datastorage_task_panics_total",
        Kind::Counter,
        &["task"],
        "Panics of the service's own tasks, which are started again. Each is a defect.",
    ),
    metric(
        "datastorage_projection_lag_seconds",
        Kind::Histogram(LAG_SECONDS),
        &[],
        "Seconds from a record's commit until every configured store holds it.",
    ),
    metric(
        "datastorage_dualwrite_success_total",
        Kind::Counter,
        &[],
        "Records whose vector reached both PostgreSQL and Qdrant; 0 without Qdrant.",
    ),
    metric(
        "datastorage_dualwrite_failure_total",
        Kind::Counter,
        &["reason"],
        "Attempts to bring a record to Qdrant that failed; reason is index_away, index_timed_out, index_refused, \
         index_mismatch, embedder_away or record (its text could not be embedded). The service repeats all but \
         index_refused and record without limit.",
    ),
    metric("datastorage_cache_hits_total", Kind::Counter, &[], "Texts whose vector came from the cache."),
    metric("datastorage_cache_misses_total", Kind::Counter, &[], "Texts that were sent to the embedder."),
    metric(
        storage_embedding::CACHE_LOOKUPS,
        Kind::Counter,
        &["tier", "result"],
        "Look-ups of texts in a tier of the cache; tier is memory or redis, result is hit or miss.",
    ),
    metric(
        storage_embedding::BREAKER_STATE,
        Kind::Gauge,
        &["dependency"],
        "State of a circuit breaker: 0 closed (calls pass), 1 half open (one call tries again), 2 open (calls are \
         paused after failures).",
    ),
    metric(
        "datastorage_embedding_generation_duration_seconds",
        Kind::Histogram(EMBEDDING_SECONDS),
        &[],
        "Seconds of a call of the embedder with up to 32 texts.",
    ),
    metric(
        FALLBACK_MODE,
        Kind::Gauge,
        &[],
        "1 while the embedder or a configured Qdrant is unavailable, so that words alone or pgvector answer searches, \
         else 0.",
    ),
    metric(
        SEARCH_EXACT,
        Kind::Counter,
        &[],
        "Searches by meaning for which pgvector's index gave too few hits, so that every matching record was compared.",
    ),
    metric(
        PARTITION_MISSING,
        Kind::Gauge,
        &["table"],
        "1 if the table, or a table whose rows follow its records, has no partition for the month after the present one, \
         else 0. Measured every five minutes, as are the sizes below.",
    ),
    metric(
        TABLE_BYTES,
        Kind::Gauge,
        &["table", "month"],
        "Bytes of a table on PostgreSQL's disk with its indexes; month is YYYY-MM, or all for a table that is not \
         partitioned by month.",
    ),
    metric(
        DATABASE_BYTES,
        Kind::Gauge,
        &[],
        "Bytes of the database on PostgreSQL's disk, without WAL. How much room the disk has left cannot be asked for in \
         SQL: node_exporter or the kubelet says it.",
    ),
    metric(
        CERTIFICATE_ENDS,
        Kind::Gauge,
        &[],
        "The time when the certificate that clients are shown ends, or one between it and its root if that ends earlier, \
         in seconds since 1970. Absent without tls.certificate_file.",
    ),
    metric(BUILD_INFO, Kind::Gauge, &["version"], "Always 1; the label names the build."),
];

/// Makes the recorder of this process.
///
/// # Errors
/// When there is one already.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    let handle = builder()?.install_recorder()?;
    describe();
    Ok(handle)
}

/// A recorder that nothing records into, for servers that run inside a test.
///
/// # Errors
/// When a histogram has no buckets.
pub fn detached() -> Result<PrometheusHandle, BuildError> {
    Ok(builder()?.build_recorder().handle())
}

fn builder() -> Result<PrometheusBuilder, BuildError> {
    METRICS.iter().try_fold(PrometheusBuilder::new(), |builder, metric| match metric.kind {
        Kind::Histogram(buckets) => {
            builder.set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), buckets)
        }
        Kind::Counter | Kind::Gauge => Ok(builder),
    })
}

fn describe() {
    for Metric { name, kind, help, .. } in METRICS {
        match kind {
            Kind::Counter => metrics::describe_counter!(*name, *help),
            Kind::Gauge => metrics::describe_gauge!(*name, *help),
            Kind::Histogram(_) => metrics::describe_histogram!(*name, *help),
        }
    }
    metrics_process::Collector::default().describe();
    metrics::gauge!(BUILD_INFO, "version" => crate::VERSION).set(1.0);
    metrics::gauge!(FALLBACK_MODE).set(0.0);
    metrics::gauge!("datastorage_write_queue_depth").set(0.0);
}

/// Everything measured so far, as Prometheus reads it.
pub(crate) fn render(handle: &PrometheusHandle) -> String {
    metrics_process::Collector::default().collect();
    handle.render()
}

/// Every metric, in Markdown.
#[must_use]
pub fn reference() -> String {
    let mut page = String::from(
        "# Metrics\n\nServed by the admin port at `/metrics` in the text format of Prometheus. Durations are in \
         seconds. The\nusual `process_*` metrics are served as well.\n\nThis page is generated from the code; a test \
         fails when it is stale.\n\n| metric | type | labels | meaning |\n|---|---|---|---|\n",
    );
    for Metric { name, kind, labels, help } in METRICS {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram(_) => "histogram",
        };
        let labels = labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ");
        let _ = writeln!(page, "| `{name}` | {kind} | {labels} | {help} |");
    }
    page
}
