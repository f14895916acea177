//! Remediations of alerts that come back, with their vectors.

use anyhow::Result;
use diesel::sql_types::Bool;
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncConnection as _, AsyncPgConnection, RunQueryDsl as _, SimpleAsyncConnection as _};
use storage_dualwrite::counters::{FOLD_LIMIT, fold};

/// Records of one statement.
const CHUNK: usize = 100_000;
/// Of every hundred records, one is of this alert, which has four fingerprints.
pub(super) const BUSY: &str = "alert-busy";
/// Of 370 records, one is of this alert, which has twenty fingerprints.
pub(super) const KNOWN: &str = "alert-known";
/// Of 370 records, one is of this alert, which has no fingerprint: only its texts tell that it came back.
pub(super) const BARE: &str = "alert-bare";
/// Of five records, one is of this alert, which never rests. It has ten texts, each with a fingerprint.
pub(super) const NOISY: &str = "alert-noisy";
/// One of several hundred others, with twenty fingerprints each, and three texts as all but the noisy one.
pub(super) const PLAIN: &str = "alert-77";

/// The end of the first of the four fingerprints, or of the twenty.
pub(super) const FIRST: &str = ".0";

/// Hashes draw the values. An alert has a severity, three actions and five of fifty namespaces; one record of ten has no
/// fingerprint; three records are of one request, in which they follow each other.
fn insert(from: usize, to: usize, rows: usize, months: u32) -> String {
    format!(
        "INSERT INTO remediation_audit (name, namespace, phase, action_type, target_name, status, start_time, end_time,
             environment, cluster, remediation_request_id, alert_name, alert_fingerprint, severity, error_message, metadata)
         SELECT 'remediation-' || n, 'ns-' || (alert % 10) * 5 + h1 % 5,
             CASE status WHEN 'running' THEN 'processing' WHEN 'failed' THEN 'failed' ELSE 'completed' END,
             'action-' || (alert + h1 / 8 % 3) % 16, 'target-' || h1 / 32 % 5000, status, t,
             CASE WHEN status <> 'running' THEN t + h2 % 600000 * interval '1 ms' END, 'production', 'cluster-' || h2 % 4,
             'req-' || n / 3, name,
             CASE WHEN name = '{NOISY}' THEN 'f-' || name || '.' || h1 / 128 % 10
                 WHEN name <> '{BARE}' AND (alert < 3 OR h1 / 1024 % 10 > 0)
                 THEN 'f-' || name || '.' || h1 / 64 % CASE WHEN name = '{BUSY}' THEN 4 ELSE 20 END END,
             (ARRAY['critical', 'high', 'warning', 'info'])[1 + alert % 4],
             'fault ' || h1 / 128 % CASE WHEN name = '{NOISY}' THEN 10 ELSE 3 END || ' of ' || name,
             jsonb_build_object('reason', 'CrashLoopBackOff', 'restarts', h2 % 20)
         FROM (
             SELECT *, CASE alert WHEN 0 THEN '{BUSY}' WHEN 1 THEN '{KNOWN}' WHEN 2 THEN '{BARE}'
                     WHEN 3 THEN '{NOISY}' ELSE 'alert-' || alert END AS name,
                 CASE WHEN h2 / 4096 % 100 < 5 THEN 'failed' WHEN h2 / 4096 % 100 < 8 THEN 'unknown'
                     WHEN h2 / 4096 % 100 < 10 THEN 'running' ELSE 'success' END AS status,
                 now() - interval '{months} months' * (1 - n / {rows}::float8) AS t
             FROM (
                 SELECT n, h1, h2, CASE WHEN n % 100 = 0 THEN 0 WHEN n % 370 = 1 THEN 1 WHEN n % 370 = 3 THEN 2
                     WHEN n % 5 = 2 THEN 3 ELSE 4 + h3 % 770 END AS alert
                 FROM (
                     SELECT n, hashint8extended(n, 1) & 1073741823 AS h1, hashint8extended(n, 2) & 1073741823 AS h2,
                         hashint8extended(n, 3) & 1073741823 AS h3
                     FROM generate_series({from}, {to}) AS n
                 ) AS drawn
             ) AS of_alert
         ) AS record"
    )
}

/// A vector for each text: those of one alert are near each other.
const VECTORS: &str = "
    CREATE TEMPORARY TABLE made AS
        SELECT error_message AS text, min(alert_name) AS alert, row_number() OVER (ORDER BY error_message) AS number
        FROM remediation_audit GROUP BY error_message;
    INSERT INTO embedding_set (composition, model, dimension, state, slot, similarity_threshold)
        VALUES ('1', 'bench', 384, 'active', 1, 0.5);
    INSERT INTO embedding_vector (slot, embedding_id, vector)
        SELECT 1, number, (SELECT array_agg(((hashtextextended(alert, k) & 65535) - 32768
                                             + ((hashint8extended(number, k) & 65535) - 32768) * 0.3)::real ORDER BY k)::vector
                           FROM generate_series(1, 384) AS k) FROM made;
    INSERT INTO remediation_vector (slot, record_id, start_time, version, embedding_id, incident_key)
        SELECT 1, id, start_time, updated_at, number, decode(md5(text), 'hex')
        FROM remediation_audit JOIN made ON text = error_message";

/// Whether a database has no records' tables.
pub(super) async fn is_empty(connection: &mut AsyncPgConnection) -> Result<bool> {
    let query = sql_query("SELECT to_regclass('remediation_audit') IS NULL AS is_empty");
    Ok(query.get_result::<Found>(connection).await?.is_empty)
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Bool)]
    is_empty: bool,
}

/// Makes the schema, the records, which begin so many months ago, and what is derived from them, folds the counters as the
/// service's job does, and brings statistics up to date.
pub(crate) async fn fill(url: &str, rows: usize, months: u32) -> Result<()> {
    storage_schema::bootstrap(url).await?;
    let mut connection = AsyncPgConnection::establish(url).await?;
    connection
        .batch_execute(&format!(
            "SELECT ensure_audit_partition('remediation_audit', (now() - age * interval '1 month')::date)
             FROM generate_series(0, {months}) AS age"
        ))
        .await?;
    for from in (1..=rows).step_by(CHUNK) {
        connection.batch_execute(&insert(from, rows.min(from + CHUNK - 1), rows, months)).await?;
    }
    while fold(&mut connection, FOLD_LIMIT).await? > 0 {}
    connection.batch_execute(VECTORS).await?;
    connection.batch_execute("VACUUM ANALYZE").await?;
    connection.batch_execute("CHECKPOINT").await?;
    Ok(())
}
