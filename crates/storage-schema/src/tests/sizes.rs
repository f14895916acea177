//! Sizes of tables and of the database, as the server's role sees them.

use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};
use storage_models::Timestamp;
use storage_testkit::TestDatabase;

use crate::sizes::{of_database, of_tables};
use crate::{expected, partitions};

const FILL: &str = "INSERT INTO remediation_audit (name, namespace, phase, action_type, start_time, error_message) \
    SELECT 'n', 'ns', 'pending', 'scale', now(), repeat(md5(n::text), 100) FROM generate_series(1, 200) AS n";

/// Every table is there, those of months with each month by itself, and what a month is filled with is counted for it.
#[tokio::test]
async fn the_server_sees_each_table_and_month_grow() {
    let database = TestDatabase::create().await.unwrap();
    let mut server = AsyncPgConnection::establish(&database.server_url().unwrap()).await.unwrap();
    let before = (of_tables(&mut server).await.unwrap(), of_database(&mut server).await.unwrap());
    database.connect().await.unwrap().batch_execute(FILL).await.unwrap();
    let after = (of_tables(&mut server).await.unwrap(), of_database(&mut server).await.unwrap());
    assert!(after.1 > before.1, "{} {}", before.1, after.1);

    let present = partitions::month_of(Timestamp::now()).format("%Y-%m").to_string();
    let grown: Vec<_> = before.0.iter().zip(&after.0).filter(|(old, new)| new.bytes > old.bytes).collect();
    let records = grown.iter().find(|(_, new)| new.table == "remediation_audit").unwrap();
    assert_eq!(records.1.month.as_ref(), Some(&present));
    assert!(
        grown.iter().all(|(_, new)| new.month.as_ref().is_none_or(|month| *month == present)),
        "{grown:?}"
    );

    let is_part = |name: &str| name.starts_with("embedding_vector_");
    for table in expected::TABLES.iter().map(|it| it.name).filter(|it| !is_part(it)) {
        let months = after.0.iter().filter(|it| it.table == table).map(|it| it.month.is_some());
        let months: Vec<bool> = months.collect();
        if expected::partitioned().any(|it| it == table) {
            assert!(months.len() >= 5 && months.iter().all(|it| *it), "{table}: {months:?}");
        } else {
            assert_eq!(months, [false], "{table}");
        }
    }
}
