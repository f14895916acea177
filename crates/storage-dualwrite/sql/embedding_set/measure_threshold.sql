WITH active AS (
    SELECT slot FROM embedding_set WHERE state = 'active'
), incident AS (
    SELECT DISTINCT ON (incident_key) incident_key, embedding_id FROM remediation_vector
    WHERE slot = (SELECT slot FROM active)
    ORDER BY incident_key, start_time DESC, record_id DESC LIMIT 200
), sample AS MATERIALIZED (
    SELECT incident_key, vector FROM incident JOIN embedding_vector USING (embedding_id)
    WHERE slot = (SELECT slot FROM active)
), measured AS (
    SELECT percentile_disc(0.99) WITHIN GROUP (ORDER BY 1 - (a.vector <=> b.vector)) AS threshold
    FROM sample AS a JOIN sample AS b ON a.incident_key < b.incident_key
    HAVING count(*) >= 190
)
UPDATE embedding_set SET similarity_threshold = (SELECT least(1, greatest(0, threshold)) FROM measured)
WHERE state = 'active' RETURNING similarity_threshold;
