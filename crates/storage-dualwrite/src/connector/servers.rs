//! The servers that an address names, one of which takes writes.

use diesel_async::AsyncPgConnection;
use tokio_postgres::config::{Host, TargetSessionAttrs};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Config, Socket};

use super::error::ConnectError;

/// The address of each server, in order. The driver tries them in turn too, but within one time limit, which a server
/// that accepts a connection and then stays silent would use up.
pub(super) fn each(address: &Config) -> Vec<Config> {
    let count = address.get_hosts().len().max(address.get_hostaddrs().len());
    (0..count).map(|place| one(address, place)).collect()
}

fn one(address: &Config, place: usize) -> Config {
    let mut server = without_server(address);
    match address.get_hosts().get(place) {
        Some(Host::Tcp(name)) => drop(server.host(name)),
        Some(Host::Unix(path)) => drop(server.host_path(path)),
        None => {}
    }
    if let Some(ip) = address.get_hostaddrs().get(place) {
        server.hostaddr(*ip);
    }
    if let Some(port) = address.get_ports().get(place).or(address.get_ports().first()) {
        server.port(*port);
    }
    server
}

/// Everything that holds for all servers.
fn without_server(address: &Config) -> Config {
    let mut server = Config::new();
    server
        .ssl_mode(address.get_ssl_mode())
        .ssl_negotiation(address.get_ssl_negotiation())
        .channel_binding(address.get_channel_binding())
        .load_balance_hosts(address.get_load_balance_hosts())
        .keepalives(address.get_keepalives());
    if let Some(interval) = address.get_keepalives_interval() {
        server.keepalives_interval(interval);
    }
    if let Some(retries) = address.get_keepalives_retries() {
        server.keepalives_retries(retries);
    }
    if let Some(user) = address.get_user() {
        server.user(user);
    }
    if let Some(password) = address.get_password() {
        server.password(password);
    }
    if let Some(dbname) = address.get_dbname() {
        server.dbname(dbname);
    }
    if let Some(options) = address.get_options() {
        server.options(options);
    }
    server
}

/// Connects to one server.
pub(super) async fn dial<T>(
    server: &Config,
    wanted: TargetSessionAttrs,
    tls: T,
) -> Result<AsyncPgConnection, ConnectError>
where
    T: MakeTlsConnect<Socket>,
    T::Stream: Send + 'static,
{
    let mut server = server.clone();
    let connecting = server.target_session_attrs(wanted).connect(tls).await;
    let (client, connection) = connecting.map_err(ConnectError::Connect)?;
    AsyncPgConnection::try_from_client_and_connection(client, connection).await.map_err(ConnectError::Adopt)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F56: each server of an address keeps its name and port, and what holds for all.
    #[test]
    fn each_server_has_its_own_address_and_what_holds_for_all() {
        for (address, servers) in [
            ("postgres://u:p@a:1,b:2/d?options=-cx%3Dy", vec![("a", 1), ("b", 2)]),
            ("postgres://u:p@a,b/d", vec![("a", 5432), ("b", 5432)]),
            ("host=a,b port=7 user=u password=p dbname=d", vec![("a", 7), ("b", 7)]),
            ("host=a user=u password=p dbname=d", vec![("a", 5432)]),
        ] {
            let found = each(&address.parse().unwrap());
            let named: Vec<_> = found
                .iter()
                .map(|server| {
                    let [Host::Tcp(name)] = server.get_hosts() else { panic!("{server:?}") };
                    (name.as_str(), server.get_ports().first().copied().unwrap_or(5432))
                })
                .collect();
            assert_eq!(named, servers, "{address}");
            for server in &found {
                assert_eq!((server.get_user(), server.get_dbname()), (Some("u"), Some("d")), "{address}");
                assert_eq!(server.get_password(), Some(b"p".as_slice()), "{address}");
            }
        }
    }
}
