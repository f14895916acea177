//! The service's settings: read in layers, checked as a whole before anything starts.

mod auth;
mod database;
mod effective;
mod embedding;
mod export;
mod fault;
mod file;
mod idempotency;
mod kubernetes;
mod layers;
mod limits;
mod lists;
mod log;
mod openai;
mod projector;
mod qdrant;
mod reconcile;
mod redis;
mod sample;
mod schema;
mod section;
mod server;
pub(crate) mod stop;
mod tls;
mod value;
mod writer;

#[cfg(test)]
mod tests;

pub use auth::{AuthMode, AuthSettings};
pub use database::{Connectors, ConnectorsError, DatabaseSettings, DatabaseTlsMode};
pub use effective::EffectiveSetting;
pub use embedding::{EmbeddingSettings, Provider};
pub use export::ExportSettings;
pub use fault::{InvalidSettings, SettingFault};
pub use file::Unreadable;
pub use idempotency::IdempotencySettings;
pub use kubernetes::{AuthorizationBy, KubernetesSection};
pub use layers::{Flag, Sources};
pub use limits::LimitSettings;
pub use lists::{Accounts, Networks, Origins};
pub use log::LogSettings;
pub use openai::OpenAiSection;
pub use projector::ProjectorSection;
pub use qdrant::QdrantSection;
pub use reconcile::ReconcileSection;
pub use redis::RedisSection;
pub use sample::{default_file, reference};
pub use schema::SchemaSettings;
pub use server::ServerSettings;
pub use tls::TlsSection;
pub use value::{ByteSize, duration};
pub use writer::{Consistency, WriterSection};

use storage_embedding::DEFAULT_TTL;

use fault::Faults;
use section::{Reader, Section};
use stop::{CLOSE_TIMEOUT, STOP_BUDGET, STOP_MARGIN};

/// The whole of it, one struct per concern.
///
/// Defaults give way to the file, the file to the environment (`DATASTORAGE__SECTION__KEY`), the environment to flags.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Addresses, limits and the stop.
    pub server: ServerSettings,
    /// TLS of the API's port.
    pub tls: TlsSection,
    /// Who may do what.
    pub auth: AuthSettings,
    /// The cluster that callers are in.
    pub kubernetes: KubernetesSection,
    /// How much anybody may ask.
    pub limits: LimitSettings,
    /// PostgreSQL.
    pub database: DatabaseSettings,
    /// Streams of all that matches.
    pub export: ExportSettings,
    /// Making the tables at start.
    pub schema: SchemaSettings,
    /// The write queue.
    pub writer: WriterSection,
    /// The answers kept for repeated requests.
    pub idempotency: IdempotencySettings,
    /// The embedding of stored records.
    pub projector: ProjectorSection,
    /// The comparison of the stores.
    pub reconcile: ReconcileSection,
    /// The embedder and its cache.
    pub embedding: EmbeddingSettings,
    /// The remote embedder.
    pub openai: OpenAiSection,
    /// The cache that replicas share.
    pub redis: RedisSection,
    /// The outside vector index.
    pub qdrant: QdrantSection,
    /// What is logged, and how.
    pub log: LogSettings,
    /// All of them as they were read, without secrets.
    pub effective: Vec<EffectiveSetting>,
}

/// How many connections all replicas' shares of PostgreSQL must fit in, per replica.
const MAX_CONNECTIONS: usize = 50;

/// Connections beside the pools: the monitor, the tasks for partitions and old keys, the projector's two for
/// notifications, the two for those who wait for the index, the reconciler's, and a spare for lost commits.
const OTHER_CONNECTIONS: usize = 9;

/// What the settings are read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Service,
    Maintenance,
}

impl Settings {
    /// Reads and checks everything.
    ///
    /// # Errors
    /// Every fault there is, at once.
    pub fn load(sources: &Sources) -> Result<Self, InvalidSettings> {
        Self::load_for(sources, Purpose::Service)
    }

    /// Reads and checks what a maintenance command needs, which neither listens nor embeds.
    ///
    /// # Errors
    /// Every fault there is, at once.
    pub fn load_for_maintenance(sources: &Sources) -> Result<Self, InvalidSettings> {
        Self::load_for(sources, Purpose::Maintenance)
    }

    fn load_for(sources: &Sources, purpose: Purpose) -> Result<Self, InvalidSettings> {
        let mut faults = Faults::default();
        let mut reader = Reader::new(sources.entries(&mut faults));
        let settings = Self::read(&mut reader, &mut faults, purpose);
        reader.refuse_unknown(&mut faults);
        if let Some(settings) = &settings {
            if purpose == Purpose::Service {
                settings.server.check_reach(settings.auth.mode, &mut faults);
            }
            settings.check_across(&mut faults);
        }
        match (settings, faults.into_invalid()) {
            (Some(settings), None) => Ok(settings),
            (_, invalid) => Err(invalid.unwrap_or_default()),
        }
    }

