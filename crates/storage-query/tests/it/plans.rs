//! Which index serves which query; and that the SQL text runs outside this crate.

use diesel::sql_types::Text;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use storage_models::{AiAnalysis, Embedding, Execution, Remediation, Workflow};
use storage_query::{
    AuditFilter as _, AuditRecord, BoundSql, CheckedFilter, LexicalQuery, ListQuery, NearestQuery,
    PageRequest, RemediationFilter, SearchRequest, Total,
};

use crate::support::{ENQUEUE_WORDLESS, SET, STORE_WORDS, database, execute, now, settle};

#[derive(diesel::QueryableByName)]
struct PlanLine {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    line: String,
}

pub(crate) async fn plan(conn: &mut AsyncPgConnection, sql: BoundSql) -> String {
    explain(conn, "COSTS OFF", sql).await
}

pub(crate) async fn explain(conn: &mut AsyncPgConnection, options: &str, mut sql: BoundSql) -> String {
    sql.text.insert_str(0, &format!("EXPLAIN ({options}) "));
    let lines: Vec<PlanLine> = sql.into_query().load(conn).await.unwrap();
    lines.into_iter().map(|line| line.line).collect::<Vec<_>>().join("\n")
}

/// 6,000 records a table in three months: a tenth in each namespace, three of each request and remediation.
const MANY: &str = "
    INSERT INTO embedding_vector (slot, vector)
    SELECT 1, (SELECT array_agg(((hashint8extended(n * 384 + k, 7) & 65535) - 32768)::real)::vector
            FROM generate_series(1, 384) AS k)
    FROM generate_series(1, 500) AS n;
    INSERT INTO remediation_audit (name, namespace, phase, action_type, status, start_time, remediation_request_id)
    SELECT 'n', 'ns-' || n % 10, 'pending', 'scale', CASE n % 20 WHEN 0 THEN 'failed' ELSE 'success' END,
        '2026-01-01'::timestamptz + n * interval '20 min', 'req-' || n / 3
    FROM generate_series(1, 6000) AS n;
    INSERT INTO remediation_vector (slot, record_id, start_time, version, embedding_id, incident_key)
    SELECT 1, id, start_time, updated_at, 1 + id % 500, decode(repeat('07', 16), 'hex') FROM remediation_audit;
    INSERT INTO ai_analysis_audit (remediation_id, analysis_type, confidence, recommendation, timestamp, model)
    SELECT n / 3, 't', 0.5, 'r', '2026-01-01'::timestamptz + n * interval '20 min', 'm'
    FROM generate_series(1, 6000) AS n;
    INSERT INTO workflow_audit (remediation_id, workflow_name, phase, start_time, step_count)
    SELECT n / 3, 'w', 'planning', '2026-01-01'::timestamptz + n * interval '20 min', 1
    FROM generate_series(1, 6000) AS n;
    INSERT INTO execution_audit (remediation_id, action_type, target_kind, target_name, start_time)
    SELECT n / 3, 'a', 'Pod', 'p', '2026-01-01'::timestamptz + n * interval '20 min'
    FROM generate_series(1, 6000) AS n;
";

fn page<R: AuditRecord>(pairs: &[(&str, &str)]) -> BoundSql {
    let filter = R::Filter::from_pairs(pairs.iter().copied()).unwrap().check(now()).unwrap();
    ListQuery::<R>::new(filter).page(PageRequest::new(10, 0).unwrap()).total(Total::None).to_sql().unwrap()
}

fn nearest(filter: CheckedFilter<RemediationFilter>) -> NearestQuery {
    let vector = Embedding::new(vec![0.1; Embedding::DIMENSION]).unwrap();
    NearestQuery::new(vector, filter, SearchRequest::default())
}

/// Whether one of the partitions that have rows is read from end to end; those around the present month may be.
fn reads_a_whole_partition(plan: &str) -> bool {
    let filled = ["_2026_01", "_2026_02", "_2026_03"];
    plan.lines().any(|line| line.contains("Seq Scan") && filled.iter().any(|month| line.contains(month)))
}

