//! Redis, the part of the embedding cache that replicas share.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use storage_embedding::{RedisCache, RedisSettings};

use super::fault::Faults;
use super::file::{Unreadable, read};
use super::section::section;

section! {
    /// Redis, where replicas share the vectors they have made. While it is away each remembers its own.
    RedisSection = "redis" {
        /// The address, such as `redis://user@host:6379/0`, or `rediss://` for TLS. Without one there is no Redis.
        url: Option<SecretString> = "",
        /// A file with the address, for addresses that hold a password; an end of line at its end is dropped.
        url_file: Option<PathBuf> = "",
        /// A file with the password, when the address has none; an end of line at its end is dropped.
        password_file: Option<PathBuf> = "",
        /// A file with the certificates, in PEM, that the server's must come from; the system's when empty.
        ca_file: Option<PathBuf> = "",
        /// What every key begins with; replicas that shall share have the same.
        key_prefix: String = "datastorage:embedding:",
        /// How long a connection may take to be made.
        connect_timeout: Duration = "500ms",
        /// How long an answer may take. A search waits for it at most three times before Redis counts as away.
        timeout: Duration = "200ms",
        /// Connections, at most.
        connections: usize = "4",
    }
}

impl RedisSection {
    pub(super) fn check(&self, ttl: Duration, faults: &mut Faults) {
        if self.url.is_some() && self.url_file.is_some() {
            faults.push("redis.url_file", "cannot be combined with redis.url; give the one or the other");
        }
        faults.range("redis.connections", self.connections, 1, 64);
        faults.above_zero("redis.connect_timeout", self.connect_timeout);
        faults.above_zero("redis.timeout", self.timeout);
        match self.to_cache(ttl) {
            Ok(Some(settings)) => {
                if let Err(error) = RedisCache::new(&settings) {
                    faults.push("redis.url", format!("cannot be used: {error}"));
                }
            }
            Ok(None) => {}
            Err(unreadable) => unreadable.tell(faults),
        }
    }

    /// As the cache takes them; `None` when there is no Redis.
    ///
    /// # Errors
    /// When one of the files cannot be read; that was checked on loading.
    pub fn to_cache(&self, ttl: Duration) -> Result<Option<RedisSettings>, Unreadable> {
        let url = match &self.url_file {
            Some(path) => Some(read("redis.url_file", path)?.into()),
            None => self.url.clone(),
        };
        let Some(url) = url else { return Ok(None) };
        let password =
            self.password_file.as_ref().map(|path| read("redis.password_file", path)).transpose()?;
        let certificates = self.ca_file.as_ref().map(|path| read("redis.ca_file", path)).transpose()?;
        Ok(Some(RedisSettings {
            url,
            password: password.map(SecretString::from),
            root_certificates: certificates.map(String::into_bytes),
            key_prefix: self.key_prefix.clone(),
            ttl,
            connect_timeout: self.connect_timeout,
            timeout: self.timeout,
            connections: self.connections,
        }))
    }
}
