//! Every statement of fixed text of every crate, as PostgreSQL sees it.

use std::path::{Path, PathBuf};

use diesel_async::SimpleAsyncConnection as _;
use storage_testkit::TestDatabase;

/// The files of a folder and of those in it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// What a file holds can be pasted into psql: PostgreSQL knows each table, column and function, and the type of each bind.
#[tokio::test]
async fn every_file_can_be_prepared_as_it_is() {
    let database = TestDatabase::create().await.unwrap();
    let mut connection = database.connect().await.unwrap();
    let crates = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap();
    let folders = crates.map(|entry| entry.unwrap().path().join("sql")).filter(|path| path.is_dir());
    let folders: Vec<PathBuf> = folders.collect();
    assert!(folders.len() >= 2, "{folders:?}");
    let mut refused = Vec::new();
    for (number, file) in folders.iter().flat_map(|folder| files(folder)).enumerate() {
        let text = std::fs::read_to_string(&file).unwrap();
        if let Err(error) = connection.batch_execute(&format!("PREPARE statement_{number} AS {text}")).await {
            refused.push(format!("{}: {error}", file.display()));
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
    drop(connection);
    database.close().await.unwrap();
}
