//! Ports of this machine.

use std::net::{Ipv4Addr, TcpListener};

pub(super) fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}
