//! Free TCP ports.

use std::net::{Ipv4Addr, TcpListener};

use crate::{DevstackError, random};

/// Where ports are looked for: below the range Linux takes the near ends of connections from (ip(7),
/// `ip_local_port_range`), so that no connection can take a port between its choice and its use.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;
/// How many ports are tried.
const ATTEMPTS: usize = 100;

/// A free TCP port of 127.0.0.1.
///
/// # Errors
/// [`DevstackError::NoPort`] when none is found.
pub(crate) fn free() -> Result<u16, DevstackError> {
    free_beside(None)
}

/// The same, and another than `taken`, which nothing listens on yet.
///
/// # Errors
/// As [`free`].
pub(crate) fn free_beside(taken: Option<u16>) -> Result<u16, DevstackError> {
    let mut source = std::io::Error::other("no port has been tried");
    for _ in 0..ATTEMPTS {
        let port = FIRST + u16::from_be_bytes(random::bytes()?) % COUNT;
        if taken == Some(port) {
            continue;
        }
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(_) => return Ok(port),
            Err(error) => source = error,
        }
    }
    Err(DevstackError::NoPort { source })
}
