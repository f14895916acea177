//! The parts of a start tag that can run something.

use html5ever::tokenizer::Tag;

/// Elements that run, load, submit or change how what follows them is read.
const ACTIVE_ELEMENTS: &[&str] = &[
    "script", "style", "iframe", "frame", "object", "embed", "applet", "link", "meta", "base", "form", "svg",
    "math", "template", "noscript",
];

/// Attributes whose value is one address or, the last four, several.
const URL_ATTRIBUTES: &[&str] = &[
    "href",
    "src",
    "action",
    "formaction",
    "data",
    "cite",
    "poster",
    "background",
    "codebase",
    "classid",
    "dynsrc",
    "lowsrc",
    "icon",
    "longdesc",
    "manifest",
    "profile",
    "usemap",
    "xlink:href",
    "xml:base",
    "archive",
    "ping",
    "srcset",
    "imagesrcset",
];

/// Schemes that a link may name.
const SCHEMES: [&str; 3] = ["http", "https", "mailto"];

/// Whether a start tag as the tokenizer read it can run something.
pub(super) fn is_active(tag: &Tag) -> bool {
    let is_active = |name: &str, value: &str| is_active_attribute(name, value);
    ACTIVE_ELEMENTS.contains(&&*tag.name)
        || tag.attrs.iter().any(|attribute| is_active(&attribute.name.local, &attribute.value))
}

/// Whether an attribute can run something on any element. Without a value none can: what stands there is a word, as in
/// `<exactly one of>`.
fn is_active_attribute(name: &str, value: &str) -> bool {
    let is_address = || URL_ATTRIBUTES.contains(&name);
    !value.is_empty()
        && (is_handler(name)
            || matches!(name, "style" | "srcdoc")
            || (is_address() && names_foreign_scheme(value)))
}

/// `on` alone is a word; no browser has a handler of that name.
fn is_handler(name: &str) -> bool {
    name.strip_prefix("on").is_some_and(|event| event.contains(char::is_alphabetic))
}

/// Whether any address in the value has a scheme outside [`SCHEMES`]; a relative address has none.
fn names_foreign_scheme(value: &str) -> bool {
    let is_foreign = |address: &str| scheme(address).is_some_and(|scheme| !SCHEMES.contains(&&*scheme));
    is_foreign(value) || value.split([',', ' ', '\t', '\n', '\r', '\u{c}']).any(is_foreign)
}

/// The scheme as a browser finds it (WHATWG URL, basic parser): leading controls and spaces are skipped, tabs and line
/// breaks are ignored everywhere.
fn scheme(address: &str) -> Option<String> {
    let trimmed = address.trim_start_matches(|c: char| c <= ' ');
    let mut scheme = String::new();
    for c in trimmed.chars().filter(|c| !matches!(c, '\t' | '\n' | '\r')) {
        match c {
            ':' if !scheme.is_empty() => return Some(scheme),
            'a'..='z' | 'A'..='Z' => scheme.push(c.to_ascii_lowercase()),
            '0'..='9' | '+' | '-' | '.' if !scheme.is_empty() => scheme.push(c),
            _ => return None,
        }
    }
    None
}
