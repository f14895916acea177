//! The address a request comes from.

use std::net::{AddrParseError, IpAddr, Ipv4Addr};
use std::str::FromStr;

use actix_web::dev::ServiceRequest;
use actix_web::http::header::HeaderName;
use ipnet::{IpNet, Ipv6Net};

/// The header in which proxies say for whom they ask, each at the end.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Bits of an IPv6 address that are one customer's: whoever has one address of a network has all of them.
const CUSTOMER_BITS: u8 = 64;

/// A network, or a single address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(IpNet);

impl Network {
    /// Whether the address is in it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }
}

impl FromStr for Network {
    type Err = AddrParseError;

    /// Reads `10.0.0.0/8`, `10.0.0.7`, `fd00::/8`.
    fn from_str(text: &str) -> Result<Self, AddrParseError> {
        match text.parse() {
            Ok(network) => Ok(Self(network)),
            Err(_no_network) => text.parse::<IpAddr>().map(|address| Self(address.into())),
        }
    }
}

/// Where the request comes from: the socket's address, or, if a trusted proxy's, the last address before those of
/// trusted proxies. What a client writes into the header itself stands further left and is never reached.
pub(crate) fn address(request: &ServiceRequest, trusted: &[Network]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let socket =
        request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip().to_canonical());
    let headers: Vec<&str> =
        request.headers().get_all(FORWARDED_FOR).map(|value| value.to_str().unwrap_or("")).collect();
    let mut nearest = socket;
    for hop in headers.iter().rev().flat_map(|header| header.rsplit(',')) {
        if !is_trusted(nearest) {
            break;
        }
        // What cannot be read ends the way back: beyond it nobody vouches for anything.
        let Ok(hop) = hop.trim().parse::<IpAddr>() else { break };
        nearest = hop.to_canonical();
    }
    nearest
}

/// Those that limits count as one.
pub(crate) fn group(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(one) => Ipv6Net::new(one, CUSTOMER_BITS).map_or(address, |net| net.network().into()),
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use actix_web::test::TestRequest;

    use super::{Network, address, group};

    fn networks(texts: &[&str]) -> Vec<Network> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn networks_contain_their_addresses_and_no_others() {
        for (network, address, contains) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.7", "10.0.0.7", true),
            ("10.0.0.7", "10.0.0.6", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "::1", false),
            ("fd00::/8", "fdff::1", true),
            ("fd00::/8", "fe00::1", false),
            ("::/0", "2001:db8::1", true),
        ] {
            assert_eq!(
                network.parse::<Network>().unwrap().contains(ip(address)),
                contains,
                "{network} {address}"
            );
        }
        for text in ["", "10.0.0.0/33", "10.0.0/8", "10.0.0.0/", "::/129", "example.com"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
        assert_eq!(group(ip("2001:db8::1:2:3:4")), ip("2001:db8::"));
        assert_eq!(group(ip("203.0.113.9")), ip("203.0.113.9"));
    }

    /// What a header says counts only when a trusted proxy has written it.
    #[test]
    fn forwarded_addresses_are_believed_of_trusted_proxies_alone() {
        type Case<'a> = (&'a [&'a str], &'a str, &'a [&'a str], &'a str);
        let cases: [Case<'_>; 10] = [
            (&[], "10.0.0.1", &["203.0.113.9"], "10.0.0.1"),
            (&["10.0.0.0/8"], "10.0.0.1", &["203.0.113.9"], "203.0.113.9"),
            (&["10.0.0.0/8"], "192.0.2.1", &["203.0.113.9"], "192.0.2.1"),
            (&["10.0.0.0/8"], "10.0.0.1", &["1.1.1.1, 203.0.113.9"], "203.0.113.9"),
            (&["10.0.0.0/8"], "10.0.0.1", &["1.1.1.1, 203.0.113.9, 10.0.0.2"], "203.0.113.9"),
            (&["10.0.0.0/8"], "10.0.0.1", &["1.1.1.1", "203.0.113.9"], "203.0.113.9"),
            (&["10.0.0.0/8"], "10.0.0.1", &["203.0.113.9, nonsense"], "10.0.0.1"),
            (&["10.0.0.0/8"], "10.0.0.1", &[], "10.0.0.1"),
            (&["10.0.0.0/8"], "::ffff:10.0.0.1", &["::ffff:203.0.113.9"], "203.0.113.9"),
            (&["10.0.0.0/8"], "10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ];
        for (trusted, socket, headers, expected) in cases {
            let mut request = TestRequest::get().peer_addr((ip(socket), 1).into());
            for header in headers {
                request = request.append_header(("x-forwarded-for", *header));
            }
            let found = address(&request.to_srv_request(), &networks(trusted));
            assert_eq!(found, ip(expected), "{trusted:?} {socket} {headers:?}");
        }
    }
}
