//! Words before vectors, and sets beside one another.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use diesel_async::SimpleAsyncConnection as _;
use storage_models::Remediation;
use storage_testkit::TestDatabase;

use super::support::{embedder, write};
use crate::embedding_set::{EmbeddingSet, activate};
use crate::tests::projector::{EMBEDDED, OUTBOX, Scripted, quick, start, vector_of};
use crate::tests::support::{Bench, count, patient, until};
use crate::{EmbedFault, ProjectorSettings};

const WORDED: &str = "SELECT count(*) AS n FROM remediation_audit r JOIN remediation_words w \
    ON w.record_id = r.id AND w.start_time = r.start_time AND w.version = r.updated_at";
const NOTED: &str =
    "SELECT count(*) AS n FROM vector_outbox WHERE stage = 1 AND attempts = 0 AND lease_owner IS NULL";

/// Words need no embedder: they are stored while it is away, of records that are written then and of updates, and that is
/// noted. When it is back, all get their vectors.
#[tokio::test]
async fn words_are_stored_while_the_embedder_is_away() {
    let bench = Bench::new().await;
    let is_away = Arc::new(AtomicBool::new(true));
    let away = Arc::clone(&is_away);
    let embedder = Scripted(move |record: &Remediation| {
        if away.load(Ordering::Relaxed) {
            return Err(EmbedFault::Outage { reason: "away".to_owned(), retry_after: None });
        }
        Ok(vector_of(record))
    });
    let _projector = start(&bench, Arc::new(embedder), &ProjectorSettings { batch: 8, ..quick() }).await;
    write(&bench, 30).await;
    until(&bench, WORDED, 30).await;
    until(&bench, NOTED, 30).await;
    let update = "BEGIN; UPDATE remediation_audit SET error_message = 'evicted'; \
        UPDATE vector_outbox o SET version = r.updated_at, stage = 0, next_attempt_at = now(), lease_owner = NULL \
        FROM remediation_audit r WHERE r.id = o.record_id; COMMIT";
    bench.connect().await.batch_execute(update).await.unwrap();
    until(&bench, WORDED, 30).await;
    let new = "SELECT count(*) AS n FROM remediation_words w JOIN remediation_text t USING (text_key) \
               WHERE t.words @@ 'evicted'::tsquery";
    assert_eq!(bench.count(new).await, 30);
    assert_eq!((bench.count(EMBEDDED).await, bench.count(OUTBOX).await), (0, 30));
    is_away.store(false, Ordering::Relaxed);
    until(&bench, OUTBOX, 0).await;
    assert_eq!(bench.count(EMBEDDED).await, 30);
}

/// A write waits for each set that serves or is being built, and this projector serves one: it stores in that one's slot,
/// and touches no row of the other.
#[tokio::test]
async fn a_projector_leaves_the_rows_of_another_set_alone() {
    let bench = Bench::new().await;
    let building = "INSERT INTO embedding_set (composition, model, dimension, state, slot) VALUES ('1', 'next', 384, 'building', 2)";
    bench.connect().await.batch_execute(building).await.unwrap();
    write(&bench, 20).await;
    assert_eq!(bench.count(OUTBOX).await, 40);
    let _projector = start(&bench, embedder().0, &quick()).await;
    until(&bench, OUTBOX, 20).await;
    let untouched = "SELECT count(*) AS n FROM vector_outbox JOIN embedding_set s ON s.id = set_id \
        WHERE state = 'building' AND lease_owner IS NULL AND attempts = 0 AND stage = 0 AND next_attempt_at = enqueued_at";
    assert_eq!(bench.count(untouched).await, 20);
    let slots = "SELECT count(*) FILTER (WHERE slot = 1) * 100 + count(*) FILTER (WHERE slot = 2) AS n FROM remediation_vector";
    assert_eq!(bench.count(slots).await, 2_000);
}

/// Records that were written while no set served, or another one without any vector, wait for the first that does.
#[tokio::test]
async fn the_first_set_takes_over_what_was_written_before() {
    let database = TestDatabase::create().await.unwrap();
    let url = database.server_url().unwrap();
    let bench = Bench::on(database, &url, patient());
    bench.remediation("a").await;
    assert_eq!(bench.count(OUTBOX).await, 0);
    let set =
        |model: &str| EmbeddingSet { composition: "1".to_owned(), model: model.to_owned(), dimension: 384 };
    let mut connection = bench.connect().await;
    for (model, records) in [("one", 1), ("two", 2)] {
        let serving = activate(&mut connection, &set(model)).await.unwrap();
        let waiting = "SELECT count(*) AS n FROM vector_outbox o JOIN remediation_audit r \
            ON r.id = o.record_id AND r.updated_at = o.version JOIN embedding_set s ON s.id = o.set_id WHERE state = 'active'";
        assert_eq!(count(&mut connection, waiting).await, records, "{model}");
        assert_eq!((bench.count(OUTBOX).await, serving.slot), (records, 1), "{model}");
        bench.remediation(model).await;
    }
}

/// A partition of what is derived that is gone blames no record: it is made again, and all are projected.
#[tokio::test]
async fn a_month_without_partitions_for_what_is_derived_gets_them() {
    let bench = Bench::new().await;
    write(&bench, 20).await;
    let drop = "DO $$ DECLARE name text; BEGIN \
        FOR name IN SELECT inhrelid::regclass::text FROM pg_inherits \
            WHERE inhparent IN ('remediation_words'::regclass, 'remediation_vector'::regclass) LOOP \
            EXECUTE 'DROP TABLE ' || name; \
        END LOOP; END $$";
    bench.connect().await.batch_execute(drop).await.unwrap();
    let _projector = start(&bench, embedder().0, &ProjectorSettings { attempts: 1, ..quick() }).await;
    until(&bench, OUTBOX, 0).await;
    assert_eq!((bench.count(EMBEDDED).await, bench.count(WORDED).await), (20, 20));
}