    /// Each section is read and checked before any is given up, so that all faults are found.
    fn read(reader: &mut Reader, faults: &mut Faults, purpose: Purpose) -> Option<Self> {
        let serves = purpose == Purpose::Service;
        let server = ServerSettings::read(reader, faults).inspect(|it| {
            if serves {
                it.check(faults)
            }
        });
        let tls = TlsSection::read(reader, faults).inspect(|it| {
            if serves {
                it.check(faults)
            }
        });
        let auth = AuthSettings::read(reader, faults).inspect(|it| {
            if serves {
                it.check(faults)
            }
        });
        let asks_cluster = auth.as_ref().is_some_and(|it| it.mode == AuthMode::Kubernetes);
        let kubernetes = KubernetesSection::read(reader, faults).inspect(|it| {
            if serves && asks_cluster {
                it.check(faults)
            }
        });
        let limits = LimitSettings::read(reader, faults).inspect(|it| it.check(faults));
        let database = DatabaseSettings::read(reader, faults).inspect(|it| {
            it.check(faults);
            it.check_connectors(faults);
        });
        let export = ExportSettings::read(reader, faults).inspect(|it| it.check(faults));
        let schema = SchemaSettings::read(reader, faults);
        let writer = WriterSection::read(reader, faults).inspect(|it| it.check(faults));
        let idempotency = IdempotencySettings::read(reader, faults).inspect(|it| it.check(faults));
        let projector = ProjectorSection::read(reader, faults).inspect(|it| it.check(faults));
        let reconcile = ReconcileSection::read(reader, faults).inspect(|it| it.check(faults));
        let embedding = EmbeddingSettings::read(reader, faults).inspect(|it| {
            if serves {
                it.check(faults)
            }
        });
        let is_remote = embedding.as_ref().is_some_and(|it| it.provider == Provider::OpenAi);
        let openai = OpenAiSection::read(reader, faults).inspect(|it| {
            if serves && is_remote {
                it.check(faults)
            }
        });
        let ttl = embedding.as_ref().map_or(DEFAULT_TTL, |it| it.cache_ttl);
        let redis = RedisSection::read(reader, faults).inspect(|it| {
            if serves {
                it.check(ttl, faults)
            }
        });
        let qdrant = QdrantSection::read(reader, faults).inspect(|it| it.check(faults));
        let log = LogSettings::read(reader, faults).inspect(|it| it.check(faults));
        Some(Self {
            server: server?,
            tls: tls?,
            auth: auth?,
            kubernetes: kubernetes?,
            limits: limits?,
            database: database?,
            export: export?,
            schema: schema?,
            writer: writer?,
            idempotency: idempotency?,
            projector: projector?,
            reconcile: reconcile?,
            embedding: embedding?,
            openai: openai?,
            redis: redis?,
            qdrant: qdrant?,
            log: log?,
            effective: reader.take_effective(),
        })
    }

    fn check_across(&self, faults: &mut Faults) {
        let statement = self.database.statement_timeout;
        for (key, step) in [
            ("writer.step_timeout", self.writer.step_timeout),
            ("projector.step_timeout", self.projector.step_timeout),
        ] {
            if step <= statement {
                faults.push(
                    key,
                    "must be longer than database.statement_timeout, which ends a statement first",
                );
            }
        }
        if statement >= self.server.request_timeout {
            faults.push("database.statement_timeout", "must be shorter than server.request_timeout");
        }
        if let Some(owner) = &self.schema.owner_url
            && let Err(ConnectorsError::Address(error)) = self.database.owner(Some(owner))
        {
            faults.push("schema.owner_url", format!("cannot be used: {error}"));
        }
        let largest = self.server.body_limit.bytes().max(self.server.batch_body_limit.bytes());
        let budget = self.writer.byte_budget.bytes();
        if budget - budget / 4 < largest {
            faults.push(
                "writer.byte_budget",
                "must hold, in the three quarters that one caller may have, a body of server.body_limit and one of \
                 server.batch_body_limit",
            );
        }
        let connections = self.database.read_connections
            + self.export.connections
            + self.writer.writers
            + self.writer.batch_connections
            + self.writer.update_connections
            + self.writer.strict_connections
            + self.projector.workers
            + OTHER_CONNECTIONS;
        if connections > MAX_CONNECTIONS {
            faults.push(
                "database.read_connections",
                format!(
                    "with export.connections, writer.writers, writer.batch_connections, writer.update_connections, \
                     writer.strict_connections and projector.workers makes {connections} connections; at most \
                     {MAX_CONNECTIONS} are allowed"
                ),
            );
        }
        let deadline = self.server.request_timeout + self.writer.step_timeout + self.writer.settle_timeout;
        if self.reconcile.enabled && self.reconcile.gap < deadline * 2 {
            faults.push(
                "reconcile.gap",
                format!(
                    "must be at least {} s: twice server.request_timeout, writer.step_timeout and \
                     writer.settle_timeout together",
                    (deadline * 2).as_secs()
                ),
            );
        }
        if self.stop_time() > STOP_BUDGET {
            faults.push(
                "server.drain_delay",
                format!(
                    "with server.drain_timeout, writer.stop_timeout and projector.stop_timeout makes a stop of {} s; \
                     at most {} s are allowed",
                    self.stop_time().as_secs(),
                    STOP_BUDGET.as_secs()
                ),
            );
        }
    }

    /// The role that the service connects as, when it is another than the one that owns the tables.
    #[must_use]
    pub fn server_role(&self) -> Option<String> {
        self.schema.owner_url.as_ref()?;
        // The password's file was read when the settings were checked.
        self.database.role().ok()?.0
    }

    /// The longest that a stop takes.
    #[must_use]
    pub fn stop_time(&self) -> std::time::Duration {
        self.server.drain_delay
            + self.server.drain_timeout
            + self.writer.stop_timeout
            + self.projector.stop_timeout
            + STOP_MARGIN
            + CLOSE_TIMEOUT
    }
}
