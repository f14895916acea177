//! The corpora, replayed.

use std::path::Path;

use super::TARGETS;

/// BR-STORAGE-010, BR-STORAGE-011: every seed and every finding of the fuzzer.
#[test]
fn every_corpus_keeps_its_promise() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds");
    for (name, target) in TARGETS {
        let entries = std::fs::read_dir(seeds.join(name)).unwrap();
        let files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        assert!(files.len() >= 5, "{name}: {} seeds", files.len());
        for file in files {
            let bytes = std::fs::read(&file).unwrap();
            let outcome = std::panic::catch_unwind(|| target(&bytes));
            assert!(outcome.is_ok(), "{}", file.display());
        }
    }
}
