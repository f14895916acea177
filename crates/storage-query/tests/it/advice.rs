//! Advice over planted histories: what it may rest on, and what it may not.

use diesel_async::AsyncPgConnection;
use storage_models::{IncidentKey, Timestamp};
use storage_query::{
    ActionOutcome, ActionsQuery, Advice, AuditFilter as _, CheckedFilter, IncidentHit, IncidentsQuery,
    MAX_JUDGED, RemediationFilter, ThresholdQuery, TimeBound,
};

use crate::support::{SET, database, execute, now, number};

/// Records of an incident: the action, its status, how many times, on which day, whether each is followed by another of the
/// same fingerprint, and in which cluster.
struct Planted {
    incident: u8,
    action: &'static str,
    status: &'static str,
    times: u32,
    day: &'static str,
    recurs: bool,
    cluster: &'static str,
}

const PLAIN: Planted = Planted {
    incident: 7,
    action: "works",
    status: "success",
    times: 1,
    day: "2026-03-01",
    recurs: false,
    cluster: "east",
};

async fn plant(conn: &mut AsyncPgConnection, planted: &[Planted]) {
    for Planted { incident, action, status, times, day, recurs, cluster } in planted {
        execute(
            conn,
            &format!(
                "WITH stored AS (
                     INSERT INTO remediation_audit (name, namespace, phase, action_type, status, start_time, end_time,
                         remediation_request_id, alert_fingerprint, cluster)
                     SELECT 'r', 'prod', 'completed', '{action}', '{status}', t, t + interval '1 min',
                         '{action}-' || n, '{action}-{status}-{cluster}-' || CASE WHEN {recurs} THEN 0 ELSE n END, '{cluster}'
                     FROM generate_series(1, {times}) AS n,
                         LATERAL (SELECT '{day}'::timestamptz + n * interval '1 hour' AS t) AS at
                     RETURNING id, start_time, updated_at)
                 INSERT INTO remediation_vector (slot, record_id, start_time, version, embedding_id, incident_key)
                 SELECT 1, id, start_time, updated_at, {incident}, decode(repeat('0{incident}', 16), 'hex') FROM stored"
            ),
        )
        .await;
    }
}

async fn planted(planted: &[Planted]) -> (storage_testkit::TestDatabase, AsyncPgConnection) {
    let (database, mut conn) = database().await;
    execute(&mut conn, SET).await;
    plant(&mut conn, planted).await;
    (database, conn)
}

fn hit(incident: u8, similarity: f64) -> IncidentHit {
    IncidentHit::new(IncidentKey::new([incident; 16]), similarity)
}

async fn advised(conn: &mut AsyncPgConnection, filter: RemediationFilter) -> Advice {
    let filter = filter.check(now()).unwrap();
    Advice::ask(ActionsQuery::new(vec![hit(7, 0.9), hit(8, 0.7)], filter, now()), conn).await.unwrap()
}

fn names(actions: &[ActionOutcome]) -> Vec<&str> {
    actions.iter().map(|it| it.action_type.as_str()).collect()
}

/// What fails stands below what works, what comes back below what holds, and little evidence nowhere: 1 of 1 is none, and
/// what has no known end counts against.
#[tokio::test]
async fn advice_rests_on_what_held() {
    let (_database, mut conn) = planted(&[
        Planted { times: 95, ..PLAIN },
        Planted { times: 5, status: "failed", ..PLAIN },
        Planted { action: "half", times: 10, ..PLAIN },
        Planted { action: "half", times: 10, status: "failed", ..PLAIN },
        Planted { action: "half known", times: 12, ..PLAIN },
        Planted { action: "half known", times: 8, status: "unknown", incident: 8, ..PLAIN },
        Planted { action: "comes back", times: 30, recurs: true, day: "2026-03-29", ..PLAIN },
        Planted { action: "fails", times: 20, status: "failed", ..PLAIN },
        Planted { action: "never known", times: 20, status: "unknown", ..PLAIN },
        Planted { action: "once", times: 1, ..PLAIN },
        Planted { action: "four times", times: 4, ..PLAIN },
        Planted { action: "elsewhere", times: 50, incident: 9, ..PLAIN },
    ])
    .await;
    let advice = advised(&mut conn, RemediationFilter::default()).await;
    assert_eq!(names(&advice.ranked), ["works", "half known", "half"]);
    assert_eq!(names(&advice.refuted), ["comes back", "fails", "never known"]);
    assert_eq!(names(&advice.insufficient), ["four times", "once"]);
    assert!(!advice.is_insufficient());

    let works = &advice.ranked[0];
    assert_eq!(
        (works.counts.total, works.counts.held, works.similarity, works.incident),
        (100, 95, 0.9, None)
    );
    assert_eq!(works.evidence.len(), 5);
    let newest = "SELECT id FROM remediation_audit WHERE action_type = 'works' ORDER BY start_time DESC, id DESC LIMIT 1";
    assert_eq!(works.evidence[0], number(&mut conn, newest).await);
}

