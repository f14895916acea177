//! From which similarity on incidents are alike, in the set that serves.

use diesel::result::Error;
use diesel::sql_types::{Double, Nullable};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::embedding_set::active_slot;

/// Measures what 99 % of the pairs of different incidents stay below, and keeps it with the set; none while there are fewer
/// than twenty incidents. Two hundred are taken, the first by their keys, which are hashes: chosen as by chance, and each time
/// the same.
const MEASURE: &str = concat!(
    "WITH incident AS (SELECT DISTINCT ON (incident_key) incident_key, embedding_id FROM remediation_vector WHERE slot = ",
    active_slot!(),
    " ORDER BY incident_key, start_time DESC, record_id DESC LIMIT 200), sample AS MATERIALIZED (\
      SELECT incident_key, vector FROM incident JOIN embedding_vector USING (embedding_id) WHERE slot = ",
    active_slot!(),
    "), measured AS (SELECT percentile_disc(0.99) WITHIN GROUP (ORDER BY 1 - (a.vector <=> b.vector)) AS threshold \
      FROM sample AS a JOIN sample AS b ON a.incident_key < b.incident_key HAVING count(*) >= 190) \
      UPDATE embedding_set SET similarity_threshold = (SELECT least(1, greatest(0, threshold)) FROM measured) \
      WHERE state = 'active' RETURNING similarity_threshold AS threshold",
);

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Nullable<Double>)]
    threshold: Option<f64>,
}

/// Measures it anew and keeps it. `None` while there is no set, or too few incidents.
///
/// # Errors
/// When the database does not answer.
pub async fn measure_threshold(connection: &mut AsyncPgConnection) -> Result<Option<f64>, Error> {
    let rows: Vec<Row> = sql_query(MEASURE).load(connection).await?;
    Ok(rows.into_iter().next().and_then(|row| row.threshold))
}
