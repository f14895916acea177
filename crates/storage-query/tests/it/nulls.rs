//! Reading by id, and null in every column that may be null.

use diesel_async::AsyncPgConnection;
use serde_json::Value;
use storage_models::{AiAnalysis, Execution, Remediation, Timestamp, Workflow};
use storage_query::{
    AuditFilter as _, AuditRecord, CheckedFilter, DatabaseFault, GetQuery, ListQuery, QueryError, Sort, Total,
};

use crate::model::{Modelled, Row};
use crate::support::{database, execute, id, number, seed};

const BARE: &str = "
    INSERT INTO remediation_audit (name, namespace, phase, action_type, start_time, created_at)
        VALUES ('n', 'ns', 'pending', 'scale', '2026-02-01', '2026-02-01');
    INSERT INTO ai_analysis_audit (remediation_id, analysis_type, confidence, recommendation, timestamp, model,
            created_at)
        VALUES (1, 'root-cause', 0.5, 'wait', '2026-02-01', 'm', '2026-02-01');
    INSERT INTO workflow_audit (remediation_id, workflow_name, phase, start_time, step_count, created_at)
        VALUES (1, 'w', 'planning', '2026-02-01', 3, '2026-02-01');
    INSERT INTO execution_audit (remediation_id, action_type, target_kind, target_name, start_time, created_at)
        VALUES (1, 'scale', 'Pod', 'p', '2026-02-01', '2026-02-01');
";

/// The one record of the table, read by id and through a list in every order.
async fn the_only<R: AuditRecord>(conn: &mut AsyncPgConnection) -> Value {
    let record: R = GetQuery::new(id(1, "2026-02")).run(conn).await.unwrap().expect("the record exists");
    for sort in Sort::all() {
        for total in [Total::Exact, Total::None] {
            let is_by_change = sort.to_string().contains("updated_at");
            let range = is_by_change.then_some([("updated_since", "1d")]);
            let filter = R::Filter::from_pairs(range.into_iter().flatten()).unwrap();
            let query = ListQuery::<R>::new(filter.check(Timestamp::now()).unwrap()).sort(sort).total(total);
            assert_eq!(query.run(conn).await.unwrap().records, std::slice::from_ref(&record));
        }
    }
    assert_eq!(record.clone().into_record().record_type(), R::TYPE);
    serde_json::to_value(record).unwrap()
}

async fn nullable_columns(conn: &mut AsyncPgConnection, table: &str) -> i64 {
    let sql = format!(
        "SELECT count(*) FROM information_schema.columns
         WHERE table_name = '{table}' AND is_nullable = 'YES'"
    );
    number(conn, &sql).await
}

/// F17: null in every nullable column, of each type.
#[tokio::test]
async fn null_in_every_nullable_column_reads_back_as_null() {
    let (_database, mut conn) = database().await;
    execute(&mut conn, BARE).await;
    for (table, record) in [
        ("remediation_audit", the_only::<Remediation>(&mut conn).await),
        ("ai_analysis_audit", the_only::<AiAnalysis>(&mut conn).await),
        ("workflow_audit", the_only::<Workflow>(&mut conn).await),
        ("execution_audit", the_only::<Execution>(&mut conn).await),
    ] {
        let nulls = record.as_object().unwrap().values().filter(|value| value.is_null()).count();
        assert_eq!(nulls, usize::try_from(nullable_columns(&mut conn, table).await).unwrap(), "{table}");
    }
}

/// F17: a row that cannot be read fails the list; it is not left out, and the page is not taken for empty.
#[tokio::test]
async fn a_row_that_cannot_be_read_fails_the_whole_list() {
    let (_database, mut conn) = database().await;
    execute(&mut conn, BARE).await;
    execute(
        &mut conn,
        "ALTER TABLE remediation_audit ALTER COLUMN name DROP NOT NULL;
         INSERT INTO remediation_audit (name, namespace, phase, action_type, start_time)
         VALUES (NULL, 'ns', 'pending', 'scale', '2026-01-01')",
    )
    .await;
    for total in [Total::Exact, Total::None] {
        let error = ListQuery::<Remediation>::new(CheckedFilter::default())
            .total(total)
            .run(&mut conn)
            .await
            .unwrap_err();
        assert!(
            matches!(error, QueryError::Database { fault: DatabaseFault::Unreadable, .. }),
            "{total:?}: {error:?}"
        );
    }
}

async fn every_record_by_id<R: Modelled>(conn: &mut AsyncPgConnection) {
    for row in Row::<R>::every(conn).await.into_iter().step_by(7) {
        assert_eq!(GetQuery::<R>::new(row.record.id()).run(conn).await.unwrap(), Some(row.record));
    }
    for id in [0, -1, 301, id(301, "2026-01"), id(1, "2019-01"), i64::MAX, i64::MIN] {
        assert_eq!(GetQuery::<R>::new(id).run(conn).await.unwrap(), None);
    }
}

/// BR-STORAGE-001: what is stored reads back equal, in whichever partition it is.
#[tokio::test]
async fn records_of_every_type_are_found_by_id_in_every_partition() {
    let (_database, mut conn) = database().await;
    seed(&mut conn).await;
    every_record_by_id::<Remediation>(&mut conn).await;
    every_record_by_id::<AiAnalysis>(&mut conn).await;
    every_record_by_id::<Workflow>(&mut conn).await;
    every_record_by_id::<Execution>(&mut conn).await;
}
