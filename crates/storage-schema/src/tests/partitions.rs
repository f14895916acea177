//! Partitions: on demand, under load, never a default one.

use chrono::{Months, NaiveDate};
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use storage_models::{Month, RecordType, Timestamp};
use storage_testkit::TestDatabase;

use crate::{SchemaError, partitions};

const INSERT: &str = "INSERT INTO remediation_audit (name, namespace, phase, action_type, start_time) \
                      VALUES ('a', 'b', 'pending', 'c', now() - interval '3 years')";

fn three_years_ago() -> NaiveDate {
    partitions::month_of(Timestamp::now()).checked_sub_months(Months::new(36)).unwrap()
}

async fn make(connection: &mut AsyncPgConnection, month: NaiveDate) -> Result<bool, SchemaError> {
    partitions::ensure(connection, RecordType::Remediation, month).await
}

/// F21: a month that has no partition gets one, once.
#[tokio::test]
async fn a_missing_month_is_made_once() {
    let database = TestDatabase::create().await.unwrap();
    let mut connection = database.connect().await.unwrap();
    assert!(connection.batch_execute(INSERT).await.is_err());
    assert!(make(&mut connection, three_years_ago()).await.unwrap());
    assert!(!make(&mut connection, three_years_ago()).await.unwrap());
    connection.batch_execute(INSERT).await.unwrap();
}

/// One call makes the partitions of a record's month and of what follows it; one that is lacking is made by itself.
#[tokio::test]
async fn one_call_makes_the_month_of_the_record_and_of_what_follows_it() {
    let database = TestDatabase::create().await.unwrap();
    let mut connection = database.connect().await.unwrap();
    let suffix = three_years_ago().format("%Y_%m");
    let found = format!(
        "SELECT string_agg(inhparent::regclass::text, ' ' ORDER BY inhparent::regclass::text) AS value \
         FROM pg_inherits WHERE inhrelid::regclass::text LIKE '%\\_{suffix}' AND inhparent::regclass::text NOT LIKE '%\\_idx' \
           AND inhparent::regclass::text NOT LIKE '%\\_pkey'"
    );
    let asked = [(RecordType::Remediation, three_years_ago())];
    let all = "remediation_audit remediation_vector remediation_words";
    for dropped in [None, Some("remediation_words"), Some("remediation_vector")] {
        if let Some(table) = dropped {
            connection.batch_execute(&format!("DROP TABLE {table}_{suffix}")).await.unwrap();
        }
        assert_eq!(partitions::missing(&mut connection, &asked).await.unwrap(), asked);
        assert!(make(&mut connection, three_years_ago()).await.unwrap());
        assert_eq!(super::text(&mut connection, &found).await.as_deref(), Some(all));
        assert_eq!(partitions::missing(&mut connection, &asked).await.unwrap(), []);
    }
}

/// F37: no default partition exists that a stray row could lie in.
#[tokio::test]
async fn there_is_no_default_partition() {
    let database = TestDatabase::create().await.unwrap();
    let mut connection = database.connect().await.unwrap();
    let defaults = "SELECT count(*)::text AS value FROM pg_partitioned_table WHERE partdefid <> 0";
    assert_eq!(super::text(&mut connection, defaults).await.as_deref(), Some("0"));
}

/// F21: replicas that need the same month at once all succeed and one makes it.
#[tokio::test]
async fn concurrent_makers_make_one_partition() {
    let database = TestDatabase::create().await.unwrap();
    let makers = (0..8).map(|_| async {
        let mut connection = database.connect().await.unwrap();
        make(&mut connection, three_years_ago()).await.unwrap()
    });
    let made = futures_util::future::join_all(makers).await;
    assert_eq!(made.into_iter().filter(|made| *made).count(), 1);
}

/// F37: neither an open read nor an open write keeps a partition from being made, nor does it wait for them.
#[tokio::test]
async fn open_transactions_do_not_block_the_maker() {
    let database = TestDatabase::create().await.unwrap();
    let mut reader = database.connect().await.unwrap();
    let mut writer = database.connect().await.unwrap();
    let mut maker = database.connect().await.unwrap();
    reader.batch_execute("BEGIN; SELECT count(*) FROM remediation_audit").await.unwrap();
    writer
        .batch_execute(
            "BEGIN; INSERT INTO remediation_audit (name, namespace, phase, action_type) VALUES ('a', 'b', 'pending', 'c')",
        )
        .await
        .unwrap();
    assert!(make(&mut maker, three_years_ago()).await.unwrap());
    writer.batch_execute("COMMIT").await.unwrap();
    reader.batch_execute("COMMIT").await.unwrap();
}

#[tokio::test]
async fn months_outside_the_accepted_range_are_refused() {
    let database = TestDatabase::create().await.unwrap();
    let mut connection = database.connect().await.unwrap();
    let now = partitions::month_of(Timestamp::now());
    for (months, forward) in [(122, false), (5, true)] {
        let months = Months::new(months);
        let month = if forward { now.checked_add_months(months) } else { now.checked_sub_months(months) };
        let error = make(&mut connection, month.unwrap()).await.unwrap_err();
        assert!(matches!(error, SchemaError::Partition { .. }), "{error}");
    }
    assert!(make(&mut connection, now.checked_sub_months(Months::new(120)).unwrap()).await.unwrap());
}

