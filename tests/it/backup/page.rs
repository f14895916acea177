//! The commands of `docs/operations/backup.md`.

const PAGE: &str = include_str!("../../../docs/operations/backup.md");

/// The block of commands with this name, which stands behind the language of the block.
pub(super) fn block(name: &str) -> &'static str {
    let (_, rest) =
        PAGE.split_once(&format!("\n```sh {name}\n")).unwrap_or_else(|| panic!("no block {name}"));
    rest.split_once("\n```").unwrap().0
}
