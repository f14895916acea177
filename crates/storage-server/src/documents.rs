//! Documents that are generated from the code, kept in `docs/`.

use std::path::Path;

/// Set, it makes [`assert_current`] write the document.
const UPDATE: &str = "UPDATE_DOCS";

/// Fails when `docs/<name>` is not `content`.
pub(crate) fn assert_current(name: &str, content: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, content).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == content,
        "docs/{name} is stale; write it again with `{UPDATE}=1 cargo test -p storage-server docs`"
    );
}
