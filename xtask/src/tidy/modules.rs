//! The modules of a crate, read from its files: what each declares, what it imports, and which names it uses.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A path as it is written: `["crate", "state", "AppState"]`.
pub(super) type Path = Vec<String>;

/// One module: a file of its own, or a part of one.
#[derive(Debug, Default)]
pub(super) struct Module {
    /// The modules from the root of the crate down to this one.
    pub(super) path: Path,
    /// The file that holds it.
    pub(super) file: String,
    /// The modules declared in it.
    pub(super) children: BTreeSet<String>,
    /// Other names that are defined in it.
    pub(super) defined: BTreeSet<String>,
    /// Names that it imports, with what they stand for.
    pub(super) imports: BTreeMap<String, Import>,
    /// Its star imports.
    pub(super) globs: Vec<Import>,
    /// The paths in its code.
    pub(super) named: BTreeSet<Path>,
}

impl Module {
    /// Whether a path may lead out of the module. A single name is local, or an import that is counted as one; but what
    /// the module hands on counts where its code uses it.
    pub(super) fn names_another(&self, path: &Path) -> bool {
        match path.as_slice() {
            [name] => self.imports.get(name).is_some_and(|import| import.is_handed_on),
            _ => true,
        }
    }

    /// Its star imports from this crate, by names that it knows without another star.
    pub(super) fn known_globs(&self) -> impl Iterator<Item = &Import> {
        let is_known = |name: &String| {
            ["crate", "self", "super"].contains(&name.as_str())
                || self.children.contains(name)
                || self.defined.contains(name)
                || self.imports.contains_key(name)
        };
        self.globs.iter().filter(move |glob| glob.path.first().is_some_and(is_known))
    }
}

/// What an imported name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Import {
    pub(super) path: Path,
    /// Whether the module re-exports the name. A file that imports the name depends on the defining file; the module
    /// does not.
    pub(super) is_handed_on: bool,
}

/// Words that a definition begins with, each followed by the name.
const DEFINING: [&str; 9] =
    ["fn", "struct", "enum", "union", "trait", "type", "const", "static", "macro_rules"];

/// Words that begin an item which ends with a semicolon, whatever braces are in it.
const WITHOUT_BODY: [&str; 4] = ["use", "const", "static", "type"];

/// A module that the file only declares: its content is in a file of its own.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Elsewhere(pub(super) Path);

/// Reads a file that holds the module of this path, and the modules written out in it. Tests are left out.
///
/// # Errors
/// When the text is not Rust.
pub(super) fn read(file: &str, path: &Path, text: &str) -> Result<(Vec<Module>, Vec<Elsewhere>), String> {
    let tokens: TokenStream =
        text.parse().map_err(|error| format!("{file}: this is not valid Rust: {error}"))?;
    let mut reader = Reader { file, modules: Vec::new(), elsewhere: Vec::new() };
    reader.module(path.clone(), tokens);
    Ok((reader.modules, reader.elsewhere))
}

struct Reader<'a> {
    file: &'a str,
    modules: Vec<Module>,
    elsewhere: Vec<Elsewhere>,
}

impl Reader<'_> {
    fn module(&mut self, path: Path, tokens: TokenStream) {
        let mut module = Module { path, file: self.file.to_owned(), ..Module::default() };
        self.tokens(&mut module, tokens, true);
        self.modules.push(module);
    }

    /// `is_top` says whether these are the items of the module itself, and not what is inside one of them.
    fn tokens(&mut self, module: &mut Module, tokens: TokenStream, is_top: bool) {
        let tokens = tokens.into_iter().collect::<Vec<_>>();
        let mut at = 0;
        // The visibility of the item: `pub`, `pub(crate)`.
        let mut is_public = false;
        while let Some(token) = tokens.get(at) {
            if is_test_attribute(&tokens, at) {
                at = end_of_item(&tokens, at + 2);
                continue;
            }
            let word = word(token);
            match word.as_deref() {
                Some("pub") => {
                    is_public = true;
                    at += 1 + usize::from(group(&tokens, at + 1, Delimiter::Parenthesis).is_some());
                    continue;
                }
                Some("use") => {
                    let end = (at..tokens.len()).find(|it| is_punct(&tokens, *it, ';'));
                    let end = end.unwrap_or(tokens.len());
                    let tree = tokens.get(at + 1..end).unwrap_or_default();
                    use_tree(module, tree, &Path::new(), is_public, is_top);
                    at = end;
                }
                Some("mod") if is_top && names(&tokens, at + 1) => {
                    let name = word_at(&tokens, at + 1).unwrap_or_default();
                    let inner = [module.path.as_slice(), std::slice::from_ref(&name)].concat();
                    match group(&tokens, at + 2, Delimiter::Brace) {
                        Some(body) => self.module(inner, body),
                        None => self.elsewhere.push(Elsewhere(inner)),
                    }
                    module.children.insert(name);
                    at += 3;
                    is_public = false;
                    continue;
                }
                Some(defining) if is_top && DEFINING.contains(&defining) => {
                    // `macro_rules! name`
                    let name = at + 1 + usize::from(is_punct(&tokens, at + 1, '!'));
                    module.defined.extend(tokens.get(name).and_then(self::word));
                }
                Some(_) if begins_path(&tokens, at) => {
                    let (path, end) = path_at(&tokens, at);
                    module.named.insert(path);
                    at = end;
                    is_public = false;
                    continue;
                }
                _ => {}
            }
            if let Some(TokenTree::Group(inner)) = tokens.get(at) {
                self.tokens(module, inner.stream(), false);
            }
            is_public = false;
            at += 1;
        }
    }
}

