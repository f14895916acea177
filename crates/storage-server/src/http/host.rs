//! The name that a request asks for. Without authentication only a loopback name is answered: a web page may have its
//! own name resolve to 127.0.0.1, and its requests then carry that name (DNS rebinding).

use std::net::{Ipv4Addr, Ipv6Addr};

use actix_web::Error;
use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Version;
use actix_web::http::header::HOST;
use actix_web::middleware::Next;
use actix_web::web;

use crate::http::state::AppState;
use crate::problem::{Problem, ProblemKind};

/// The middleware that refuses other names.
pub(crate) async fn check(
    state: web::Data<AppState>,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if state.checks_host() && !asks_for_loopback(&request) {
        return Ok(request.error_response(Problem::new(ProblemKind::Misdirected)));
    }
    next.call(request).await
}

fn asks_for_loopback(request: &ServiceRequest) -> bool {
    let mut hosts = request.headers().get_all(HOST);
    let (first, second) = (hosts.next(), hosts.next());
    let named = match first {
        Some(value) => value.to_str().is_ok_and(is_loopback_name),
        // A request that needs no Host is not from a browser, because browsers speak HTTP/1.1.
        None => request.version() < Version::HTTP_11,
    };
    let absolute = request.uri().authority().is_none_or(|authority| is_loopback_name(authority.as_str()));
    named && second.is_none() && absolute
}

/// Whether `host`, with or without a port, can only mean this machine.
fn is_loopback_name(host: &str) -> bool {
    if let Some(rest) = host.strip_prefix('[') {
        let Some((address, port)) = rest.split_once(']') else { return false };
        let has_port = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return has_port && address.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback());
    }
    let (name, port) = host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port)));
    let is_local = name.eq_ignore_ascii_case("localhost")
        || name.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback());
    is_local && port.is_none_or(is_port)
}

fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::is_loopback_name;

    /// BR-STORAGE-020: without authentication no name but a loopback one is served.
    #[test]
    fn only_loopback_names_pass() {
        for (host, passes) in [
            ("localhost", true),
            ("LocalHost:8080", true),
            ("127.0.0.1:8080", true),
            ("127.9.9.9", true),
            ("[::1]:8080", true),
            ("[::1]", true),
            ("", false),
            ("example.com", false),
            ("localhost.example.com", false),
            ("127.0.0.1.example.com:8080", false),
            ("localhost:8080:1", false),
            ("localhost:port", false),
            ("10.0.0.1", false),
            ("0.0.0.0:8080", false),
            ("[::2]:8080", false),
            ("[::1", false),
            ("[::1]x", false),
            ("::1", false),
            ("evil@localhost", false),
            ("127.1", false),
        ] {
            assert_eq!(is_loopback_name(host), passes, "{host}");
        }
    }
}
