//! Records that PostgreSQL refuses to project, and outbox rows that are not in step with their records.

use std::sync::Arc;
use std::time::Duration;

use diesel_async::SimpleAsyncConnection as _;
use storage_models::Remediation;

use super::support::write;
use crate::tests::projector::{EMBEDDED, OUTBOX, Scripted, quick, start, vector_of};
use crate::tests::support::{Bench, until};
use crate::{ProjectorSettings, RecordEmbedder, outbox};

const PARKED: &str = "SELECT count(*) AS n FROM vector_outbox WHERE parked_at IS NOT NULL";

/// What PostgreSQL says of a record alone, and what could be said of all.
const CLEAR: &str = "string is too long for tsvector (1048600 bytes, max 1048575 bytes)";
const UNCLEAR: &str = "no words can be made of this";

/// Has PostgreSQL refuse, with these words, to project records whose names match a pattern.
fn refusing(pattern: &str, words: &str, table: &str) -> String {
    format!(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
            IF (SELECT name FROM remediation_audit WHERE id = NEW.record_id) LIKE '{pattern}' THEN RAISE EXCEPTION '{words}' USING ERRCODE = 'program_limit_exceeded'; END IF; \
            RETURN NEW; \
        END $$; \
        CREATE TRIGGER refuse BEFORE INSERT ON {table} \
            FOR EACH ROW EXECUTE FUNCTION refuse()"
    )
}

fn embedder() -> Arc<dyn RecordEmbedder> {
    Arc::new(Scripted(|record: &Remediation| Ok(vector_of(record))))
}

/// F40: of a batch of a hundred, the one record that PostgreSQL refuses is parked with PostgreSQL's sentence, and all
/// others are projected.
#[tokio::test]
async fn a_record_that_postgresql_refuses_is_parked_alone() {
    for (words, table) in [
        (CLEAR, "remediation_words"),
        (UNCLEAR, "remediation_words"),
        (CLEAR, "remediation_vector"),
        (UNCLEAR, "remediation_vector"),
    ] {
        let bench = Bench::new().await;
        bench.connect().await.batch_execute(&refusing("refused%", words, table)).await.unwrap();
        write(&bench, 70).await;
        let refused = bench.remediation("refused").await.id;
        write(&bench, 29).await;
        let _projector = start(&bench, embedder(), &ProjectorSettings { attempts: 1, ..quick() }).await;
        until(&bench, PARKED, 1).await;
        until(&bench, EMBEDDED, 99).await;
        assert_eq!(bench.count(OUTBOX).await, 1);
        let parked = outbox::list(&mut bench.connect().await, 10).await.unwrap();
        assert_eq!((parked[0].record_id, parked[0].attempts), (refused, 1));
        assert_eq!(parked[0].last_error.as_deref(), Some(words));
    }
}

/// F40, F57: what PostgreSQL refuses of every record, for no clear reason, is no record's fault: none is parked, and all are
/// projected when it is mended.
#[tokio::test]
async fn what_is_refused_of_all_records_counts_against_none() {
    let bench = Bench::new().await;
    let mut connection = bench.connect().await;
    connection.batch_execute(&refusing("%", UNCLEAR, "remediation_words")).await.unwrap();
    connection.batch_execute("CREATE SEQUENCE refused").await.unwrap();
    write(&bench, 20).await;
    let count = "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN \
        PERFORM nextval('refused'); RAISE EXCEPTION 'no words can be made of this'; END $$";
    connection.batch_execute(count).await.unwrap();
    let _projector = start(&bench, embedder(), &ProjectorSettings { attempts: 1, ..quick() }).await;
    until(&bench, "SELECT (last_value > 50)::int::bigint AS n FROM refused", 1).await;
    assert_eq!(bench.count("SELECT max(attempts)::bigint AS n FROM vector_outbox").await, 0);
    connection.batch_execute("DROP TRIGGER refuse ON remediation_words").await.unwrap();
    until(&bench, OUTBOX, 0).await;
}

/// F40: where every record of a batch is refused, each is parked, and what comes afterwards is projected.
#[tokio::test]
async fn a_batch_of_refused_records_stops_nothing_behind_it() {
    let bench = Bench::new().await;
    bench.connect().await.batch_execute(&refusing("refused%", CLEAR, "remediation_words")).await.unwrap();
    for n in 0..20 {
        bench.remediation(&format!("refused-{n}")).await;
    }
    let _projector = start(&bench, embedder(), &ProjectorSettings { attempts: 1, batch: 8, ..quick() }).await;
    bench.remediation("behind").await;
    until(&bench, EMBEDDED, 1).await;
    until(&bench, PARKED, 20).await;
}

/// F40: a record that cannot be read is parked, and those claimed with it are projected.
#[tokio::test]
async fn a_record_that_cannot_be_read_is_parked_alone() {
    let bench = Bench::new().await;
    write(&bench, 20).await;
    let unreadable = bench.remediation("unreadable").await.id;
    let spoil = format!(
        "UPDATE remediation_audit SET created_at = 'infinity' WHERE id = {unreadable}; \
         UPDATE vector_outbox SET version = (SELECT updated_at FROM remediation_audit WHERE id = record_id)"
    );
    bench.connect().await.batch_execute(&spoil).await.unwrap();
    let _projector = start(&bench, embedder(), &ProjectorSettings { attempts: 1, ..quick() }).await;
    until(&bench, PARKED, 1).await;
    until(&bench, EMBEDDED, 20).await;
    assert_eq!(outbox::list(&mut bench.connect().await, 10).await.unwrap()[0].record_id, unreadable);
}

/// F58: a row that was enqueued in an older version than its record has, as from an older snapshot, adopts the record's
/// version and is projected.
#[tokio::test]
async fn an_outbox_row_of_an_older_version_adopts_that_of_its_record() {
    let bench = Bench::new().await;
    bench.remediation("a").await;
    bench
        .connect()
        .await
        .batch_execute("UPDATE vector_outbox SET version = version - interval '1 s'")
        .await
        .unwrap();
    let settings = ProjectorSettings { lease: Duration::from_secs(3600), attempts: 1, ..quick() };
    let _projector = start(&bench, embedder(), &settings).await;
    until(&bench, OUTBOX, 0).await;
    assert_eq!(bench.count(EMBEDDED).await, 1);
}
