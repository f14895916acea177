//! How a single setting is read from text.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use actix_web::http::Uri;
use secrecy::SecretString;
use storage_validation::Handling;

use super::choices::{AuthMode, AuthorizationBy, Consistency, DatabaseTlsMode, Provider};
use crate::auth::{ForwardedHeader, Network};
use crate::telemetry::log::LogFormat;

/// A type that a setting may have.
pub(super) trait Setting: Sized {
    /// What is accepted, as the rest of "must be".
    const FORM: &'static str;
    /// Whether the value is never shown.
    const SECRET: bool = false;

    /// Reads it; `None` when the text does not have the form.
    fn parse(text: &str) -> Option<Self>;
}

/// Says how types are read: the type, what is accepted, and the value that a text stands for.
macro_rules! read_as {
    ($($type:ty, $form:literal, $text:ident => $value:expr;)+) => {$(
        impl Setting for $type {
            const FORM: &'static str = $form;

            fn parse($text: &str) -> Option<Self> {
                $value
            }
        }
    )+};
}

read_as! {
    bool, "true or false", text => text.parse().ok();
    u16, "a whole number from 0 to 65535", text => text.parse().ok();
    u32, "a whole number", text => text.parse().ok();
    i32, "a whole number", text => text.parse().ok();
    i64, "a whole number", text => text.parse().ok();
    usize, "a whole number", text => text.parse().ok();
    SocketAddr, "an address and a port, such as 127.0.0.1:8080", text => text.parse().ok();
    String, "a text", text => (!text.is_empty()).then(|| text.to_owned());
    PathBuf, "a path", text => (!text.is_empty()).then(|| Self::from(text));
    Duration, "a duration such as 250ms, 15s, 5m or 1h", text => duration(text);
    ByteSize, "a number of bytes such as 65536, 64KiB, 1MiB or 1GiB", text => Self::read(text);

    AuthMode, "none, tokens or kubernetes", text =>
        word(text, &[("none", Self::None), ("tokens", Self::Tokens), ("kubernetes", Self::Kubernetes)]);
    AuthorizationBy, "review or list", text => word(text, &[("review", Self::Review), ("list", Self::List)]);
    Consistency, "deferred or strict", text =>
        word(text, &[("deferred", Self::Deferred), ("strict", Self::Strict)]);
    DatabaseTlsMode, "verify-full or off", text =>
        word(text, &[("verify-full", Self::VerifyFull), ("off", Self::Off)]);
    ForwardedHeader, "x-forwarded-for or forwarded", text =>
        word(text, &[("x-forwarded-for", Self::XForwardedFor), ("forwarded", Self::Forwarded)]);
    Handling, "strict or lenient", text => Self::of_word(text);
    LogFormat, "json, human or auto", text =>
        word(text, &[("json", Self::Json), ("human", Self::Human), ("auto", Self::Auto)]);
    Provider, "local, hashing or openai", text =>
        word(text, &[("local", Self::Local), ("hashing", Self::Hashing), ("openai", Self::OpenAi)]);

    Networks, "addresses or networks such as 10.0.0.0/8, separated by commas", text =>
        list(text, |part| part.parse().ok()).map(Self);
    Origins, "origins such as https://console.example.com, without a path, separated by commas", text =>
        list(text, |part| is_origin(part).then(|| part.to_owned())).map(Self);
    LinkTemplate, "an address of http or https, such as https://grafana.example.com/d/pods?var-namespace={namespace}, with \
                   known names in braces", text =>
        is_link_template(text).then(|| Self(text.to_owned()));
    Accounts, "service accounts as namespace/name, separated by commas", text =>
        list(text, account).map(Self);
}

impl Setting for SecretString {
    const FORM: &'static str = "a text";
    const SECRET: bool = true;

    fn parse(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| text.into())
    }
}

impl<T: Setting> Setting for Option<T> {
    const FORM: &'static str = T::FORM;
    const SECRET: bool = T::SECRET;

    fn parse(text: &str) -> Option<Self> {
        if text.is_empty() { Some(None) } else { T::parse(text).map(Some) }
    }
}

/// Reads a duration as the settings do: `250ms`, `15s`, `5m`, `1h`.
#[must_use]
pub fn duration(text: &str) -> Option<Duration> {
    let (count, unit) = split_unit(text)?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    count.checked_mul(millis).map(Duration::from_millis)
}

/// A number of bytes, written `65536`, `64KiB`, `1MiB` or `1GiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(u64);

impl ByteSize {
    fn read(text: &str) -> Option<Self> {
        let (count, unit) = split_unit(text)?;
        let size = match unit {
            "" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return None,
        };
        count.checked_mul(size).map(Self)
    }