#[tokio::test]
async fn each_query_is_served_by_its_index() {
    let (_database, mut conn) = database().await;
    execute(&mut conn, MANY).await;
    execute(&mut conn, SET).await;
    settle(&mut conn).await;
    for (sql, index) in [
        (page::<Remediation>(&[]), "remediation_audit_2026_03_start_time_id_idx"),
        (
            page::<Remediation>(&[("since", "2026-03-01"), ("until", "2026-03-02")]),
            "2026_03_start_time_id_idx",
        ),
        (page::<Remediation>(&[("namespace", "ns-1")]), "2026_03_namespace_start_time_id_idx"),
        (page::<Remediation>(&[("status", "failed")]), "2026_03_status_start_time_id_idx"),
        (page::<Remediation>(&[("remediation_request_id", "req-7")]), "2026_03_remediation_request_id_idx"),
        (page::<AiAnalysis>(&[]), "2026_03_timestamp_id_idx"),
        (page::<AiAnalysis>(&[("remediation_id", "7")]), "2026_03_remediation_id_timestamp_idx"),
        (page::<Workflow>(&[]), "2026_03_start_time_id_idx"),
        (page::<Workflow>(&[("remediation_id", "7")]), "2026_03_remediation_id_start_time_idx"),
        (page::<Execution>(&[]), "2026_03_start_time_id_idx"),
        (page::<Execution>(&[("remediation_id", "7")]), "2026_03_remediation_id_start_time_idx"),
        (page::<Remediation>(&[("target_name", "pod-7")]), "2026_03_target_name_start_time_id_idx"),
    ] {
        let plan = plan(&mut conn, sql.clone()).await;
        assert!(plan.contains(index) && !reads_a_whole_partition(&plan), "{}\n{index}\n{plan}", sql.text);
    }
}

/// A search by meaning takes vectors in the order of their distance, each with its records, and sorts nothing, however many
/// records match; the exact one does not ask the vector index.
#[tokio::test]
async fn a_search_by_meaning_begins_at_the_vector_index() {
    let (_database, mut conn) = database().await;
    execute(&mut conn, MANY).await;
    execute(&mut conn, SET).await;
    settle(&mut conn).await;
    execute(&mut conn, &format!("BEGIN; {}", NearestQuery::SETTINGS)).await;
    for filter in [RemediationFilter::default(), RemediationFilter::default().namespace("ns-1")] {
        let query = nearest(filter.check(now()).unwrap());
        let plan_along_the_index = plan(&mut conn, query.to_sql()).await;
        assert!(plan_along_the_index.contains("embedding_vector_1_vector_idx"), "{plan_along_the_index}");
        assert!(!plan_along_the_index.contains("Sort"), "{plan_along_the_index}");
        let exact = plan(&mut conn, query.to_exact_sql()).await;
        assert!(!exact.contains("embedding_vector_1_vector_idx"), "{exact}");
    }
}

