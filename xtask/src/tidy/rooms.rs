//! Whether the rooms of the server know only those below them.

use std::collections::BTreeSet;

use super::imports;
use crate::files::Source;

const ROOT: &str = "crates/storage-server/src/lib.rs";

/// The rooms from the top down, a row a line. A room may use those to its right and those in the rows below it.
const ROWS: &[&[&str]] = &[
    &["life"],
    &["routes", "http", "openapi"],
    &["settings"],
    &["auth", "search", "export"],
    &["problem", "embedder", "store", "health", "tls", "telemetry", "explorer"],
];

/// Each import that climbs.
pub(super) fn check(sources: &[Source]) -> Vec<String> {
    let Some(root) = sources.iter().find(|it| it.path == ROOT) else { return Vec::new() };
    let imports = match imports::of_crate(sources, root) {
        Ok(imports) => imports,
        Err(fault) => return vec![fault],
    };
    let rooms: BTreeSet<&str> = imports.keys().filter_map(|file| room_of(file)).collect();
    let without_place = rooms.iter().filter(|room| place(room).is_none()).map(|room| {
        format!("the room {room} of {ROOT} has no place: add it to the table in xtask/src/tidy/rooms.rs")
    });
    let taken = imports.iter().flat_map(|(from, taken)| taken.iter().map(move |(to, name)| (from, to, name)));
    let climbing = taken.filter(|(from, to, _)| is_above(to, from)).map(|(from, to, name)| {
        format!(
            "{from} takes `{name}` from {to}, whose room lies above: move what both need down, or pass it as a parameter"
        )
    });
    without_place.chain(climbing).collect()
}

fn is_above(file: &str, other: &str) -> bool {
    let place_of = |file| room_of(file).and_then(place);
    place_of(file).zip(place_of(other)).is_some_and(|(file, other)| file < other)
}

/// The room of a file; the crate's root has none.
fn room_of(path: &str) -> Option<&str> {
    let within = path.strip_prefix(ROOT.strip_suffix("lib.rs")?)?;
    let room = within.split('/').next()?;
    (room != "lib.rs").then(|| room.strip_suffix(".rs").unwrap_or(room))
}

/// Its row and its place in the row.
fn place(room: &str) -> Option<(usize, usize)> {
    ROWS.iter().enumerate().find_map(|(row, rooms)| Some((row, rooms.iter().position(|it| *it == room)?)))
}

#[cfg(test)]
mod tests {
    //! Tests for the rooms, in a server of a few lines.

    use super::{ROOT, Source, check};

    fn faults(files: &[(&str, &str)]) -> Vec<String> {
        let folder = ROOT.trim_end_matches("lib.rs");
        let source = |(path, text): &(&str, &str)| Source {
            path: format!("{folder}{path}"),
            text: (*text).to_owned(),
        };
        check(&files.iter().map(source).collect::<Vec<_>>())
    }

    #[test]
    fn rooms_that_know_only_those_below_them_pass() {
        let found = faults(&[
            ("lib.rs", "mod life; mod routes; mod http; mod store; pub use life::Server;"),
            ("life.rs", "use crate::http::state::State; use crate::routes; pub struct Server(State);"),
            ("routes/mod.rs", "pub mod list; #[cfg(test)] mod tests;"),
            ("routes/list.rs", "use crate::http::state::State; use crate::store::Store; use super::Form;"),
            ("routes/tests.rs", "use crate::life::Server;"),
            ("http/mod.rs", "pub mod state;"),
            ("http/state.rs", "use crate::store::Store; pub struct State(Store);"),
            ("store.rs", "pub struct Store;"),
        ]);
        assert_eq!(found, [""; 0]);
    }

    #[test]
    fn an_import_that_climbs_is_named_and_so_is_a_room_without_a_place() {
        let found = faults(&[
            ("lib.rs", "mod attic; mod routes; mod http; mod store;"),
            ("attic.rs", "pub struct Attic;"),
            ("routes/mod.rs", "pub struct Heavy;"),
            ("http/mod.rs", "use crate::routes; struct State(routes::Heavy);"),
            ("store.rs", "use crate::http::State;"),
        ]);
        let [attic, http, store] = found.as_slice() else { panic!("{found:?}") };
        assert!(attic.starts_with("the room attic of"), "{attic}");
        assert!(http.contains("http/mod.rs takes `Heavy` from"), "{http}");
        assert!(store.contains("store.rs takes `State` from"), "{store}");
    }
}
