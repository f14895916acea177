//! Sections in the form that the parts of the service take them in.

use std::collections::HashMap;
use std::time::Duration;

use secrecy::SecretString;
use storage_dualwrite::index::QdrantSettings;
use storage_dualwrite::reconcile::ReconcileSettings;
use storage_dualwrite::{ProjectorSettings, WriterSettings};
use storage_embedding::{OpenAiSettings, RedisSettings};

use super::choices::AuthorizationBy;
use super::fault::{SettingFault, read};
use super::table::{
    KubernetesSection, OpenAiSection, ProjectorSection, QdrantSection, ReconcileSection, RedisSection,
    TlsSection, WriterSection,
};
use crate::auth::kubernetes::{Authorization, KubernetesSettings};
use crate::auth::{Permission, Permissions};
use crate::tls::TlsFiles;

impl TlsSection {
    /// The files, when the API is to speak TLS.
    pub(crate) fn files(&self) -> Option<TlsFiles> {
        Some(TlsFiles {
            certificate: self.certificate_file.clone()?,
            key: self.key_file.clone()?,
            client_ca: self.client_ca_file.clone(),
        })
    }
}

impl KubernetesSection {
    /// As the verifier takes them. `own` is the namespace that the service is in.
    pub(crate) fn to_verifier(&self, own: String) -> KubernetesSettings {
        let authorization = match self.authorization {
            AuthorizationBy::Review => {
                Authorization::Review { namespace: self.namespace.clone().unwrap_or(own) }
            }
            AuthorizationBy::List => Authorization::List(self.listed()),
        };
        KubernetesSettings {
            audience: self.audience.clone(),
            authorization,
            timeout: self.timeout,
            ttl: self.cache_ttl,
        }
    }

    fn listed(&self) -> HashMap<String, Permissions> {
        let lists = [
            (&self.readers.0, Permission::Read),
            (&self.writers.0, Permission::Write),
            (&self.admins.0, Permission::Admin),
        ];
        let permissions = |user| {
            let held = lists.iter().filter(|(users, _)| users.contains(user));
            held.map(|(_, permission)| *permission).collect()
        };
        let users = lists.iter().flat_map(|(users, _)| users.iter());
        users.map(|user| (user.clone(), permissions(user))).collect()
    }
}

impl WriterSection {
    /// As the writer takes them.
    #[must_use]
    pub fn to_writer(&self) -> WriterSettings {
        WriterSettings {
            writers: self.writers,
            queue_records: self.queue_records,
            group_records: self.group_records,
            batch_connections: self.batch_connections,
            update_connections: self.update_connections,
            step_timeout: self.step_timeout,
            settle_timeout: self.settle_timeout,
            conflict_retries: self.conflict_retries,
        }
    }
}

impl ProjectorSection {
    /// As the projector takes them.
    #[must_use]
    pub fn to_projector(&self) -> ProjectorSettings {
        ProjectorSettings {
            workers: self.workers,
            batch: self.batch,
            percent_beside_writes: self.percent_beside_writes,
            lease: self.lease,
            poll: self.poll,
            attempts: self.attempts,
            retry_delay: self.retry_delay,
            outage_pause: self.outage_pause,
            step_timeout: self.step_timeout,
            sweep_pause: self.sweep_pause,
        }
    }
}

impl ReconcileSection {
    /// As the reconciler takes them.
    #[must_use]
    pub const fn to_reconciler(&self) -> ReconcileSettings {
        ReconcileSettings { gap: self.gap, page: self.page }
    }
}

impl OpenAiSection {
    /// As the embedder takes them.
    ///
    /// # Errors
    /// The file that cannot be read; that was checked on loading.
    pub fn to_embedder(&self) -> Result<OpenAiSettings, SettingFault> {
        Ok(OpenAiSettings {
            url: self.url.clone(),
            root_certificates: read("openai.ca_file", &self.ca_file)?.map(String::into_bytes),
            model: self.model.clone(),
            api_key: read("openai.api_key_file", &self.api_key_file)?.map(SecretString::from),
            send_dimensions: self.send_dimensions,
            timeout: self.timeout,
            retries: self.retries,
        })
    }
}

impl RedisSection {
    /// As the cache takes them; `None` when there is no Redis.
    ///
    /// # Errors
    /// The file that cannot be read; that was checked on loading.
    pub fn to_cache(&self, ttl: Duration) -> Result<Option<RedisSettings>, SettingFault> {
        let from_file = read("redis.url_file", &self.url_file)?.map(SecretString::from);
        let Some(url) = from_file.or_else(|| self.url.clone()) else { return Ok(None) };
        Ok(Some(RedisSettings {
            url,
            password: read("redis.password_file", &self.password_file)?.map(SecretString::from),
            root_certificates: read("redis.ca_file", &self.ca_file)?.map(String::into_bytes),
            key_prefix: self.key_prefix.clone(),
            ttl,
            connect_timeout: self.connect_timeout,
            timeout: self.timeout,
            connections: self.connections,
        }))
    }
}

impl QdrantSection {
    /// As the index takes them; `None` when there is no Qdrant.
    ///
    /// # Errors
    /// The file that cannot be read; that was checked on loading.
    pub fn to_index(&self) -> Result<Option<QdrantSettings>, SettingFault> {
        let Some(url) = self.url.clone() else { return Ok(None) };
        let from_file = read("qdrant.api_key_file", &self.api_key_file)?.map(SecretString::from);
        Ok(Some(QdrantSettings {
            url,
            root_certificates: read("qdrant.ca_file", &self.ca_file)?.map(String::into_bytes),
            api_key: from_file.or_else(|| self.api_key.clone()),
            collection: self.collection.clone(),
            timeout: self.timeout,
            connect_timeout: self.connect_timeout,
        }))
    }
}
