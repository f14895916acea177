//! Addresses, limits and the stop.

use std::net::SocketAddr;
use std::time::Duration;

use super::auth::AuthMode;
use super::fault::Faults;
use super::lists::{Networks, Origins};
use super::section::section;
use super::value::{ByteSize, Setting};
use crate::auth::ForwardedHeader;

section! {
    /// Where the service listens, what it takes on, and how it stops.
    ServerSettings = "server" {
        /// Where the API listens. Without authentication (`auth.mode`) only a loopback address is accepted: any other ends
        /// the start.
        addr: SocketAddr = "127.0.0.1:8080",
        /// Where metrics, health and readiness listen. GET only; says states and numbers, no names and no records.
        admin_addr: SocketAddr = "127.0.0.1:9090",
        /// Threads that speak HTTP; 0 is one a core.
        workers: usize = "0",
        /// Connections that each of these threads accepts; further ones wait in the kernel.
        max_connections: usize = "10000",
        /// Proxies whose word counts for the address a request comes from (`server.forwarded_header`). From other
        /// peers it is passed over.
        trusted_proxies: Networks = "",
        /// The header in which these proxies write that address, with or without a port. The other one is passed over: a
        /// proxy that does not write it hands on what its client wrote.
        forwarded_header: ForwardedHeader = "x-forwarded-for",
        /// Origins of web pages that browsers may let use the API. None: then no answer says anything about it, and
        /// browsers let none.
        cors_origins: Origins = "",
        /// How long a request may take, its body included. Then it is answered 503, unless its record is already being
        /// written.
        request_timeout: Duration = "15s",
        /// How long a client may take to send the head of a request.
        header_timeout: Duration = "5s",
        /// How long a client may take nothing of an answer that is there for it. Then its connection is closed.
        write_timeout: Duration = "30s",
        /// How long a connection may idle.
        keep_alive: Duration = "75s",
        /// The largest body of a single record; a larger one is refused before it is read.
        body_limit: ByteSize = "1MiB",
        /// The largest body of a batch; a larger one is refused before it is read.
        batch_body_limit: ByteSize = "16MiB",
        /// Bytes of answers that are being sent, together; beyond them a read is answered 503 at once. One caller may have
        /// three quarters of them, which must hold the largest page, 4 MiB.
        answer_budget: ByteSize = "64MiB",
        /// How long to go on serving after a stop was asked for and readiness has turned to 503: as long as load
        /// balancers take to notice.
        drain_delay: Duration = "0s",
        /// How long requests under way may take to finish once no further ones are accepted.
        drain_timeout: Duration = "8s",
    }
}

impl Setting for ForwardedHeader {
    const FORM: &'static str = "x-forwarded-for or forwarded";

    fn parse(text: &str) -> Option<Self> {
        match text {
            "x-forwarded-for" => Some(Self::XForwardedFor),
            "forwarded" => Some(Self::Forwarded),
            _ => None,
        }
    }
}

impl ServerSettings {
    /// Whether what can be reached from elsewhere asks who comes.
    pub(super) fn check_reach(&self, mode: AuthMode, faults: &mut Faults) {
        if mode == AuthMode::None && !self.addr.ip().is_loopback() {
            faults.push(
                "server.addr",
                format!(
                    "is {}, which others can reach: without authentication (auth.mode) only a loopback address such as \
                     127.0.0.1:8080 is accepted",
                    self.addr
                ),
            );
        }
    }

    pub(super) fn check(&self, faults: &mut Faults) {
        if self.addr == self.admin_addr && self.addr.port() != 0 {
            faults.push("server.admin_addr", "must differ from server.addr");
        }
        faults.range("server.workers", self.workers, 0, 256);
        faults.range("server.max_connections", self.max_connections, 1, 1_000_000);
        faults.range("server.body_limit", self.body_limit, ByteSize::new(1), ByteSize::new(64 << 20));
        faults.range(
            "server.batch_body_limit",
            self.batch_body_limit,
            ByteSize::new(1),
            ByteSize::new(1 << 30),
        );
        faults.range(
            "server.answer_budget",
            self.answer_budget,
            ByteSize::new(16 << 20),
            ByteSize::new(1 << 30),
        );
        faults.above_zero("server.request_timeout", self.request_timeout);
        faults.above_zero("server.header_timeout", self.header_timeout);
        faults.above_zero("server.write_timeout", self.write_timeout);
        faults.above_zero("server.keep_alive", self.keep_alive);
    }
}