    /// The number.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// The number, or the largest that fits.
    #[must_use]
    pub fn saturating_u32(self) -> u32 {
        u32::try_from(self.0).unwrap_or(u32::MAX)
    }
}

/// The digits at the beginning and what follows them.
fn split_unit(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at_checked(end)?;
    Some((digits.parse().ok()?, unit.trim_start()))
}

/// What a word stands for.
fn word<T: Copy>(text: &str, words: &[(&str, T)]) -> Option<T> {
    words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value)
}

/// Addresses and networks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks(pub Vec<Network>);

/// Origins of web pages, as browsers send them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins(pub Vec<String>);

/// The address of a page about a record, with names of what is put in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkTemplate(pub String);

/// What a [`LinkTemplate`] has in braces; the explorer puts it in.
const LINK_PARTS: [&str; 8] = [
    "namespace",
    "cluster",
    "target_name",
    "alert_name",
    "alert_fingerprint",
    "remediation_request_id",
    "from",
    "to",
];

/// Service accounts, by the name that Kubernetes gives their users.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accounts(pub Vec<String>);

/// The values between commas; none of an empty text.
fn list<T>(text: &str, value: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    let text = text.trim();
    if text.is_empty() { Some(Vec::new()) } else { text.split(',').map(|part| value(part.trim())).collect() }
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

/// Whether it is an address of HTTP whose host is written out: what a record says never chooses it.
fn is_link_template(text: &str) -> bool {
    let filled =
        LINK_PARTS.iter().fold(text.to_owned(), |text, part| text.replace(&format!("{{{part}}}"), "x"));
    let (Some((scheme, rest)), Ok(uri)) = (text.split_once("://"), filled.parse::<Uri>()) else {
        return false;
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    matches!(scheme, "http" | "https")
        && uri.host().is_some_and(|host| !host.is_empty())
        && !host.contains(['@', '{'])
        && !filled.contains(['{', '}'])
}

/// The user of the account `namespace/name`.
fn account(text: &str) -> Option<String> {
    let (namespace, name) = text.split_once('/')?;
    let fits = |word: &str| !word.is_empty() && !word.contains(['/', ':', ' ']);
    (fits(namespace) && fits(name)).then(|| format!("system:serviceaccount:{namespace}:{name}"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Accounts, ByteSize, LinkTemplate, Networks, Origins, Setting};

    #[test]
    fn durations_have_a_unit() {
        for (text, millis) in [
            ("250ms", Some(250)),
            ("15s", Some(15_000)),
            ("5 m", Some(300_000)),
            ("1h", Some(3_600_000)),
            ("0s", Some(0)),
            ("15", None),
            ("-1s", None),
            ("1.5s", None),
            ("s", None),
            ("", None),
            ("1d", None),
            ("99999999999999999999s", None),
        ] {
            assert_eq!(Duration::parse(text), millis.map(Duration::from_millis), "{text}");
        }
    }

    #[test]
    fn sizes_are_read_in_powers_of_two() {
        for (text, bytes) in [
            ("65536", Some(65_536)),
            ("64KiB", Some(65_536)),
            ("1 MiB", Some(1 << 20)),
            ("2GiB", Some(2 << 30)),
            ("1MB", None),
            ("1mib", None),
            ("", None),
            ("99999999999GiB", None),
        ] {
            assert_eq!(ByteSize::parse(text).map(ByteSize::bytes), bytes, "{text}");
        }
    }

    #[test]
    fn an_optional_setting_left_empty_is_not_set() {
        assert_eq!(Option::<u16>::parse(""), Some(None));
        assert_eq!(Option::<u16>::parse("5"), Some(Some(5)));
        assert_eq!(Option::<u16>::parse("x"), None);
    }

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

    #[test]
    fn a_link_has_a_host_of_its_own_and_known_names_in_braces() {
        for text in [
            "https://grafana.example.com/d/pods?var-namespace={namespace}&from={from}&to={to}",
            "http://localhost:3000/explore?left={alert_name}{cluster}",
            "https://grafana.example.com",
        ] {
            assert_eq!(LinkTemplate::parse(text), Some(LinkTemplate(text.to_owned())), "{text}");
        }
        for text in [
            "grafana.example.com/d/pods",
            "javascript:alert(1)",
            "javascript://grafana.example.com/%0aalert(1)",
            "ftp://grafana.example.com/",
            "//grafana.example.com/",
            "https://{namespace}.example.com/",
            "https://user:password@grafana.example.com/",
            "https:///d/pods",
            "https://grafana.example.com/{error_message}",
            "https://grafana.example.com/{namespace",
            "https://grafana.example.com/d pods",
        ] {
            assert_eq!(LinkTemplate::parse(text), None, "{text}");
        }
    }

    /// F30: an empty list is an empty list, and there is no word for all origins.
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