/// F60: months are told from those that have a partition, in their order and table by table.
#[tokio::test]
async fn the_months_without_a_partition_are_named() {
    let database = TestDatabase::create().await.unwrap();
    let mut connection = database.connect().await.unwrap();
    let (old, now) = (three_years_ago(), partitions::month_of(Timestamp::now()));
    let asked = [
        (RecordType::Workflow, old),
        (RecordType::Remediation, now),
        (RecordType::Remediation, old),
        (RecordType::Execution, now),
    ];
    let named = partitions::missing(&mut connection, &asked).await.unwrap();
    assert_eq!(named, [asked[0], asked[2]]);
    assert!(make(&mut connection, old).await.unwrap());
    assert_eq!(partitions::missing(&mut connection, &asked).await.unwrap(), [asked[0]]);
    assert_eq!(partitions::missing(&mut connection, &[]).await.unwrap(), []);
}

/// F60: what comes without an id, as an import by SQL does, gets the next number and its own month.
#[tokio::test]
async fn what_is_inserted_without_an_id_gets_one() {
    let database = TestDatabase::create().await.unwrap();
    let mut connection = database.connect().await.unwrap();
    make(&mut connection, three_years_ago()).await.unwrap();
    let before =
        super::text(&mut connection, "SELECT nextval('remediation_audit_id_seq')::text AS value").await;
    let number = before.unwrap().parse::<i64>().unwrap() + 1;
    connection.batch_execute(INSERT).await.unwrap();
    let stored = "SELECT format('%s %s', id, extract(epoch FROM start_time)::bigint * 1000000) AS value FROM remediation_audit";
    let stored = super::text(&mut connection, stored).await.unwrap();
    let (id, micros) = stored.split_once(' ').unwrap();
    let start_time = Timestamp::from_micros(micros.parse().unwrap()).unwrap();
    assert_eq!(id.parse::<i64>().unwrap(), Month::of(start_time).id(number));
    let analysis = "INSERT INTO ai_analysis_audit (remediation_id, analysis_type, confidence, recommendation, model) \
                    VALUES (1, 'a', 0.5, 'b', 'c') RETURNING (id & 8191 = audit_id(0, timestamp))::text AS value";
    assert_eq!(super::text(&mut connection, analysis).await.as_deref(), Some("true"));
}

/// F60: no look-up would find a record whose id carries another month, so there is none; and a partition that would take
/// one is a difference.
#[tokio::test]
async fn an_id_that_lacks_its_month_is_refused() {
    let database = TestDatabase::create().await.unwrap();
    let mut connection = database.connect().await.unwrap();
    let insert = |id: &str| {
        format!(
            "INSERT INTO remediation_audit (id, name, namespace, phase, action_type) VALUES ({id}, 'a', 'b', 'pending', 'c')"
        )
    };
    connection.batch_execute(&insert("audit_id(7, now())")).await.unwrap();
    for id in ["7", "audit_id(7, now() - interval '2 months')", "audit_id(7, now()) + 1"] {
        let error = connection.batch_execute(&insert(id)).await.unwrap_err().to_string();
        assert!(error.contains("violates check constraint \"remediation_audit_"), "{error}");
    }
    let partition = format!("remediation_audit_{}", partitions::month_of(Timestamp::now()).format("%Y_%m"));
    let drop = format!("ALTER TABLE {partition} DROP CONSTRAINT {partition}_id");
    connection.batch_execute(&drop).await.unwrap();
    let report = crate::verify(&mut connection).await.unwrap().to_string();
    assert_eq!(report.trim(), format!("missing: constraint {partition}_id on {partition}"));
}

/// The months of ids as PostgreSQL works them out are those of [`Month`], whatever the session's time zone.
#[tokio::test]
async fn postgresql_and_the_service_give_the_same_ids() {
    let database = TestDatabase::create().await.unwrap();
    let mut connection = database.connect().await.unwrap();
    connection.batch_execute("SET timezone = 'Pacific/Kiritimati'").await.unwrap();
    for instant in [
        "1970-01-01T00:00:00Z",
        "2026-11-30T23:59:59.999999Z",
        "2026-12-01T00:00:00Z",
        "2652-08-31T23:00:00Z",
    ] {
        let asked = format!("SELECT audit_id(5, '{instant}')::text AS value");
        let expected = Month::of(instant.parse().unwrap()).id(5).to_string();
        assert_eq!(
            super::text(&mut connection, &asked).await.as_deref(),
            Some(expected.as_str()),
            "{instant}"
        );
    }
}

/// The month after the present one is looked for in every table, and in those that follow it.
#[tokio::test]
async fn a_type_of_record_without_the_next_month_is_named() {
    let database = TestDatabase::create().await.unwrap();
    let mut connection = database.connect().await.unwrap();
    let now = Timestamp::now();
    assert_eq!(partitions::missing_next(&mut connection, now).await.unwrap(), []);
    let next = partitions::month_of(now).checked_add_months(Months::new(1)).unwrap().format("%Y_%m");
    let drop = format!("DROP TABLE workflow_audit_{next}, remediation_words_{next}");
    connection.batch_execute(&drop).await.unwrap();
    let missing = partitions::missing_next(&mut connection, now).await.unwrap();
    assert_eq!(missing, [RecordType::Remediation, RecordType::Workflow]);
}
