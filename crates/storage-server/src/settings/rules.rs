//! What settings must fulfil together, and whether what they name can be used.

use storage_dualwrite::index::QdrantSettingsError;
use storage_embedding::{OpenAiEmbedder, OpenAiSettingsError, RedisCache};

use super::choices::{AuthMode, AuthorizationBy, Provider};
use super::fault::SettingFault;
use super::reading::Reading;
use super::stop::STOP_BUDGET;
use super::table::{KubernetesSection, QdrantSection, Settings};
use crate::auth::tokens::TokenFile;
use crate::telemetry::{LogLevel, chain};
use crate::tls::ServerTls;

/// How many connections one replica may have, so that all replicas together fit into PostgreSQL.
const MAX_CONNECTIONS: usize = 50;

/// Connections beside the pools: the monitor's, the counters', the one of the tasks that take turns, the projector's two for
/// notifications, the one for writers who wait for the index, the one for kept answers, the reconciler's, and a spare for a
/// commit whose outcome is not known.
const OTHER_CONNECTIONS: usize = 9;

/// Settings of which one at most may be set.
const EITHER: &[(&str, &str)] = &[
    ("database.host", "database.url"),
    ("database.port", "database.url"),
    ("database.name", "database.url"),
    ("database.user", "database.url"),
    ("database.password_file", "database.password"),
    ("redis.url_file", "redis.url"),
    ("qdrant.api_key_file", "qdrant.api_key"),
];

/// What the settings are read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Service,
    /// A command that neither listens nor embeds.
    Maintenance,
}

/// Notes everything that keeps the settings from being used for `purpose`.
pub(super) fn check(settings: &Settings, purpose: Purpose, reading: &mut Reading) {
    for (key, other) in EITHER {
        let is_wrong = reading.is_set(key) && reading.is_set(other);
        reading.refuse(is_wrong, &format!("{key} cannot be combined with {other}: remove one of the two"));
    }
    if purpose == Purpose::Service {
        listening(settings, reading);
        callers(settings, reading);
        embedding(settings, reading);
    }
    reading.attempt("database", || settings.database.connectors());
    reading.attempt("qdrant", || qdrant(&settings.qdrant));
    if let Err(fault) = LogLevel::parse(&settings.log.level) {
        reading.refuse(true, &format!("log.level {fault}"));
    }
    limits(settings, reading);
    times(settings, reading);
}

fn listening(Settings { server, tls, auth, .. }: &Settings, reading: &mut Reading) {
    let is_shared = server.addr == server.admin_addr && server.addr.port() != 0;
    reading.refuse(is_shared, "server.admin_addr must differ from server.addr");
    reading.refuse(
        auth.mode == AuthMode::None && !server.addr.ip().is_loopback(),
        "server.addr can be reached by others, who could do everything: set auth.mode to tokens or kubernetes, or listen \
         on a loopback address such as 127.0.0.1:8080",
    );
    let has_certificate = tls.certificate_file.is_some();
    reading.refuse(
        has_certificate && tls.key_file.is_none(),
        "tls.key_file must name the private key of the certificate in tls.certificate_file",
    );
    for key in ["tls.key_file", "tls.client_ca_file"] {
        let is_needless = reading.is_set(key) && !has_certificate;
        reading.refuse(is_needless, &format!("{key} is of use with tls.certificate_file only: set both"));
    }
    if let Some(Err(faults)) = tls.files().map(ServerTls::open) {
        faults.iter().for_each(|fault| reading.refuse(true, &fault.to_string()));
    }
}

fn callers(Settings { auth, kubernetes, .. }: &Settings, reading: &mut Reading) {
    match (auth.mode, &auth.tokens_file) {
        (AuthMode::None, _) => {}
        (AuthMode::Kubernetes, _) => cluster(kubernetes, reading),
        (AuthMode::Tokens, None) => reading.refuse(
            true,
            "auth.tokens_file must name a file of tokens when auth.mode is tokens; `datastorage token new` makes tokens",
        ),
        (AuthMode::Tokens, Some(path)) => {
            if let Err(error) = TokenFile::open(path) {
                reading.refuse(true, &format!("auth.tokens_file {}", chain(&error)));
            }
        }
    }
}

fn cluster(cluster: &KubernetesSection, reading: &mut Reading) {
    if let Some(path) = &cluster.kubeconfig
        && let Err(error) = kube::config::Kubeconfig::read_from(path)
    {
        reading.refuse(true, &format!("kubernetes.kubeconfig cannot be used: {error}"));
    }
    let has_list =
        [&cluster.readers, &cluster.writers, &cluster.admins].iter().any(|list| !list.0.is_empty());
    let goes_by_list = cluster.authorization == AuthorizationBy::List;
    reading.refuse(
        goes_by_list && !has_list,
        "kubernetes.authorization is list: name accounts in kubernetes.readers, kubernetes.writers or kubernetes.admins",
    );
    reading.refuse(
        !goes_by_list && has_list,
        "kubernetes.authorization must be list for kubernetes.readers, kubernetes.writers and kubernetes.admins to count",
    );
}

