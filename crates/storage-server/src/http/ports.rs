//! The two ports.

use std::future::ready;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_http::HttpService;
use actix_http::error::DispatchError;
use actix_server::{GracefulShutdownSignal, Server, ServerBuilder, ServerHandle};
use actix_service::{
    IntoServiceFactory as _, ServiceFactory, ServiceFactoryExt as _, fn_service, map_config,
};
use actix_tls::accept::rustls_0_23::{Acceptor, TlsStream};
use actix_tls::accept::{TlsError, max_concurrent_tls_connect};
use actix_web::App;
use actix_web::dev::AppConfig;
use actix_web::middleware::{Compress, from_fn};
use actix_web::web::{Data, ServiceConfig};
use rustls::ServerConfig;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::connection::{self, Connection, LINGER};
use super::state::{AppState, Port};
use super::{admit, answers, compress, cors, farewell, host, observe};
use crate::routes;
use crate::settings::ServerSettings;
use crate::settings::stop::STOP_MARGIN;

/// Connections of the admin port; a few scrapers and probes are all it is for.
const ADMIN_CONNECTIONS: usize = 256;

/// Connections that wait to be accepted, as the kernel counts them, and no more than it allows (`somaxconn`).
const BACKLOG: i32 = 2048;

/// A port that is served.
pub(crate) struct HttpPort {
    addr: SocketAddr,
    handle: ServerHandle,
    task: JoinHandle<io::Result<()>>,
}

/// The differences between the two ports.
struct Plan {
    addr: SocketAddr,
    workers: Option<usize>,
    max_connections: usize,
    tls: Option<Tls>,
    routes: fn(&mut ServiceConfig),
}

/// How a port speaks TLS.
pub(crate) struct Tls {
    pub(crate) config: ServerConfig,
    pub(crate) handshake_timeout: Duration,
}

/// An address that cannot be listened on.
pub(crate) struct BindError {
    pub(crate) addr: SocketAddr,
    pub(crate) source: io::Error,
}

/// A port that is bound and not served yet.
struct BoundPort {
    addr: SocketAddr,
    serve: Box<dyn FnOnce() -> Server>,
}

/// Opens both ports. The API's speaks TLS if there is some.
pub(crate) fn open(
    settings: &ServerSettings,
    state: AppState,
    tls: Option<Tls>,
) -> Result<(HttpPort, HttpPort), BindError> {
    let api = Plan {
        addr: settings.addr,
        workers: (settings.workers > 0).then_some(settings.workers),
        max_connections: settings.max_connections,
        tls,
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

fn bind(plan: Plan, settings: &ServerSettings, state: AppState) -> Result<BoundPort, BindError> {
    let Plan { addr, workers, max_connections, tls, routes } = plan;
    let failed = |source| BindError { addr, source };
    let listener = listen(addr, settings.write_timeout).map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    let mut server = ServerBuilder::new()
        .disable_signals()
        .shutdown_timeout(whole_seconds(settings.drain_timeout))
        .max_concurrent_connections(max_connections);
    if let Some(workers) = workers {
        server = server.workers(workers);
    }
    let http = Http {
        data: Data::new(state),
        routes,
        keep_alive: settings.keep_alive,
        header_timeout: settings.header_timeout,
        stopping: server.graceful_shutdown_signal(),
    };
    let (name, is_measured) = (bound.to_string(), http.data.is_measured());
    let server = match tls {
        None => server.listen(name, listener, move || {
            let open = move |io: TcpStream| ready(Ok(opened(io.peer_addr().ok(), io, is_measured)));
            fn_service(open).and_then(http.service())
        }),
        Some(Tls { mut config, handshake_timeout }) => {
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
            // By default, 256 clients that stay silent keep out all others for as long as they are waited for.
            max_concurrent_tls_connect(max_connections);
            server.listen(name, listener, move || {
                let mut acceptor = Acceptor::new(config.clone());
                acceptor.set_handshake_timeout(handshake_timeout);
                acceptor
                    .map_err(TlsError::into_service_error)
                    .map(move |io: TlsStream<TcpStream>| {
                        opened(io.get_ref().0.peer_addr().ok(), io, is_measured)
                    })
                    .and_then(http.service().map_err(TlsError::Service))
            })
        }
    };
    let server = server.map_err(failed)?;
    Ok(BoundPort { addr: bound, serve: Box::new(move || server.run()) })
}

/// A connection as HTTP takes it.
fn opened<IO>(peer: Option<SocketAddr>, io: IO, is_measured: bool) -> (Connection<IO>, Option<SocketAddr>) {
    (Connection::new(io, is_measured), peer)
}

/// The HTTP/1.1 service of a port's connections.
#[derive(Clone)]
struct Http {
    data: Data<AppState>,
    routes: fn(&mut ServiceConfig),
    keep_alive: Duration,
    header_timeout: Duration,
    stopping: GracefulShutdownSignal,
}

impl Http {
    /// For one thread.
    fn service<IO: AsyncRead + AsyncWrite + Unpin + 'static>(
        &self,
    ) -> impl ServiceFactory<
        (Connection<IO>, Option<SocketAddr>),
        Config = (),
        Response = (),
        Error = DispatchError,
        InitError = (),
    > + use<IO> {
        let app = App::new()
            .app_data(self.data.clone())
            .configure(self.routes)
            .wrap(from_fn(answers::hold))
            .wrap(Compress::default())
            .wrap(from_fn(compress::negotiate))
            .wrap(from_fn(admit::admit))
            .wrap(from_fn(cors::answer))
            .wrap(from_fn(host::check))
            .wrap(from_fn(observe::observe))
            .wrap(from_fn(farewell::bid))
            .wrap(from_fn(connection::hold));
        let app = app.into_factory().map_err(|error: actix_web::Error| error.error_response());
        let stopping = self.stopping.clone();
        HttpService::build()
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .keep_alive(self.keep_alive)
            .client_request_timeout(self.header_timeout)
            .client_disconnect_timeout(LINGER)
            // A client that is gone takes its handler with it (F04).
            .h1_allow_half_closed(false)
            .on_connect_ext(|connection: &Connection<IO>, data| connection.introduce(data))
            .h1(map_config(app, |()| AppConfig::default()))
    }
}

/// A socket whose connections end when their client has taken nothing for `write_timeout` (`TCP_USER_TIMEOUT`, tcp(7)):
/// what HTTP servers offer of time-outs stops at the last byte of a request.
fn listen(addr: SocketAddr, write_timeout: Duration) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_tcp_user_timeout(Some(write_timeout))?;
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
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
    pub(crate) const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns with the reason if the port ends unexpectedly.
    pub(crate) async fn failed(&mut self) -> String {
        match (&mut self.task).await {
            Ok(Ok(())) => "the server ended unexpectedly".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        }
    }

    /// Accepts no more requests and waits up to `limit` for the open ones. Returns whether all of them finished.
    pub(crate) async fn drain(&mut self, limit: Duration) -> bool {
        let started = tokio::time::Instant::now();
        let in_time = tokio::time::timeout(limit + STOP_MARGIN, self.handle.stop(true)).await.is_ok();
        self.close().await;
        in_time && started.elapsed() < limit.max(STOP_MARGIN)
    }

    /// Closes the remaining connections.
    pub(crate) async fn close(&mut self) {
        let _cut = tokio::time::timeout(STOP_MARGIN, self.handle.stop(false)).await;
        // Dropping the server ends its threads, however far the stop has come.
        self.task.abort();
    }
}