/// Shared words come from the index of their sets, own words from that of each month, and those of the records that wait from
/// the small index of them; the records of a set are read along their index, the newest first, and looked up one by one. None
/// is read in the order of time for words that never meet.
#[tokio::test]
async fn words_are_served_by_their_index() {
    let (_database, mut conn) = database().await;
    execute(&mut conn, MANY).await;
    execute(&mut conn, SET).await;
    execute(&mut conn, &format!("{STORE_WORDS}; DELETE FROM remediation_words WHERE record_id % 100 = 0"))
        .await;
    execute(&mut conn, ENQUEUE_WORDLESS).await;
    settle(&mut conn).await;
    execute(&mut conn, &format!("BEGIN; {}", LexicalQuery::SETTINGS)).await;
    let (shared, own) =
        ("Bitmap Index Scan on remediation_text_words_idx", "remediation_words_2026_03_words_idx");
    let of_set = "Index Scan using remediation_words_2026_03_text_key_start_time_record_id_idx";
    for (words, pairs, expected) in [
        ("scale", &[][..], &[shared, own, of_set][..]),
        ("scal", &[], &[shared, own, of_set]),
        ("nowhere", &[], &[]),
        ("scale nowhere", &[("namespace", "ns-1"), ("since", "2026-03-01")], &[shared, of_set]),
    ] {
        let filter = RemediationFilter::from_pairs(pairs.iter().copied()).unwrap();
        let query = LexicalQuery::new(words, filter.check(now()).unwrap(), SearchRequest::default()).unwrap();
        let sql = query.weigh(&mut conn).await.unwrap().to_sql().unwrap();
        let plan = plan(&mut conn, sql).await;
        for index in [shared, own, of_set] {
            assert_eq!(plan.contains(index), expected.contains(&index), "{words}: {index}\n{plan}");
        }
        assert!(!plan.contains("remediation_words_2026_01") || pairs.is_empty(), "{plan}");
        assert!(plan.contains("vector_outbox_wordless_idx"), "{plan}");
        // A join whose condition is a filter reads every set of words for each record.
        let is_by_key = !plan.contains("Join Filter");
        let looks_up_one_by_one = is_by_key && !plan.contains("Hash") && !plan.contains("Merge Join");
        assert!(looks_up_one_by_one && !reads_a_whole_partition(&plan), "{plan}");
    }
}

/// Pages of memory that a statement touched.
pub(crate) async fn buffers(conn: &mut AsyncPgConnection, sql: BoundSql) -> u32 {
    let plan = explain(conn, "ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, SUMMARY OFF", sql).await;
    let line = plan.lines().find(|line| line.contains("Buffers: shared")).expect("something was read");
    let counts = line.split_whitespace().filter_map(|word| {
        let (kind, count) = word.split_once('=')?;
        ["hit", "read"].contains(&kind).then(|| count.parse::<u32>().unwrap())
    });
    counts.sum()
}

/// R2, BR-STORAGE-014: how deep a page is makes no difference by cursor, while an offset reads all it skips.
#[tokio::test]
async fn page_ten_thousand_costs_what_page_one_costs() {
    let (_database, mut conn) = database().await;
    execute(
        &mut conn,
        "INSERT INTO remediation_audit (name, namespace, phase, action_type, start_time)
         SELECT 'n', 'ns-' || n % 2, 'pending', 'scale', '2026-01-01'::timestamptz + n * interval '70 s'
         FROM generate_series(1, 100000) AS n",
    )
    .await;
    settle(&mut conn).await;
    for (sort, pairs) in
        [("-start_time", &[][..]), ("start_time", &[]), ("-start_time", &[("namespace", "ns-1")])]
    {
        let filter = RemediationFilter::from_pairs(pairs.iter().copied()).unwrap();
        let query = ListQuery::<Remediation>::new(filter.check(now()).unwrap())
            .sort(sort.parse().unwrap())
            .total(Total::None)
            .page(PageRequest::new(4, 0).unwrap());
        let first = buffers(&mut conn, query.to_sql().unwrap()).await;
        let skipping = query.clone().page(PageRequest::new(4, 9_998 * 4).unwrap());
        let by_offset = buffers(&mut conn, skipping.to_sql().unwrap()).await;
        let cursor = skipping.run(&mut conn).await.unwrap().next_cursor.unwrap();
        let deep = query.after(&cursor);
        let by_cursor = buffers(&mut conn, deep.to_sql().unwrap()).await;
        assert!(deep.run(&mut conn).await.unwrap().has_more);
        // The range of the index is found from its root, and a page of rows may lie across one page more.
        assert!(by_cursor <= first + 4, "{sort} {pairs:?}: {by_cursor} against {first}");
        assert!(by_offset > 20 * by_cursor, "{sort} {pairs:?}: {by_offset} against {by_cursor}");
    }
}