/// Other clusters and old records count only when they are asked for.
#[tokio::test]
async fn advice_is_of_the_clusters_and_the_time_that_are_asked_for() {
    let (_database, mut conn) = planted(&[
        Planted { times: 10, ..PLAIN },
        Planted { action: "there", times: 50, cluster: "west", ..PLAIN },
        Planted { action: "long ago", times: 50, day: "2026-01-10", ..PLAIN },
    ])
    .await;
    let recent = || RemediationFilter::default().since(TimeBound::Ago(chrono::TimeDelta::days(60)));
    let here = advised(&mut conn, recent().cluster("east")).await;
    assert_eq!((names(&here.ranked), here.refuted.len(), here.insufficient.len()), (vec!["works"], 0, 0));
    let everywhere = advised(&mut conn, recent()).await;
    assert_eq!(names(&everywhere.ranked), ["there", "works"]);
    let ever = advised(&mut conn, RemediationFilter::default().cluster("east")).await;
    assert_eq!(names(&ever.ranked), ["long ago", "works"]);
    let nowhere = advised(&mut conn, recent().cluster("north")).await;
    assert!(nowhere.is_insufficient() && nowhere == Advice::default());
}

/// Each incident apart, with what was done about it; and without incidents, the records that match.
#[tokio::test]
async fn actions_are_told_for_each_incident_and_for_records_without_one() {
    let (_database, mut conn) = planted(&[
        Planted { times: 6, ..PLAIN },
        Planted { times: 7, incident: 8, action: "other", ..PLAIN },
        Planted { times: 5, incident: 9, action: "far", ..PLAIN },
    ])
    .await;
    let hits = vec![hit(7, 0.9), hit(8, 0.7)];
    let apart = ActionsQuery::new(hits, CheckedFilter::default(), now()).run(&mut conn).await.unwrap();
    let told: Vec<_> = apart
        .iter()
        .map(|it| (it.incident.unwrap(), it.action_type.as_str(), it.counts.held, it.similarity))
        .collect();
    assert_eq!(
        told,
        [(IncidentKey::new([8; 16]), "other", 7, 0.7), (IncidentKey::new([7; 16]), "works", 6, 0.9)]
    );
    let filter = RemediationFilter::default().cluster("east").check(now()).unwrap();
    let records = Advice::ask(ActionsQuery::of_records(filter, now()), &mut conn).await.unwrap();
    assert_eq!(names(&records.ranked), ["other", "works", "far"]);
    assert!(records.ranked.iter().all(|it| it.incident.is_none() && it.similarity >= 1.0));
}

/// However many records the incidents have, so many are looked at in all. An incident with few keeps them all.
#[tokio::test]
async fn incidents_share_the_records_that_are_looked_at() {
    let of = |incident, times| Planted { incident, times, ..PLAIN };
    let many: Vec<_> = (0..10).flat_map(|_| [of(7, 600), of(8, 600)]).chain([of(9, 30)]).collect();
    let (_database, mut conn) = planted(&many).await;
    let hits = vec![hit(7, 0.9), hit(8, 0.8), hit(9, 0.7)];
    let mut found = ActionsQuery::new(hits, CheckedFilter::default(), now()).run(&mut conn).await.unwrap();
    found.sort_by(|one, other| other.similarity.total_cmp(&one.similarity));
    assert_eq!(found.iter().map(|it| it.counts.total).collect::<Vec<_>>(), [4_985, 4_985, 30]);
    assert_eq!(MAX_JUDGED, 2 * 4_985 + 30);
    let newest: Timestamp = "2026-03-26T00:00:00Z".parse().unwrap();
    assert!(found.iter().take(2).all(|it| it.counts.last_seen == newest));

    // Records are not looked at to be counted, unless the filter asks for what only they say.
    let keys = [7, 8, 9].map(|incident| IncidentKey::new([incident; 16]));
    let (east, any) = (RemediationFilter::default().cluster("east"), RemediationFilter::default());
    for (filter, counts) in [
        (east, [(4_985, true), (4_985, true), (30, false)]),
        (any, [(6_000, false), (6_000, false), (30, false)]),
    ] {
        let query = IncidentsQuery::new(keys.to_vec(), filter.check(now()).unwrap());
        let found = query.run(&mut conn).await.unwrap();
        assert_eq!(keys.map(|key| (found[&key].count, found[&key].is_count_at_least())), counts);
    }
}

/// The threshold is the set's own, and there is none before it was measured.
#[tokio::test]
async fn a_threshold_is_the_serving_set_s_own() {
    let (_database, mut conn) = database().await;
    assert_eq!(ThresholdQuery.run(&mut conn).await.unwrap(), None);
    execute(&mut conn, SET).await;
    assert_eq!(ThresholdQuery.run(&mut conn).await.unwrap(), None);
    execute(&mut conn, "UPDATE embedding_set SET similarity_threshold = 0.62").await;
    assert_eq!(ThresholdQuery.run(&mut conn).await.unwrap(), Some(0.62));
}