fn embedding(Settings { embedding, openai, redis, .. }: &Settings, reading: &mut Reading) {
    reading.refuse(
        embedding.provider == Provider::Local && embedding.model_dir.is_none(),
        "embedding.model_dir must name the directory of the model; without a model, set embedding.provider to hashing",
    );
    if embedding.provider == Provider::OpenAi {
        reading.attempt("openai", || {
            OpenAiEmbedder::new(&openai.to_embedder()?).map_err(|error| {
                let key = match error {
                    OpenAiSettingsError::Url | OpenAiSettingsError::Client(_) => "openai.url",
                    OpenAiSettingsError::Key => "openai.api_key_file",
                    _ => "openai.ca_file",
                };
                SettingFault::unusable(key, &error)
            })
        });
    }
    reading.attempt("redis", || {
        let cache = redis.to_cache(embedding.cache_ttl)?.as_ref().map(RedisCache::new).transpose();
        let key = if redis.url.is_some() { "redis.url" } else { "redis.url_file" };
        cache.map_err(|error| SettingFault::unusable(key, &error))
    });
}

fn qdrant(section: &QdrantSection) -> Result<(), SettingFault> {
    let Some(index) = section.to_index()? else { return Ok(()) };
    index.check().map_err(|error| {
        let key = match error {
            QdrantSettingsError::Url | QdrantSettingsError::Tls(_) => "qdrant.url",
            QdrantSettingsError::ApiKey => "qdrant.api_key",
            QdrantSettingsError::Collection { .. } => "qdrant.collection",
            _ => "qdrant.ca_file",
        };
        SettingFault::unusable(key, &error)
    })
}

fn limits(settings: &Settings, reading: &mut Reading) {
    let Settings { server, limits, database, export, writer, projector, .. } = settings;
    for (who, rate, burst) in [
        ("caller", limits.caller_rate, limits.caller_burst),
        ("stranger", limits.stranger_rate, limits.stranger_burst),
    ] {
        let sentence = format!("limits.{who}_burst must be at least 1 unless limits.{who}_rate is 0");
        reading.refuse(rate > 0 && burst == 0, &sentence);
    }
    let budget = writer.byte_budget.bytes();
    reading.refuse(
        budget - budget / 4 < server.body_limit.bytes().max(server.batch_body_limit.bytes()),
        "writer.byte_budget must be a third larger than server.body_limit and server.batch_body_limit: one caller may \
         have three quarters of it",
    );
    let connections = database.read_connections
        + export.connections
        + writer.writers
        + writer.batch_connections
        + writer.update_connections
        + writer.strict_connections
        + projector.workers
        + OTHER_CONNECTIONS;
    let sentence = format!(
        "database.read_connections is too large: with export.connections, writer.writers, writer.batch_connections, \
         writer.update_connections, writer.strict_connections, projector.workers and {OTHER_CONNECTIONS} further ones it \
         makes {connections} connections to PostgreSQL, and {MAX_CONNECTIONS} are allowed"
    );
    reading.refuse(connections > MAX_CONNECTIONS, &sentence);
}

fn times(settings: &Settings, reading: &mut Reading) {
    let Settings { server, database, schema, writer, projector, reconcile, .. } = settings;
    let statement = database.statement_timeout;
    for (section, step) in [("writer", writer.step_timeout), ("projector", projector.step_timeout)] {
        let sentence = "must be longer than database.statement_timeout, which ends a statement first";
        reading.refuse(step <= statement, &format!("{section}.step_timeout {sentence}"));
    }
    reading.refuse(
        statement >= server.request_timeout,
        "database.statement_timeout must be shorter than server.request_timeout",
    );
    reading.attempt("schema", || match database.owner(schema.owner_url.as_ref()) {
        Err(fault) if fault.key == "schema.owner_url" => Err(fault),
        // What else is wrong is the same for the service's own connections.
        _ => Ok(()),
    });
    let deadline = server.request_timeout + writer.step_timeout + writer.settle_timeout;
    let sentence = format!(
        "reconcile.gap must be at least {} s, twice server.request_timeout, writer.step_timeout and writer.settle_timeout \
         together",
        (deadline * 2).as_secs()
    );
    reading.refuse(reconcile.enabled && reconcile.gap < deadline * 2, &sentence);
    let sentence = format!(
        "server.drain_delay is too long: with server.drain_timeout, writer.stop_timeout and projector.stop_timeout it \
         makes a stop of {} s, and {} s are allowed",
        settings.stop_time().as_secs(),
        STOP_BUDGET.as_secs()
    );
    reading.refuse(settings.stop_time() > STOP_BUDGET, &sentence);
}
