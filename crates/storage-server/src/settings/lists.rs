//! Settings that are lists, written with commas.

use actix_web::http::Uri;

use super::value::Setting;
use crate::auth::Network;

/// Addresses and networks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks(pub Vec<Network>);

impl Setting for Networks {
    const FORM: &'static str = "addresses or networks such as 10.0.0.0/8, separated by commas";

    fn parse(text: &str) -> Option<Self> {
        parts(text).map(|part| part.parse().ok()).collect::<Option<_>>().map(Self)
    }
}

/// Origins of web pages, as browsers send them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins(pub Vec<String>);

impl Setting for Origins {
    const FORM: &'static str =
        "origins such as https://console.example.com, without a path, separated by commas";

    fn parse(text: &str) -> Option<Self> {
        parts(text).map(|part| is_origin(part).then(|| part.to_owned())).collect::<Option<_>>().map(Self)
    }
}

/// Service accounts, by the name that Kubernetes gives their users.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accounts(pub Vec<String>);

impl Setting for Accounts {
    const FORM: &'static str = "service accounts as namespace/name, separated by commas";

    fn parse(text: &str) -> Option<Self> {
        let user = |part: &str| {
            let (namespace, name) = part.split_once('/')?;
            let fits = |word: &str| !word.is_empty() && !word.contains(['/', ':', ' ']);
            (fits(namespace) && fits(name)).then(|| format!("system:serviceaccount:{namespace}:{name}"))
        };
        parts(text).map(user).collect::<Option<_>>().map(Self)
    }
}

/// The parts of a list; none of an empty text.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let text = text.trim();
    let parts = (!text.is_empty()).then(|| text.split(','));
    parts.into_iter().flatten().map(str::trim)
}

/// Whether it is a scheme, a host in small letters, and at most a port: otherwise no browser would ever send it.
fn is_origin(text: &str) -> bool {
    let Some((scheme, host)) = text.split_once("://") else { return false };
    let Ok(uri) = text.parse::<Uri>() else { return false };
    matches!(scheme, "http" | "https")
        && uri.authority().is_some_and(|authority| authority.as_str() == host)
        && !host.contains(['@', '*'])
        && !host.bytes().any(|byte| byte.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::{Accounts, Networks, Origins, Setting as _};

    #[test]
    fn a_list_has_commas_and_an_empty_one_is_none_at_all() {
        assert_eq!(Networks::parse("10.0.0.0/8, ::1").unwrap().0.len(), 2);
        assert_eq!(Networks::parse(" "), Some(Networks::default()));
        for text in ["10.0.0.0/8,", "proxy", "10.0.0.0/8;::1"] {
            assert_eq!(Networks::parse(text), None, "{text}");
        }
    }

    #[test]
    fn accounts_become_the_users_that_kubernetes_names() {
        let users = Accounts::parse("remediation/controller").unwrap().0;
        assert_eq!(users, ["system:serviceaccount:remediation:controller"]);
        for text in ["controller", "/controller", "a/b/c", "a:b/c", "a/"] {
            assert_eq!(Accounts::parse(text), None, "{text}");
        }
    }

    /// F30: an empty list is an empty list, and there is no word for everybody.
    #[test]
    fn origins_are_those_that_browsers_send() {
        assert_eq!(Origins::parse(""), Some(Origins::default()));
        let both = "https://a.example, http://localhost:3000";
        assert_eq!(Origins::parse(both).unwrap().0, ["https://a.example", "http://localhost:3000"]);
        for text in [
            "*",
            "https://*.example",
            "a.example",
            "https://a.example/",
            "https://A.example",
            "null",
            "ftp://a",
        ] {
            assert_eq!(Origins::parse(text), None, "{text}");
        }
    }
}
