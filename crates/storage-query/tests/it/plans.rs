//! Which index serves which query; and that the SQL text runs outside this crate.

use diesel::pg::Pg;
use diesel::query_builder::BoxedSqlQuery;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Bool, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use storage_models::{AiAnalysis, Embedding, Execution, Remediation, VectorSql, Workflow};
use storage_query::{
    AuditFilter as _, AuditRecord, Bind, BoundSql, ListQuery, NearestQuery, PageRequest, SearchRequest,
    Total, Valid,
};

use crate::support::{database, execute, now};

#[derive(diesel::QueryableByName)]
struct PlanLine {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    line: String,
}

type Query = BoxedSqlQuery<'static, Pg, diesel::query_builder::SqlQuery>;

fn bound(query: Query, bind: Bind) -> Query {
    match bind {
        Bind::BigInt(value) => query.bind::<BigInt, _>(value),
        Bind::BigIntArray(values) => query.bind::<Array<BigInt>, _>(values),
        Bind::Bool(value) => query.bind::<Bool, _>(value),
        Bind::BoolArray(values) => query.bind::<Array<Bool>, _>(values),
        Bind::Text(value) => query.bind::<Text, _>(value),
        Bind::TextArray(values) => query.bind::<Array<Text>, _>(values),
        Bind::Timestamptz(value) => query.bind::<Timestamptz, _>(value),
        Bind::Vector(value) => query.bind::<VectorSql, _>(value),
        other => panic!("a kind of value this test does not know: {other:?}"),
    }
}

async fn plan(conn: &mut AsyncPgConnection, BoundSql { text, binds }: BoundSql) -> String {
    let query = sql_query(format!("EXPLAIN (COSTS OFF) {text}")).into_boxed();
    let lines: Vec<PlanLine> = binds.into_iter().fold(query, bound).load(conn).await.unwrap();
    lines.into_iter().map(|line| line.line).collect::<Vec<_>>().join("\n")
}

/// 6,000 records a table in three months: a tenth in each namespace, three of each request and remediation.
const MANY: &str = "
    INSERT INTO remediation_audit (name, namespace, phase, action_type, status, start_time, remediation_request_id,
        embedding)
    SELECT 'n', 'ns-' || n % 10, 'pending', 'scale', CASE n % 20 WHEN 0 THEN 'failed' ELSE 'success' END,
        '2026-01-01'::timestamptz + n * interval '20 min', 'req-' || n / 3,
        (SELECT array_agg(((hashint8extended(n * 384 + k, 7) & 65535) - 32768)::real)::vector
         FROM generate_series(1, 384) AS k)
    FROM generate_series(1, 6000) AS n;
    INSERT INTO ai_analysis_audit (remediation_id, analysis_type, confidence, recommendation, timestamp, model)
    SELECT n / 3, 't', 0.5, 'r', '2026-01-01'::timestamptz + n * interval '20 min', 'm'
    FROM generate_series(1, 6000) AS n;
    INSERT INTO workflow_audit (remediation_id, workflow_name, phase, start_time, step_count)
    SELECT n / 3, 'w', 'planning', '2026-01-01'::timestamptz + n * interval '20 min', 1
    FROM generate_series(1, 6000) AS n;
    INSERT INTO execution_audit (remediation_id, action_type, target_kind, target_name, start_time)
    SELECT n / 3, 'a', 'Pod', 'p', '2026-01-01'::timestamptz + n * interval '20 min'
    FROM generate_series(1, 6000) AS n;
    ANALYZE remediation_audit, ai_analysis_audit, workflow_audit, execution_audit;
";

fn page<R: AuditRecord>(pairs: &[(&str, &str)]) -> BoundSql {
    let filter = R::Filter::from_pairs(pairs.iter().copied()).unwrap().check(now()).unwrap();
    ListQuery::<R>::new(filter).page(PageRequest::new(10, 0).unwrap()).total(Total::None).to_sql()
}

fn nearest() -> NearestQuery {
    let vector = Embedding::new(vec![0.1; Embedding::DIMENSION]).unwrap();
    NearestQuery::new(vector, Valid::default(), SearchRequest::default())
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
        (nearest().to_sql(), "2026_03_embedding_idx"),
    ] {
        let plan = plan(&mut conn, sql.clone()).await;
        assert!(plan.contains(index) && !reads_a_whole_partition(&plan), "{}\n{index}\n{plan}", sql.text);
    }
    let plan = plan(&mut conn, nearest().to_exact_sql()).await;
    assert!(!plan.contains("embedding_idx"), "{plan}");
}

/// A page and its total are planned apart: the page still comes from the index in its order.
#[tokio::test]
async fn the_total_does_not_cost_the_page_its_index() {
    let (_database, mut conn) = database().await;
    execute(&mut conn, MANY).await;
    let filter = storage_query::RemediationFilter::default().namespace("ns-1").check(now()).unwrap();
    let sql = ListQuery::<Remediation>::new(filter).page(PageRequest::new(10, 0).unwrap()).to_sql();
    assert_eq!(sql.text.matches("namespace = ").count(), 1);
    let plan = plan(&mut conn, sql).await;
    let (_, below_limit) = plan.split_once("Limit").expect("the page has a limit");
    assert!(
        below_limit.contains("Index Scan using remediation_audit_2026_03_namespace_start_time_id_idx"),
        "{plan}"
    );
    assert!(!below_limit.contains("Sort"), "{plan}");
}