/// Notes what a `use` imports: the tree of names in `tokens`, below `prefix`.
fn use_tree(module: &mut Module, tokens: &[TokenTree], prefix: &Path, is_handed_on: bool, is_top: bool) {
    for tree in tokens.split(|it| matches!(it, TokenTree::Punct(comma) if comma.as_char() == ',')) {
        let mut path = prefix.clone();
        let mut alias = None;
        let mut at = 0;
        let mut is_whole = true;
        while let Some(token) = tree.get(at) {
            match token {
                TokenTree::Ident(word) if word == "as" => {
                    alias = tree.get(at + 1).and_then(self::word);
                    at += 1;
                }
                TokenTree::Ident(word) if word == "self" && !path.is_empty() => {}
                TokenTree::Ident(word) => path.push(word.to_string()),
                TokenTree::Punct(star) if star.as_char() == '*' => {
                    module.globs.push(Import { path: path.clone(), is_handed_on });
                    is_whole = false;
                }
                TokenTree::Group(inner) => {
                    let inner = inner.stream().into_iter().collect::<Vec<_>>();
                    use_tree(module, &inner, &path, is_handed_on, is_top);
                    is_whole = false;
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
            at += 1;
        }
        let Some(last) = path.last().filter(|_| is_whole) else { continue };
        let name = alias.unwrap_or_else(|| last.clone());
        if is_top && name != "_" {
            module.imports.insert(name, Import { path, is_handed_on });
        } else {
            module.named.insert(path);
        }
    }
}

/// Whether a path begins here, and not a field, a method or the middle of a path.
fn begins_path(tokens: &[TokenTree], at: usize) -> bool {
    let follows = |sign| at.checked_sub(1).is_some_and(|before| is_punct(tokens, before, sign));
    let is_after_colons = follows(':') && at.checked_sub(2).is_some_and(|it| is_punct(tokens, it, ':'));
    names(tokens, at) && !follows('.') && !is_after_colons
}

/// The path that begins here, and where it ends.
fn path_at(tokens: &[TokenTree], start: usize) -> (Path, usize) {
    let mut path = Path::new();
    let mut at = start;
    while let Some(name) = tokens.get(at).and_then(word) {
        path.push(name);
        at += 1;
        if !(is_punct(tokens, at, ':') && is_punct(tokens, at + 1, ':') && names(tokens, at + 2)) {
            break;
        }
        at += 2;
    }
    (path, at)
}

fn is_test_attribute(tokens: &[TokenTree], at: usize) -> bool {
    let attribute = is_punct(tokens, at, '#').then(|| group(tokens, at + 1, Delimiter::Bracket)).flatten();
    attribute.is_some_and(|it| it.to_string().replace(' ', "") == "cfg(test)")
}

/// Where the item, field or variant that begins here has ended.
fn end_of_item(tokens: &[TokenTree], start: usize) -> usize {
    let mut at = start;
    while is_punct(tokens, at, '#') {
        at += 2;
    }
    let mut has_body = true;
    let mut open = 0_usize;
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token {
            TokenTree::Ident(word) if WITHOUT_BODY.iter().any(|it| word == it) => {
                // `const fn` has one.
                has_body = word_at(tokens, at).as_deref() == Some("fn");
            }
            TokenTree::Punct(sign) if sign.as_char() == '<' => open += 1,
            TokenTree::Punct(sign) if sign.as_char() == '>' => open = open.saturating_sub(1),
            TokenTree::Punct(sign) if sign.as_char() == ';' => break,
            TokenTree::Punct(sign) if sign.as_char() == ',' && open == 0 => break,
            TokenTree::Group(body) if has_body && body.delimiter() == Delimiter::Brace => break,
            _ => {}
        }
    }
    at
}

fn group(tokens: &[TokenTree], at: usize, delimiter: Delimiter) -> Option<TokenStream> {
    match tokens.get(at) {
        Some(TokenTree::Group(group)) if group.delimiter() == delimiter => Some(group.stream()),
        _ => None,
    }
}

fn is_punct(tokens: &[TokenTree], at: usize, sign: char) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Punct(it)) if it.as_char() == sign)
}

fn names(tokens: &[TokenTree], at: usize) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Ident(_)))
}

fn word_at(tokens: &[TokenTree], at: usize) -> Option<String> {
    tokens.get(at).and_then(word)
}

fn word(token: &TokenTree) -> Option<String> {
    match token {
        TokenTree::Ident(word) => Some(word.to_string()),
        _ => None,
    }
}
