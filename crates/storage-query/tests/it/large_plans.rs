//! Which index serves which query among 200,000 records a table: what is small may be read any way.

use std::fmt::Write as _;

use diesel_async::AsyncPgConnection;
use storage_models::{AiAnalysis, Execution, IncidentKey, Remediation, Workflow};
use storage_query::{
    ActionsQuery, AuditFilter as _, BoundSql, CheckedFilter, CountQuery, FacetsQuery, Feed, FeedEnd,
    GetManyQuery, GetQuery, GroupCountsQuery, Grouping, HistoryQuery, Incident, IncidentHit, IncidentsQuery,
    Interval, ListQuery, Listed, NearestQuery, OutcomesQuery, PageRequest, SuccessRateQuery, TimelineQuery,
    Total, TrendQuery,
};
use storage_testkit::TestDatabase;

use crate::plans::{buffers, explain};
use crate::support::{SET, database, execute, id, now, number, settle};

/// 200,000 records a table in three months, evenly: fifty namespaces, a hundred alerts of one incident each, 5,000
/// fingerprints, three records of each request and remediation. One of a thousand has no fingerprint. The counters are
/// folded, as the service's job does.
const LARGE: &str = "
    INSERT INTO remediation_audit (name, namespace, phase, action_type, status, start_time, end_time,
        remediation_request_id, severity, alert_name, alert_fingerprint, created_at, updated_at)
    SELECT 'remediation-' || n, 'ns-' || n % 50, CASE WHEN n % 10 < 8 THEN 'completed' ELSE 'processing' END,
        'action-' || n % 16, CASE WHEN n % 20 = 0 THEN 'failed' WHEN n % 10 < 8 THEN 'success' ELSE 'running' END, t,
        CASE WHEN n % 10 < 8 THEN t + n % 600 * interval '1 s' END, 'req-' || n / 3,
        (ARRAY['critical', 'high', 'warning', 'info'])[1 + n % 4], 'alert-' || n % 100,
        CASE WHEN n % 1000 <> 307 THEN 'f-' || n % 5000 END,
        t + interval '1 s', t + interval '1 min'
    FROM generate_series(1, 200000) AS n, LATERAL (SELECT '2026-01-01'::timestamptz + n * interval '38 s' AS t) AS at;
    INSERT INTO ai_analysis_audit (remediation_id, analysis_type, confidence, recommendation, timestamp, model,
        created_at)
    SELECT n / 3, 'type-' || n % 5, 0.5, 'r', t, 'model-' || n % 3, t
    FROM generate_series(1, 200000) AS n, LATERAL (SELECT '2026-01-01'::timestamptz + n * interval '38 s' AS t) AS at;
    INSERT INTO workflow_audit (remediation_id, workflow_name, phase, start_time, step_count)
    SELECT n / 3, 'w-' || n % 20, 'planning', '2026-01-01'::timestamptz + n * interval '38 s', 1
    FROM generate_series(1, 200000) AS n;
    INSERT INTO execution_audit (remediation_id, action_type, target_kind, target_name, namespace, start_time)
    SELECT n / 3, 'action-' || n % 16, 'Pod', 'pod-' || n, 'ns-' || n % 50,
        '2026-01-01'::timestamptz + n * interval '38 s'
    FROM generate_series(1, 200000) AS n;
    INSERT INTO remediation_vector (slot, record_id, start_time, version, embedding_id, incident_key)
    SELECT 1, id, start_time, updated_at, id % 500, decode(repeat(lpad(to_hex(substr(alert_name, 7)::integer), 2, '0'), 16), 'hex')
    FROM remediation_audit;
    WITH appended AS (DELETE FROM remediation_count_delta RETURNING *)
    INSERT INTO remediation_count SELECT * FROM appended;
";

/// The months that have records.
const FILLED: [&str; 3] = ["_2026_01", "_2026_02", "_2026_03"];

async fn large() -> (TestDatabase, AsyncPgConnection) {
    let (database, mut conn) = database().await;
    execute(&mut conn, SET).await;
    execute(&mut conn, LARGE).await;
    settle(&mut conn).await;
    (database, conn)
}

