//! What an operator sees of the outbox.

use diesel_async::AsyncPgConnection;

use super::support::Bench;
use crate::outbox::{self, Depth, DepthCount};

async fn depth(connection: &mut AsyncPgConnection) -> Depth {
    let mut count = DepthCount::default();
    loop {
        if let Some(depth) = count.step(connection).await.unwrap() {
            return depth;
        }
    }
}

#[tokio::test]
async fn the_depth_tells_waiting_from_parked() {
    use diesel_async::SimpleAsyncConnection as _;
    let bench = Bench::new().await;
    let mut connection = bench.connect().await;
    assert_eq!(depth(&mut connection).await, Depth::default());
    for name in ["a", "b", "c"] {
        bench.remediation(name).await;
    }
    connection
        .batch_execute(
            "UPDATE vector_outbox SET parked_at = now() WHERE record_id = (SELECT min(record_id) FROM vector_outbox); \
             UPDATE vector_outbox SET attempts = 1, enqueued_at = enqueued_at - interval '1 hour' \
             WHERE record_id = (SELECT max(record_id) FROM vector_outbox)",
        )
        .await
        .unwrap();
    let found = depth(&mut connection).await;
    assert_eq!((found.waiting, found.parked), (2, 1));
    assert!(found.oldest_micros > 3_600_000_000, "{found:?}");
    assert!((1..3_600_000_000).contains(&found.untried_micros), "{found:?}");
    assert_eq!(outbox::retry(&mut connection, &[]).await.unwrap(), 1);
    assert_eq!(depth(&mut connection).await.waiting, 3);
}

/// F54: an outbox of many pages is counted in several statements, none of which reads it all.
#[tokio::test]
async fn a_long_outbox_is_counted_piece_by_piece() {
    use diesel_async::SimpleAsyncConnection as _;
    let bench = Bench::new().await;
    let mut connection = bench.connect().await;
    connection
        .batch_execute(
            "INSERT INTO vector_outbox (set_id, record_id, start_time, version) \
             SELECT (SELECT id FROM embedding_set WHERE state = 'active'), n, now(), now() FROM generate_series(1, 300000) AS n",
        )
        .await
        .unwrap();
    let (mut count, mut steps) = (DepthCount::default(), 1);
    let found = loop {
        match count.step(&mut connection).await.unwrap() {
            Some(depth) => break depth,
            None => steps += 1,
        }
    };
    assert_eq!((found.waiting, found.parked), (300_000, 0));
    assert!(steps > 2, "{steps} steps");
}
