//! The address a request comes from.

use std::net::{AddrParseError, IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

use actix_web::dev::ServiceRequest;
use actix_web::http::header::{FORWARDED, HeaderName};
use ipnet::{IpNet, Ipv6Net};

/// The bits of an IPv6 address that identify a customer, who has all addresses of the network.
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

/// The header to which each proxy appends its client's address. Only one header counts, because a proxy passes on the
/// other as its client wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`: addresses.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239): `for=` and more.
    Forwarded,
}

/// The trusted proxies, and the header in which they name the client's address.
#[derive(Debug, Clone, Default)]
pub(crate) struct Proxies {
    pub(crate) trusted: Vec<Network>,
    pub(crate) header: ForwardedHeader,
}

impl Proxies {
    fn trust(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(address))
    }
}

impl ForwardedHeader {
    const fn name(self) -> HeaderName {
        match self {
            Self::XForwardedFor => HeaderName::from_static("x-forwarded-for"),
            Self::Forwarded => FORWARDED,
        }
    }

    /// The address that one element of the header names.
    fn address(self, element: &str) -> Option<IpAddr> {
        match self {
            Self::XForwardedFor => node(element),
            Self::Forwarded => {
                let mut pairs = element.split(';').filter_map(|pair| pair.split_once('='));
                pairs
                    .find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))
                    .and_then(|(_, value)| node(value))
            }
        }
    }
}

/// An address with or without a port, an IPv6 one with or without brackets, quoted or not.
fn node(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip()));
    address.ok().map(|address: IpAddr| address.to_canonical())
}

/// The origin of the request: the socket's address, or, if that is a trusted proxy, the last address before those of
/// trusted proxies. Addresses that a client writes into the header are further left and are never reached.
pub(crate) fn address(request: &ServiceRequest, proxies: &Proxies) -> IpAddr {
    let socket =
        request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip().to_canonical());
    let headers = request.headers().get_all(proxies.header.name());
    let headers: Vec<&str> = headers.map(|value| value.to_str().unwrap_or("")).collect();
    let mut nearest = socket;
    for hop in headers.iter().rev().flat_map(|header| header.rsplit(',')) {
        if !proxies.trust(nearest) {
            break;
        }
        // An unreadable address ends the search, because no trusted proxy vouches for what is further left.
        let Some(hop) = proxies.header.address(hop) else { break };
        nearest = hop;
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

    use super::{ForwardedHeader, Network, Proxies, address, group};

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

    /// A header counts only if a trusted proxy has written it.
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
            let found = found(ForwardedHeader::XForwardedFor, trusted, socket, "x-forwarded-for", headers);
            assert_eq!(found, ip(expected), "{trusted:?} {socket} {headers:?}");
        }
    }

    /// The address of a request whose proxies are trusted and write `wanted`, with `headers` called `name`.
    fn found(
        wanted: ForwardedHeader,
        trusted: &[&str],
        socket: &str,
        name: &str,
        headers: &[&str],
    ) -> IpAddr {
        let mut request = TestRequest::get().peer_addr((ip(socket), 1).into());
        for header in headers {
            request = request.append_header((name, *header));
        }
        let proxies = Proxies { trusted: networks(trusted), header: wanted };
        address(&request.to_srv_request(), &proxies)
    }

    /// F46: proxies that add the port, or write `Forwarded`, do not make all their clients one.
    #[test]
    fn forwarded_addresses_are_read_with_their_ports() {
        let proxy = "10.0.0.1";
        for (header, expected) in [
            ("203.0.113.9:4711", "203.0.113.9"),
            (" 203.0.113.9:4711 , 10.0.0.2:80", "203.0.113.9"),
            ("2001:db8::9", "2001:db8::9"),
            ("[2001:db8::9]", "2001:db8::9"),
            ("[2001:db8::9]:4711", "2001:db8::9"),
            ("[::ffff:203.0.113.9]:4711", "203.0.113.9"),
            ("203.0.113.9:", proxy),
            ("203.0.113.9:99999", proxy),
            ("[203.0.113.9", proxy),
            ("unknown", proxy),
            ("", proxy),
        ] {
            let x_forwarded_for = ForwardedHeader::XForwardedFor;
            let found = found(x_forwarded_for, &["10.0.0.0/8"], proxy, "x-forwarded-for", &[header]);
            assert_eq!(found, ip(expected), "{header}");
        }
        for (header, expected) in [
            ("for=203.0.113.9", "203.0.113.9"),
            ("For=\"203.0.113.9:4711\";proto=https;by=10.0.0.1", "203.0.113.9"),
            ("proto=http; for=\"[2001:db8::9]:4711\"", "2001:db8::9"),
            ("for=1.1.1.1, for=203.0.113.9, for=10.0.0.2", "203.0.113.9"),
            ("for=\"1.1.1.1, for=203.0.113.9", "203.0.113.9"),
            ("for=_hidden", proxy),
            ("for=unknown", proxy),
            ("by=203.0.113.9", proxy),
        ] {
            let found = found(ForwardedHeader::Forwarded, &["10.0.0.0/8"], proxy, "forwarded", &[header]);
            assert_eq!(found, ip(expected), "{header}");
        }
    }

    /// F46: the header that the proxies do not write comes from the client, and counts for nothing.
    #[test]
    fn only_the_header_that_the_proxies_write_is_read() {
        let proxy = "10.0.0.1";
        for (wanted, name, header) in [
            (ForwardedHeader::XForwardedFor, "forwarded", "for=203.0.113.9"),
            (ForwardedHeader::Forwarded, "x-forwarded-for", "203.0.113.9"),
        ] {
            assert_eq!(found(wanted, &["10.0.0.0/8"], proxy, name, &[header]), ip(proxy), "{name}");
        }
    }
}