fn filter<R: Listed>(pairs: &[(&str, &str)]) -> CheckedFilter<R::Filter> {
    R::Filter::from_pairs(pairs.iter().copied()).unwrap().check(now()).unwrap()
}

fn page<R: Listed>(sort: &str, pairs: &[(&str, &str)]) -> BoundSql {
    list::<R>(sort, pairs).total(Total::None).to_sql().unwrap()
}

fn list<R: Listed>(sort: &str, pairs: &[(&str, &str)]) -> ListQuery<R> {
    let query = ListQuery::<R>::new(filter::<R>(pairs)).sort(sort.parse().unwrap());
    query.page(PageRequest::new(100, 0).unwrap())
}

/// The page behind the first one.
async fn next<R: Listed>(conn: &mut AsyncPgConnection, sort: &str, pairs: &[(&str, &str)]) -> BoundSql {
    let query = list::<R>(sort, pairs).total(Total::None);
    let cursor = query.run(conn).await.unwrap().next_cursor.unwrap();
    query.after(&cursor).to_sql().unwrap()
}

/// A query with what its plan must say.
struct Case {
    name: String,
    sql: BoundSql,
    /// What must stand in the plan.
    has: &'static [&'static str],
    /// What must not.
    lacks: &'static [&'static str],
}

fn case(
    name: impl Into<String>,
    sql: BoundSql,
    has: &'static [&'static str],
    lacks: &'static [&'static str],
) -> Case {
    Case { name: name.into(), sql, has, lacks }
}

/// What is wrong with the plan, and the plan.
async fn faults(conn: &mut AsyncPgConnection, case: Case) -> String {
    let plan = explain(conn, EXECUTED, case.sql).await;
    let read: Vec<&str> = plan.lines().filter(|line| !line.contains("never executed")).collect();
    let stands = |part: &str| read.iter().any(|line| line.contains(part));
    let mut faults = String::new();
    for wanted in case.has.iter().filter(|wanted| !stands(wanted)) {
        write!(faults, "\n  without {wanted}").unwrap();
    }
    for unwanted in case.lacks.iter().filter(|unwanted| stands(unwanted)) {
        write!(faults, "\n  with {unwanted}").unwrap();
    }
    let whole = |line: &&&str| line.contains("Seq Scan") && FILLED.iter().any(|month| line.contains(month));
    if let Some(line) = read.iter().find(whole) {
        write!(faults, "\n  reads a whole month: {line}").unwrap();
    }
    if faults.is_empty() { faults } else { format!("\n{}:{faults}\n{plan}\n", case.name) }
}

/// With the parts of the plan marked that were never reached.
const EXECUTED: &str = "ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF";

