//! The two ports.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::middleware::{Compress, from_fn};
use actix_web::web::{Data, ServiceConfig};
use actix_web::{App, HttpServer};
use rustls::ServerConfig;
use tokio::task::JoinHandle;

use super::{Parts, StartError};
use crate::settings::ServerSettings;
use crate::state::{AppState, Port};
use crate::telemetry::request;
use crate::tls::ServerTls;
use crate::{auth, compress, cors, host, routes};

/// Connections of the admin port; a few scrapers and probes are all it is for.
const ADMIN_CONNECTIONS: usize = 256;

/// How much longer than its bound a stop may take: actix looks once a second whether connections are left.
pub(crate) const STOP_MARGIN: Duration = Duration::from_secs(1);

/// A port that is served.
pub(super) struct HttpPort {
    addr: SocketAddr,
    handle: ServerHandle,
    task: JoinHandle<std::io::Result<()>>,
}

/// What the two ports differ in.
struct Plan {
    addr: SocketAddr,
    workers: Option<usize>,
    max_connections: usize,
    tls: Option<Tls>,
    routes: fn(&mut ServiceConfig),
}

/// How a port speaks TLS.
struct Tls {
    config: ServerConfig,
    handshake_timeout: Duration,
}

/// A port that is bound and not served yet.
struct BoundPort {
    addr: SocketAddr,
    serve: Box<dyn FnOnce() -> Server>,
}

/// Opens both ports.
pub(super) fn open(
    parts: &Parts,
    state: AppState,
    tls: Option<&Arc<ServerTls>>,
) -> Result<(HttpPort, HttpPort), StartError> {
    let settings = &parts.settings.server;
    let config = tls.map(|tls| tls.config()).transpose();
    let config = config.map_err(|error| StartError::Tls(error.to_string()))?;
    let handshake_timeout = parts.settings.tls.handshake_timeout;
    let api = Plan {
        addr: settings.addr,
        workers: (settings.workers > 0).then_some(settings.workers),
        max_connections: settings.max_connections,
        tls: config.map(|config| Tls { config, handshake_timeout }),
        routes: routes::api,
    };
    let admin = Plan {
        addr: settings.admin_addr,
        workers: Some(1),
        max_connections: ADMIN_CONNECTIONS,
        tls: None,
        routes: routes::admin,
    };
    let is_loopback = settings.admin_addr.ip().is_loopback();
    let admin_state = AppState { port: Port::Admin { is_loopback }, ..state.clone() };
    // Both are bound before either is served, so that a failure leaves nothing behind.
    let api = bind(api, settings, state)?;
    let admin = bind(admin, settings, admin_state)?;
    Ok((api.serve(), admin.serve()))
}

fn bind(plan: Plan, settings: &ServerSettings, state: AppState) -> Result<BoundPort, StartError> {
    let Plan { addr, workers, max_connections, tls, routes } = plan;
    let failed = |source| StartError::Bind { addr, source };
    let data = Data::new(state);
    let app = move || {
        App::new()
            .app_data(data.clone())
            .configure(routes)
            .wrap(Compress::default())
            .wrap(from_fn(compress::negotiate))
            .wrap(from_fn(auth::guard::admit))
            .wrap(from_fn(cors::answer))
            .wrap(from_fn(host::check))
            .wrap(from_fn(request::observe))
    };
    let server = HttpServer::new(app)
        .disable_signals()
        .shutdown_timeout(whole_seconds(settings.drain_timeout))
        .max_connections(max_connections)
        .keep_alive(settings.keep_alive)
        .client_request_timeout(settings.header_timeout)
        // A client that is gone takes its handler with it (F04).
        .h1_allow_half_closed(false);
    let bound = match tls {
        None => server.bind(addr),
        Some(Tls { config, handshake_timeout }) => server
            .tls_handshake_timeout(handshake_timeout)
            // By default, 256 clients that stay silent keep out all others for as long as they are waited for.
            .max_connection_rate(max_connections)
            .bind_rustls_0_23(addr, config),
    };
    let mut server = bound.map_err(failed)?;
    if let Some(workers) = workers {
        server = server.workers(workers);
    }
    let bound = server.addrs().first().copied().unwrap_or(addr);
    Ok(BoundPort { addr: bound, serve: Box::new(move || server.run()) })
}

fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

impl BoundPort {
    fn serve(self) -> HttpPort {
        let server = (self.serve)();
        let handle = server.handle();
        HttpPort { addr: self.addr, handle, task: tokio::spawn(server) }
    }
}

impl HttpPort {
    pub(super) const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns when the port is served no longer although nobody asked for that, with the reason.
    pub(super) async fn failed(&mut self) -> String {
        match (&mut self.task).await {
            Ok(Ok(())) => "it ended by itself".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        }
    }

    /// Accepts nothing more and lets what is under way finish, for so long. Returns whether all of it did.
    pub(super) async fn drain(&mut self, limit: Duration) -> bool {
        let started = tokio::time::Instant::now();
        let in_time = tokio::time::timeout(limit + STOP_MARGIN, self.handle.stop(true)).await.is_ok();
        self.close().await;
        in_time && started.elapsed() < limit.max(STOP_MARGIN)
    }

    /// Cuts off what is left.
    pub(super) async fn close(&mut self) {
        let _cut = tokio::time::timeout(STOP_MARGIN, self.handle.stop(false)).await;
        // Dropping the server ends its threads, however far the stop has come.
        self.task.abort();
    }
}
