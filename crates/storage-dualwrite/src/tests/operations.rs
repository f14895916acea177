//! What an operator sees of the outbox.

use super::support::Bench;
use crate::outbox;

#[tokio::test]
async fn the_depth_tells_waiting_from_parked() {
    use diesel_async::SimpleAsyncConnection as _;
    let bench = Bench::new().await;
    let mut connection = bench.connect().await;
    let empty = outbox::depth(&mut connection).await.unwrap();
    assert_eq!(empty, outbox::Depth::default());
    for name in ["a", "b", "c"] {
        bench.remediation(name).await;
    }
    connection
        .batch_execute(
            "UPDATE vector_outbox SET parked_at = now() WHERE record_id = (SELECT min(record_id) FROM vector_outbox)",
        )
        .await
        .unwrap();
    let depth = outbox::depth(&mut connection).await.unwrap();
    assert_eq!((depth.waiting, depth.parked), (2, 1));
    assert!(depth.oldest_micros > 0);
    assert_eq!(outbox::retry(&mut connection, &[]).await.unwrap(), 1);
    assert_eq!(outbox::depth(&mut connection).await.unwrap().waiting, 3);
}