/// BR-STORAGE-013, BR-STORAGE-014: lists, next pages, exports, totals, counts and timelines are served by the index that
/// is named here, and read no month from end to end.
#[tokio::test]
async fn each_shape_is_served_by_its_index_among_200_000_records() {
    let (_database, mut conn) = large().await;
    let mut cases = lists();
    cases.extend(next_pages(&mut conn).await);
    cases.extend(by_id());
    cases.extend(counts());
    cases.extend(counters());
    cases.extend(outcomes());
    cases.extend(written(&mut conn).await);
    let mut wrong = String::new();
    for case in cases {
        wrong += &faults(&mut conn, case).await;
    }
    execute(&mut conn, &format!("BEGIN; {}", NearestQuery::SETTINGS)).await;
    for case in of_incidents() {
        wrong += &faults(&mut conn, case).await;
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// In the order of the index: nothing is sorted.
const SORTED: &[&str] = &["Sort"];

fn lists() -> Vec<Case> {
    let of = |what: &str, sort: &str, pairs: &[(&str, &str)], has| {
        case(format!("{what} by {sort}, {pairs:?}"), page::<Remediation>(sort, pairs), has, SORTED)
    };
    let in_march = &["_2026_01", "_2026_02", "Sort"];
    let march = [("since", "2026-03-01"), ("until", "2026-03-02")];
    let newest = "-start_time";
    vec![
        of("remediations", newest, &[], &["using remediation_audit_2026_03_start_time_id_idx"]),
        of(
            "remediations",
            "start_time",
            &[],
            &["Backward using remediation_audit_2026_01_start_time_id_idx"],
        ),
        of(
            "remediations",
            newest,
            &[("namespace", "ns-1")],
            &["using remediation_audit_2026_03_namespace_start_time_id_idx"],
        ),
        of(
            "remediations",
            newest,
            &[("status", "failed")],
            &["using remediation_audit_2026_03_status_start_time_id_idx"],
        ),
        of(
            "remediations",
            newest,
            &[("namespace", "ns-1"), ("status", "success"), ("min_duration", "1m")],
            &["using remediation_audit_2026_03_namespace_start_time_id_idx"],
        ),
        // What has no index of its own is looked for in the order of time, and common enough to be found soon.
        of(
            "remediations",
            newest,
            &[("action_type", "action-3")],
            &["using remediation_audit_2026_03_start_time_id_idx"],
        ),
        of(
            "remediations",
            newest,
            &[("severity", "critical,high")],
            &["using remediation_audit_2026_03_start_time_id_idx"],
        ),
        case(
            "a day",
            page::<Remediation>(newest, &march),
            &["using remediation_audit_2026_03_start_time_id_idx"],
            in_march,
        ),
        case(
            "a request",
            page::<Remediation>(newest, &[("remediation_request_id", "req-7")]),
            &[
                "remediation_audit_2026_01_remediation_request_id_idx",
                "remediation_audit_2026_03_remediation_request_id_idx",
            ],
            &[],
        ),
        case(
            "incidents",
            page::<Incident>(newest, &[]),
            &["using remediation_audit_2026_03_start_time_id_idx"],
            SORTED,
        ),
        case(
            "incidents of a namespace",
            page::<Incident>(newest, &[("namespace", "ns-1")]),
            &["using remediation_audit_2026_03_namespace_start_time_id_idx"],
            SORTED,
        ),
        case(
            "analyses",
            page::<AiAnalysis>("-timestamp", &[]),
            &["using ai_analysis_audit_2026_03_timestamp_id_idx"],
            SORTED,
        ),
        case(
            "analyses of a remediation",
            page::<AiAnalysis>("-timestamp", &[("remediation_id", "7")]),
            &["ai_analysis_audit_2026_01_remediation_id_timestamp_idx"],
            &[],
        ),
        case(
            "workflows",
            page::<Workflow>(newest, &[]),
            &["using workflow_audit_2026_03_start_time_id_idx"],
            SORTED,
        ),
        case(
            "workflows of a remediation",
            page::<Workflow>(newest, &[("remediation_id", "7")]),
            &["workflow_audit_2026_01_remediation_id_start_time_idx"],
            &[],
        ),
        case(
            "executions",
            page::<Execution>(newest, &[]),
            &["using execution_audit_2026_03_start_time_id_idx"],
            SORTED,
        ),
        case(
            "executions of a remediation",
            page::<Execution>(newest, &[("remediation_id", "7")]),
            &["execution_audit_2026_01_remediation_id_start_time_idx"],
            &[],
        ),
        case(
            "a chunk of an export",
            list::<Remediation>(newest, &[])
                .page(PageRequest::new(1_000, 0).unwrap())
                .total(Total::None)
                .to_sql()
                .unwrap(),
            &["using remediation_audit_2026_03_start_time_id_idx"],
            SORTED,
        ),
        case(
            "a page with its total",
            list::<Remediation>(newest, &[("namespace", "ns-1"), ("status", "success")]).to_sql().unwrap(),
            &["using remediation_audit_2026_03_namespace_start_time_id_idx", "on remediation_count"],
            &["top-N"],
        ),
    ]
}

/// The comparison with the cursor is a range of the index.
async fn next_pages(conn: &mut AsyncPgConnection) -> Vec<Case> {
    let newest = "-start_time";
    vec![
        case(
            "the next page",
            next::<Remediation>(conn, newest, &[]).await,
            &["using remediation_audit_2026_03_start_time_id_idx", "(ROW(start_time, id) < ROW("],
            SORTED,
        ),
        case(
            "the next page, oldest first",
            next::<Remediation>(conn, "start_time", &[]).await,
            &["using remediation_audit_2026_01_start_time_id_idx", "(ROW(start_time, id) > ROW("],
            SORTED,
        ),
        case(
            "the next page of a namespace",
            next::<Remediation>(conn, newest, &[("namespace", "ns-1")]).await,
            &["using remediation_audit_2026_03_namespace_start_time_id_idx", "(ROW(start_time, id) < ROW("],
            SORTED,
        ),
        case(
            "the next page of a status",
            next::<Incident>(conn, newest, &[("status", "failed")]).await,
            &["using remediation_audit_2026_03_status_start_time_id_idx", "(ROW(start_time, id) < ROW("],
            SORTED,
        ),
        case(
            "the next page of analyses",
            next::<AiAnalysis>(conn, "-timestamp", &[]).await,
            &["using ai_analysis_audit_2026_03_timestamp_id_idx", "(ROW(\"timestamp\", id) < ROW("],
            SORTED,
        ),
        case(
            "the next page of workflows",
            next::<Workflow>(conn, newest, &[]).await,
            &["using workflow_audit_2026_03_start_time_id_idx", "(ROW(start_time, id) < ROW("],
            SORTED,
        ),
        case(
            "the next page of executions",
            next::<Execution>(conn, "start_time", &[]).await,
            &["using execution_audit_2026_01_start_time_id_idx", "(ROW(start_time, id) > ROW("],
            SORTED,
        ),
    ]
}

/// F49: what was written or changed in a range, in the order of writing too, through the index of ranges.
async fn written(conn: &mut AsyncPgConnection) -> Vec<Case> {
    let index = &["remediation_audit_2026_03_created_at_updated_at_idx"];
    vec![
        case(
            "what was written on a day",
            page::<Remediation>(
                "-created_at",
                &[("created_since", "2026-03-20"), ("created_until", "2026-03-21")],
            ),
            index,
            &[],
        ),
        case(
            "what changed on a day",
            page::<Incident>(
                "-updated_at",
                &[("updated_since", "2026-03-20"), ("updated_until", "2026-03-21")],
            ),
            index,
            &[],
        ),
        case(
            "how much was written on a day",
            CountQuery::<Remediation>::new(filter::<Remediation>(&[
                ("created_since", "2026-03-20"),
                ("created_until", "2026-03-21"),
            ]))
            .to_sql(),
            index,
            &[],
        ),
        case(
            "the next page of what changed",
            next::<Remediation>(conn, "-updated_at", &[("updated_since", "2026-03-28")]).await,
            index,
            &[],
        ),
        case(
            "analyses written on a day",
            page::<AiAnalysis>(
                "created_at",
                &[("created_since", "2026-03-20"), ("created_until", "2026-03-21")],
            ),
            &["ai_analysis_audit_2026_03_created_at_idx"],
            &[],
        ),
        case("the end of a feed", poll(conn).await.0, index, &[]),
    ]
}

/// A poll of a feed that has read all but what was written last, and how much that is.
async fn poll(conn: &mut AsyncPgConnection) -> (BoundSql, usize) {
    let feed = |pairs| Feed::<Remediation>::new(filter::<Remediation>(pairs)).total(Total::None);
    let nearly = feed(&[("created_since", "2026-03-29T21:54:30Z")]).run(conn).await.unwrap();
    let poll = feed(&[]).after(&nearly.next_cursor.unwrap());
    let new = poll.run(conn).await.unwrap().records.len();
    let end = FeedEnd::of_row(now(), None).unwrap();
    (poll.up_to(end).to_sql().unwrap(), new)
}

/// F49: a poll of a feed reads about as much as is new, however much there is: a small part of one month's pages, and of
/// the others no more than their indexes say.
#[tokio::test]
async fn a_poll_of_a_feed_costs_what_is_new_among_200_000_records() {
    let (_database, mut conn) = large().await;
    let (sql, new) = poll(&mut conn).await;
    assert!((1..100).contains(&new), "{new}");
    let read = buffers(&mut conn, sql).await;
    let pages = "SELECT sum(relpages) FROM pg_class WHERE relname LIKE 'remediation_audit_2026_0_'";
    let pages = number(&mut conn, pages).await;
    assert!(pages > 3_000 && i64::from(read) < pages / 30, "{read} of {pages}");
}

/// What is read by ids (F60): the months that they carry, through their primary keys, and no other month; what belongs to a
/// remediation in every month, through an index.
fn by_id() -> Vec<Case> {
    vec![
        case(
            "a record",
            GetQuery::<Remediation>::new(id(7, "2026-01")).to_sql(),
            &["remediation_audit_2026_01_pkey"],
            &["_2026_02", "_2026_03"],
        ),
        case(
            "an execution",
            GetQuery::<Execution>::new(id(190_000, "2026-03")).to_sql(),
            &["execution_audit_2026_03_pkey"],
            &["_2026_01", "_2026_02"],
        ),
        case(
            "some records",
            GetManyQuery::<Remediation>::new(
                [id(7, "2026-01"), id(190_000, "2026-03")],
                filter::<Remediation>(&[("namespace", "ns-7")]),
            )
            .to_sql(),
            &["remediation_audit_2026_01_pkey", "remediation_audit_2026_03_pkey"],
            &["_2026_02"],
        ),
        case(
            "a timeline",
            TimelineQuery::new(id(7, "2026-01")).to_sql(),
            &[
                "remediation_audit_2026_01_pkey",
                "ai_analysis_audit_2026_01_remediation_id_timestamp_idx",
                "workflow_audit_2026_01_remediation_id_start_time_idx",
                "execution_audit_2026_01_remediation_id_start_time_idx",
            ],
            &["remediation_audit_2026_02", "remediation_audit_2026_03"],
        ),
    ]
}

/// What must be counted in the table, as little of it as the filter allows.
fn counts() -> Vec<Case> {
    let week = [("since", "2026-03-02"), ("until", "2026-03-04")];
    let of_namespace = [("namespace", "ns-1"), ("since", "2026-03-02"), ("until", "2026-03-09")];
    let of = |pairs: &[(&str, &str)]| filter::<Remediation>(pairs);
    let outside = &["_2026_01", "_2026_02"];
    let by_time = &["remediation_audit_2026_03_start_time_id_idx"];
    let by_namespace = &["remediation_audit_2026_03_namespace_start_time_id_idx"];
    vec![
        case("a total within a month", CountQuery::<Remediation>::new(of(&week)).to_sql(), by_time, outside),
        case(
            "a total of a namespace within a month",
            CountQuery::<Remediation>::new(of(&of_namespace)).to_sql(),
            by_namespace,
            outside,
        ),
        case(
            "a total of a request",
            CountQuery::<Remediation>::new(of(&[("remediation_request_id", "req-7")])).to_sql(),
            &["remediation_audit_2026_01_remediation_request_id_idx"],
            &[],
        ),
        case(
            "a total of analyses",
            CountQuery::<AiAnalysis>::new(filter::<AiAnalysis>(&[("remediation_id", "7")])).to_sql(),
            &["ai_analysis_audit_2026_01_remediation_id_timestamp_idx"],
            &[],
        ),
        case("a success rate within a month", SuccessRateQuery::new(of(&week)).to_sql(), by_time, outside),
        case(
            "groups within a month",
            GroupCountsQuery::new(of(&of_namespace), Grouping::Severity).to_sql(),
            by_namespace,
            outside,
        ),
        case("a trend", TrendQuery::new(of(&week), Interval::Hour, now()).to_sql(), by_time, outside),
        case(
            "a trend of a namespace",
            TrendQuery::new(of(&of_namespace), Interval::Day, now()).to_sql(),
            by_namespace,
            outside,
        ),
    ]
}

/// What operators ask of an alert: its records, and whether the same came back, each through an index of its own.
fn outcomes() -> Vec<Case> {
    let of = |pairs: &[(&str, &str)]| filter::<Remediation>(pairs);
    let by = |pairs: &[(&str, &str)]| {
        OutcomesQuery::new(of(pairs), vec![Grouping::ActionType], now()).to_sql().unwrap()
    };
    let history = |pairs: &[(&str, &str)]| HistoryQuery::new(of(pairs), now()).to_sql().unwrap();
    let alert = &[
        "remediation_audit_2026_01_alert_name_start_time_id_idx",
        "remediation_audit_2026_03_alert_name_start_time_id_idx",
        "remediation_audit_2026_03_alert_fingerprint_start_time_id_idx",
    ];
    let fingerprint = &[
        "remediation_audit_2026_01_alert_fingerprint_start_time_id_idx",
        "remediation_audit_2026_03_alert_fingerprint_start_time_id_idx",
    ];
    vec![
        case("outcomes of an alert", by(&[("alert_name", "alert-7")]), alert, &[]),
        case("outcomes of a fingerprint", by(&[("alert_fingerprint", "f-7")]), fingerprint, &[]),
        case(
            "outcomes of a day",
            by(&[("since", "2026-03-02"), ("until", "2026-03-03")]),
            &[
                "remediation_audit_2026_03_start_time_id_idx",
                "remediation_audit_2026_03_alert_fingerprint_start_time_id_idx",
            ],
            &["_2026_01", "_2026_02"],
        ),
        case(
            "outcomes of everything by what the counters know",
            by(&[]),
            &["on remediation_count ", "using remediation_audit_2026_03_start_time_id_idx"],
            &[],
        ),
        case("the history of an alert", history(&[("alert_name", "alert-7")]), alert, &[]),
        case("the history of a fingerprint", history(&[("alert_fingerprint", "f-7")]), fingerprint, &[]),
        case(
            "records of an alert",
            page::<Remediation>("-start_time", &[("alert_name", "alert-7")]),
            &["using remediation_audit_2026_03_alert_name_start_time_id_idx"],
            SORTED,
        ),
        case(
            "a trend of an alert with durations",
            TrendQuery::new(of(&[("alert_name", "alert-7")]), Interval::Day, now()).with_durations().to_sql(),
            &["remediation_audit_2026_03_alert_name_start_time_id_idx"],
            &[],
        ),
        case(
            "facets",
            FacetsQuery::new(of(&[("severity", "critical")]), FacetsQuery::DEFAULT_FIELDS.to_vec())
                .to_sql()
                .unwrap(),
            &["on remediation_count "],
            &["on remediation_audit_"],
        ),
        case(
            "facets of an alert",
            FacetsQuery::new(of(&[("alert_name", "alert-7")]), vec![Grouping::Cluster, Grouping::Severity])
                .to_sql()
                .unwrap(),
            &["remediation_audit_2026_03_alert_name_start_time_id_idx"],
            &[],
        ),
    ]
}

/// Incidents like one, and advice: the records of an incident and whether it came back, each through an index of its own.
fn of_incidents() -> Vec<Case> {
    let of = |pairs: &[(&str, &str)]| filter::<Remediation>(pairs);
    let hits = || [7, 6].map(|key| IncidentHit::new(IncidentKey::new([key; 16]), 0.9)).to_vec();
    let keys = hits().iter().map(|hit| hit.key).collect();
    let recent = [("severity", "critical,high,warning,info"), ("since", "2026-03-01")];
    let incident = &[
        "remediation_vector_2026_01_slot_incident_key_start_time_rec_idx",
        "remediation_vector_2026_03_slot_incident_key_start_time_rec_idx",
    ];
    let actions = &[
        "remediation_vector_2026_01_slot_incident_key_start_time_rec_idx",
        "remediation_vector_2026_03_slot_incident_key_start_time_rec_idx",
        "remediation_audit_2026_01_pkey",
        "remediation_audit_2026_03_pkey",
        "remediation_audit_2026_03_alert_fingerprint_start_time_id_idx",
    ];
    let of_march = &[
        "remediation_vector_2026_03_slot_incident_key_start_time_rec_idx",
        "remediation_audit_2026_03_pkey",
        "remediation_audit_2026_03_alert_fingerprint_start_time_id_idx",
    ];
    let of_alert = &[
        "remediation_audit_2026_03_alert_name_start_time_id_idx",
        "remediation_audit_2026_03_alert_fingerprint_start_time_id_idx",
    ];
    // Records without a fingerprint are followed by their text.
    let by_text = &[
        "remediation_audit_2026_03_alert_name_start_time_id_idx",
        "remediation_vector_2026_03_pkey",
        "remediation_vector_2026_03_slot_incident_key_start_time_rec_idx",
        "remediation_audit_2026_03_pkey",
    ];
    let before_march = &["_2026_01", "_2026_02"];
    vec![
        case("incidents' records", IncidentsQuery::new(keys, of(&[])).to_sql(), incident, &[]),
        case("actions of incidents", ActionsQuery::new(hits(), of(&[]), now()).to_sql(), actions, &[]),
        case(
            "advice of a month",
            ActionsQuery::new(hits(), of(&recent), now()).together().to_sql(),
            of_march,
            before_march,
        ),
        case(
            "advice of an alert's records",
            ActionsQuery::of_records(of(&[("alert_name", "alert-6")]), now()).to_sql(),
            of_alert,
            &[],
        ),
        case(
            "advice of an alert's records without a fingerprint",
            ActionsQuery::of_records(of(&[("alert_name", "alert-7")]), now()).to_sql(),
            by_text,
            &[],
        ),
    ]
}

/// R1: what the counters know reads no record, but for the days before and after whole months.
fn counters() -> Vec<Case> {
    let of = |pairs: &[(&str, &str)]| filter::<Remediation>(pairs);
    let no_record = &["on remediation_audit_"];
    let folded = &["on remediation_count ", "on remediation_count_delta "];
    let by_namespace = &["remediation_count_kind_idx"];
    let mut cases = vec![
        case("the total", CountQuery::<Remediation>::new(of(&[])).to_sql(), folded, no_record),
        case("the total of incidents", CountQuery::<Incident>::new(of(&[])).to_sql(), folded, no_record),
        case(
            "the total of a status",
            CountQuery::<Remediation>::new(of(&[("status", "failed")])).to_sql(),
            folded,
            no_record,
        ),
        case(
            "the total of a namespace",
            CountQuery::<Remediation>::new(of(&[("namespace", "ns-1")])).to_sql(),
            by_namespace,
            no_record,
        ),
        case(
            "the total of a month",
            CountQuery::<Remediation>::new(of(&[("since", "2026-02-01"), ("until", "2026-03-01")])).to_sql(),
            folded,
            no_record,
        ),
        case(
            "the total of a month and the days around it",
            CountQuery::<Remediation>::new(of(&[("since", "2026-01-31"), ("until", "2026-03-02")])).to_sql(),
            &["remediation_audit_2026_01_start_time_id_idx", "remediation_audit_2026_03_start_time_id_idx"],
            &["on remediation_audit_2026_02"],
        ),
        case("the success rate", SuccessRateQuery::new(of(&[])).to_sql(), folded, no_record),
        case(
            "the success rate of a namespace",
            SuccessRateQuery::new(of(&[("namespace", "ns-1")])).to_sql(),
            by_namespace,
            no_record,
        ),
    ];
    let groups =
        [Grouping::Namespace, Grouping::Severity, Grouping::ActionType, Grouping::Phase, Grouping::Status]
            .map(|by| {
                case(
                    format!("all by {}", by.column()),
                    GroupCountsQuery::new(of(&[]), by).to_sql(),
                    folded,
                    no_record,
                )
            });
    cases.extend(groups);
    cases
}
