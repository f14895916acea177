//! Whether the files of a crate import each other in a circle. Files without circles can be read from the bottom up.
//!
//! A file imports another when its code names something that the other defines, whatever modules hand the name on in
//! between. To declare a module, or to hand on what it defines, is no import. Tests are left out: they may look at
//! everything.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::modules::{self, Elsewhere, Import, Module, Path};
use crate::files::Source;

/// Imports followed from one name to what defines it.
const LONGEST_WAY: usize = 8;

/// The files of a crate, and what each takes from another: file, file, name.
type Arrows<'a> = BTreeMap<&'a str, BTreeMap<&'a str, &'a str>>;

/// A circle of files for each crate that has one.
pub(super) fn check(sources: &[Source]) -> Vec<String> {
    let roots =
        sources.iter().filter(|it| it.path.ends_with("src/lib.rs") || it.path.ends_with("src/main.rs"));
    roots.filter_map(|root| check_crate(sources, root)).collect()
}

fn check_crate(sources: &[Source], root: &Source) -> Option<String> {
    let tree = match Tree::read(sources, root) {
        Ok(tree) => tree,
        Err(fault) => return Some(fault),
    };
    let arrows = tree.arrows();
    let circles: Vec<_> = arrows.keys().filter_map(|file| shortest_circle(&arrows, file)).collect();
    let circle = circles.iter().min_by_key(|circle| circle.len())?;
    let steps = circle.iter().zip(circle.iter().cycle().skip(1));
    let taken = |from, to| arrows.get(from).and_then(|taken| taken.get(to)).copied().unwrap_or_default();
    let steps = steps.map(|(from, to)| format!("\n  {from} takes `{}` from {to}", taken(*from, *to)));
    Some(format!(
        "{}: files import each other in a circle (of this crate, {} files are in one):{}\n  Move the shared code into \
         a file that imports none of them, or pass it as a parameter.",
        root.path,
        circles.len(),
        steps.collect::<String>()
    ))
}

/// The modules of a crate, by their paths.
struct Tree(BTreeMap<Path, Module>);

/// Where a path ends.
enum Target<'a> {
    Module(&'a Module),
    /// A name that this module defines.
    Item(&'a Module),
}

impl Tree {
    fn read(sources: &[Source], root: &Source) -> Result<Self, String> {
        let folder = root.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut tree = BTreeMap::new();
        let mut open = vec![(Path::new(), root)];
        while let Some((path, source)) = open.pop() {
            let (read, elsewhere) = modules::read(&source.path, &path, &source.text)?;
            tree.extend(read.into_iter().map(|module| (module.path.clone(), module)));
            for Elsewhere(path) in elsewhere {
                let stem = format!("{folder}/{}", path.join("/"));
                let candidates = [format!("{stem}.rs"), format!("{stem}/mod.rs")];
                let source = sources.iter().find(|it| candidates.contains(&it.path));
                let source = source
                    .ok_or_else(|| format!("{}: the module is declared, but has no file", candidates[0]))?;
                open.push((path, source));
            }
        }
        Ok(Self(tree))
    }

    fn arrows(&self) -> Arrows<'_> {
        let mut arrows = Arrows::new();
        for module in self.0.values() {
            let from = arrows.entry(&module.file).or_default();
            let taken = |it: &&Import| !it.is_handed_on;
            let imported = module.imports.values().filter(taken).map(|it| (&it.path, false));
            // A star import may bring any name.
            let globs = module.globs.iter().filter(taken).map(|it| (&it.path, true));
            let named =
                module.named.iter().filter(|path| module.names_another(path)).map(|path| (path, false));
            for (path, is_glob) in imported.chain(globs).chain(named) {
                let to = match self.resolve(module, path, 0) {
                    Some(Target::Module(to)) if is_glob => to,
                    Some(Target::Item(to)) => to,
                    _ => continue,
                };
                if let Some(name) = path.last().filter(|_| to.file != module.file) {
                    from.entry(&to.file).or_insert(name);
                }
            }
        }
        arrows
    }

    /// The file that defines a path in a module; `None` for another crate's path or a local name.
    fn resolve<'a>(&'a self, module: &'a Module, path: &[String], way: usize) -> Option<Target<'a>> {
        let (first, rest) = path.split_first()?;
        let start = match first.as_str() {
            "crate" => Target::Module(self.0.get(&Path::new())?),
            "self" => Target::Module(module),
            "super" => Target::Module(self.parent(module)?),
            name => self.member(module, name, way)?,
        };
        rest.iter().try_fold(start, |target, name| match target {
            Target::Item(module) => Some(Target::Item(module)),
            Target::Module(module) if name == "super" => Some(Target::Module(self.parent(module)?)),
            Target::Module(module) => match self.member(module, name, way) {
                // A name that nothing there declares or imports comes from a macro there.
                None if !module.imports.contains_key(name) => Some(Target::Item(module)),
                found => found,
            },
        })
    }

    /// The file that defines a name in a module.
    fn member<'a>(&'a self, module: &'a Module, name: &str, way: usize) -> Option<Target<'a>> {
        if module.children.contains(name) {
            let path = [module.path.as_slice(), &[name.to_owned()]].concat();
            return self.0.get(&path).map(Target::Module);
        }
        if module.defined.contains(name) {
            return Some(Target::Item(module));
        }
        if way > LONGEST_WAY {
            return None;
        }
        match module.imports.get(name) {
            Some(import) if import.path.first().is_some_and(|first| first != name) => {
                self.resolve(module, &import.path, way + 1)
            }
            Some(_) => None,
            None => {
                module.known_globs().find_map(|glob| match self.resolve(module, &glob.path, way + 1)? {
                    Target::Module(other) if other.path != module.path => self.member(other, name, way + 1),
                    _ => None,
                })
            }
        }
    }

    fn parent(&self, module: &Module) -> Option<&Module> {
        let (_, parent) = module.path.split_last()?;
        self.0.get(parent)
    }
}

/// The shortest way from a file back to it.
fn shortest_circle<'a>(arrows: &Arrows<'a>, start: &'a str) -> Option<Vec<&'a str>> {
    let mut open = VecDeque::from([vec![start]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = open.pop_front() {
        for next in way.last().and_then(|last| arrows.get(last)).into_iter().flat_map(BTreeMap::keys) {
            if *next == start {
                return Some(way);
            }
            if seen.insert(*next) {
                open.push_back([way.as_slice(), &[*next]].concat());
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
