//! The service's settings: read in layers, checked as a whole before anything starts.
//!
//! `table` defines every setting. `layers` gathers what was given, `value` says how a text becomes a value, and `reading`
//! notes everything that is wrong, of each setting and, by `rules`, of several together.

mod choices;
mod convert;
mod database;
mod define;
mod effective;
mod fault;
mod layers;
mod reading;
mod rules;
mod sample;
pub(crate) mod stop;
mod table;
mod value;

#[cfg(test)]
mod tests;

pub use choices::{AuthMode, AuthorizationBy, Consistency, DatabaseTlsMode, Provider};
pub use database::Connectors;
pub use effective::EffectiveSetting;
pub use fault::{InvalidSettings, SettingFault};
pub use layers::{Flag, Sources};
pub use sample::{default_file, reference};
pub use table::{
    AuthSettings, DatabaseSettings, EmbeddingSettings, ExportSettings, IdempotencySettings,
    KubernetesSection, LimitSettings, LogSettings, OpenAiSection, ProjectorSection, QdrantSection,
    ReconcileSection, RedisSection, SchemaSettings, ServerSettings, Settings, TlsSection, WriterSection,
};
pub use value::{Accounts, ByteSize, LinkTemplate, Networks, Origins, duration};

use std::time::Duration;

use reading::Reading;
use rules::Purpose;
use stop::{CLOSE_TIMEOUT, STOP_MARGIN};

impl Settings {
    /// Reads and checks everything. Defaults give way to the file, the file to the environment
    /// (`DATASTORAGE__SECTION__KEY`), the environment to flags.
    ///
    /// # Errors
    /// Every fault there is, at once.
    pub fn load(sources: &Sources) -> Result<Self, InvalidSettings> {
        Self::load_for(sources, Purpose::Service)
    }

    /// Reads everything, and checks what a maintenance command needs, which neither listens nor embeds.
    ///
    /// # Errors
    /// Every fault there is, at once.
    pub fn load_for_maintenance(sources: &Sources) -> Result<Self, InvalidSettings> {
        Self::load_for(sources, Purpose::Maintenance)
    }

    fn load_for(sources: &Sources, purpose: Purpose) -> Result<Self, InvalidSettings> {
        let mut reading = Reading::new(sources);
        let settings = Self::read(&mut reading);
        reading.refuse_unknown();
        if let Some(settings) = &settings {
            rules::check(settings, purpose, &mut reading);
        }
        match (settings, reading.into_invalid()) {
            (Some(settings), None) => Ok(settings),
            (_, invalid) => Err(invalid.unwrap_or_default()),
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
    pub fn stop_time(&self) -> Duration {
        self.server.drain_delay
            + self.server.drain_timeout
            + self.writer.stop_timeout
            + self.projector.stop_timeout
            + STOP_MARGIN
            + CLOSE_TIMEOUT
    }
}
