//! Which files of a crate import which.
//!
//! A file imports another when its code names something that the other defines, whatever modules hand the name on in
//! between. To declare a module, or to hand on what it defines, is no import. Tests are left out: they may look at
//! everything.

use std::collections::BTreeMap;

use super::modules::{self, Elsewhere, Import, Module, Path};
use crate::files::Source;

/// Imports followed from one name to what defines it.
const LONGEST_WAY: usize = 8;

/// The files of a crate, and what each takes from another: file, file, name.
pub(super) type Imports = BTreeMap<String, BTreeMap<String, String>>;

/// The imports between the files of the crate that begins at `root`.
pub(super) fn of_crate(sources: &[Source], root: &Source) -> Result<Imports, String> {
    Ok(Tree::read(sources, root)?.imports())
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

    fn imports(&self) -> Imports {
        let mut imports = Imports::new();
        for module in self.0.values() {
            let from = imports.entry(module.file.clone()).or_default();
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
                    from.entry(to.file.clone()).or_insert_with(|| name.clone());
                }
            }
        }
        imports
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
