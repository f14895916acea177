//! Whether the files of a crate import each other in a circle. Files without circles can be read from the bottom up.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::imports::{self, Imports};
use crate::files::Source;

/// A circle of files for each crate that has one.
pub(super) fn check(sources: &[Source]) -> Vec<String> {
    let roots =
        sources.iter().filter(|it| it.path.ends_with("src/lib.rs") || it.path.ends_with("src/main.rs"));
    roots.filter_map(|root| check_crate(sources, root)).collect()
}

fn check_crate(sources: &[Source], root: &Source) -> Option<String> {
    let imports = match imports::of_crate(sources, root) {
        Ok(imports) => imports,
        Err(fault) => return Some(fault),
    };
    let circles: Vec<_> = imports.keys().filter_map(|file| shortest_circle(&imports, file)).collect();
    let circle = circles.iter().min_by_key(|circle| circle.len())?;
    let steps = circle.iter().zip(circle.iter().cycle().skip(1));
    let taken = |from: &str, to: &str| imports.get(from).and_then(|taken| taken.get(to)).map_or("", |it| it);
    let steps = steps.map(|(from, to)| format!("\n  {from} takes `{}` from {to}", taken(from, to)));
    Some(format!(
        "{}: files import each other in a circle (of this crate, {} files are in one):{}\n  Move the shared code into \
         a file that imports none of them, or pass it as a parameter.",
        root.path,
        circles.len(),
        steps.collect::<String>()
    ))
}

/// The shortest way from a file back to it.
fn shortest_circle<'a>(imports: &'a Imports, start: &'a str) -> Option<Vec<&'a str>> {
    let mut open = VecDeque::from([vec![start]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = open.pop_front() {
        for next in way.last().and_then(|last| imports.get(*last)).into_iter().flat_map(BTreeMap::keys) {
            if next == start {
                return Some(way);
            }
            if seen.insert(next) {
                open.push_back([way.as_slice(), &[next]].concat());
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    //! Tests for the circles, in crates of a few lines.

    use super::{Source, check};

    fn faults(files: &[(&str, &str)]) -> Vec<String> {
        let source = |(path, text): &(&str, &str)| Source {
            path: format!("crates/a/src/{path}"),
            text: (*text).to_owned(),
        };
        check(&files.iter().map(source).collect::<Vec<_>>())
    }

    #[test]
    fn files_that_know_only_those_below_them_pass() {
        let found = faults(&[
            ("lib.rs", "mod top; mod ground; pub use top::Top;"),
            (
                "top/mod.rs",
                "mod part; pub use part::Part; use crate::ground::Ground; pub struct Top(Ground, u8);",
            ),
            ("top/part.rs", "pub struct Part(super::super::ground::Ground);"),
            ("ground.rs", "use serde::Serialize; pub struct Ground; #[cfg(test)] mod tests;"),
            ("ground/tests.rs", "use crate::top::Top;"),
        ]);
        assert_eq!(found, [""; 0]);
    }

    #[test]
    fn a_circle_is_named_file_by_file() {
        let found = faults(&[
            ("lib.rs", "mod a; mod b; mod c; mod d;"),
            ("a.rs", "use crate::b::B; pub struct A(B);"),
            ("b.rs", "pub struct B(crate::c::C);"),
            ("c.rs", "pub struct C; fn made() -> C { super::a::new() }"),
            ("d.rs", "use crate::a::A;"),
        ]);
        assert_eq!(found.len(), 1, "{found:?}");
        let steps = "(of this crate, 3 files are in one):\n  crates/a/src/a.rs takes `B` from crates/a/src/b.rs\n  \
                     crates/a/src/b.rs takes `C` from crates/a/src/c.rs\n  crates/a/src/c.rs takes `new` from \
                     crates/a/src/a.rs\n";
        assert!(found[0].contains(steps), "{}", found[0]);
    }

    /// The file that defines a name counts, not a file that re-exports it. A file that uses its own re-export depends
    /// on the defining file.
    #[test]
    fn a_name_that_is_handed_on_leads_to_its_file() {
        let parent = |uses: &str| {
            faults(&[
                ("lib.rs", "mod parent;"),
                (
                    "parent/mod.rs",
                    &format!("mod child; mod other; pub use child::Child; pub use other::*; {uses}"),
                ),
                ("parent/child.rs", "use super::{Other, Shared}; pub struct Child(Other, Shared);"),
                ("parent/other.rs", "pub struct Other;"),
            ])
        };
        assert_eq!(parent("pub struct Shared;"), [""; 0]);
        assert_eq!(parent("pub struct Shared; fn child() -> u8 { it.Child }"), [""; 0]);
        for uses in [
            "pub struct Shared(Child);",
            "pub struct Shared; fn child() { child::new() }",
            "pub struct Shared; mod inner { use super::child::Child; }",
            "pub struct Shared; use child::*;",
        ] {
            let found = parent(uses);
            assert!(
                found[0].contains("parent/child.rs takes `Shared` from crates/a/src/parent/mod.rs"),
                "{uses}"
            );
        }
    }

    /// A macro depends on the names in it, and its callers depend on the macro.
    #[test]
    fn macros_are_read_as_code() {
        let found = faults(&[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "macro_rules! make { () => { $crate::b::B } } pub(crate) use make;"),
            ("b.rs", "use crate::a::make; pub struct B; const MADE: B = make!();"),
        ]);
        assert!(found[0].contains("a.rs takes `B` from crates/a/src/b.rs"), "{found:?}");
    }

    #[test]
    fn what_is_for_tests_alone_is_left_out() {
        for for_tests in [
            "#[cfg(test)] use crate::b::B;",
            "#[cfg(test)] pub(crate) const fn b<T, U>(_: T) -> crate::b::B { crate::b::B }",
            "pub struct A2 { #[cfg(test)] b: Vec<crate::b::B>, c: u8 }",
            "#[cfg(test)] mod tests { use crate::b::B; }",
            "/// See [`crate::b::B`].\npub struct A2;",
        ] {
            let found = faults(&[
                ("lib.rs", "mod a; mod b;"),
                ("a.rs", &format!("pub struct A; {for_tests}")),
                ("b.rs", "pub struct B(crate::a::A);"),
            ]);
            assert_eq!(found, [""; 0], "{for_tests}");
        }
    }
}
