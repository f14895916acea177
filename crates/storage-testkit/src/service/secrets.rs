//! The secrets that a service was started with, and whether its log holds one.
//!
//! Every service that a test starts is looked at when it is dropped, so that all tests together prove that no secret
//! gets into a log, whatever happens to the service meanwhile.

use std::fmt;

use devstack::ServiceOptions;

/// Shorter ones would be found in words that mean something else.
const MIN_LENGTH: usize = 8;

/// Endings of the names of settings that hold a secret.
const SECRET: [&str; 3] = ["__PASSWORD", "__API_KEY", "__KEY"];

/// Endings of the names of settings that hold an address, which may have a password in it.
const ADDRESS: [&str; 1] = ["URL"];

/// The ending of the names of settings that name a file instead.
const FILE: &str = "_FILE";

/// Texts that no line of a log may hold.
#[derive(Clone, Default)]
pub(super) struct Secrets(Vec<String>);

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} secrets", self.0.len())
    }
}

impl Secrets {
    /// Those in the address of the database and in the settings.
    pub(super) fn of(database_url: &str, options: &ServiceOptions) -> Self {
        let mut secrets = Self::default();
        secrets.add_password_of(database_url);
        for (name, value) in &options.environment {
            match name.strip_suffix(FILE) {
                Some(name) => secrets.add_setting(name, &std::fs::read_to_string(value).unwrap_or_default()),
                None => secrets.add_setting(name, value),
            }
        }
        secrets
    }

    pub(super) fn add(&mut self, secret: &str) {
        let secret = secret.trim();
        if secret.len() >= MIN_LENGTH {
            self.0.push(secret.to_owned());
        }
    }

    fn add_setting(&mut self, name: &str, value: &str) {
        if SECRET.iter().any(|ending| name.ends_with(ending)) {
            self.add(value);
        } else if ADDRESS.iter().any(|ending| name.ends_with(ending)) {
            self.add_password_of(value);
        }
    }

    fn add_password_of(&mut self, url: &str) {
        let rest = url.split_once("://").map_or("", |(_, rest)| rest);
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
        self.add(user.split_once(':').map_or("", |(_, password)| password));
    }

    /// The lines of `log` that hold one of them, each at most once.
    pub(super) fn lines_in<'a>(&self, log: &'a str) -> Vec<&'a str> {
        log.lines().filter(|line| self.0.iter().any(|secret| line.contains(secret))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Secrets;
    use crate::ServiceOptions;

    #[test]
    fn secrets_are_found_in_addresses_settings_and_files() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "of-the-file\n").unwrap();
        let options = ServiceOptions::default()
            .set("DATASTORAGE__REDIS__URL", "redis://:of-redis@h:1")
            .set("DATASTORAGE__SCHEMA__OWNER_URL", "postgres://o:of-the-owner@h/d?x=y@z")
            .set("DATASTORAGE__QDRANT__API_KEY", "of-qdrant")
            .set("DATASTORAGE__QDRANT__URL", "http://h:1")
            .set("DATASTORAGE__REDIS__KEY_PREFIX", "no-secret:")
            .set("DATASTORAGE__OPENAI__API_KEY_FILE", file.path().to_string_lossy());
        let secrets = Secrets::of("postgres://u:of-postgres@h:1/d", &options);
        let found = ["of-postgres", "of-redis", "of-the-owner", "of-qdrant", "of-the-file"];
        assert_eq!(secrets.0, found);
        let log = "a line\nwith of-qdrant in it\nof-postgres of-redis\nno-secret:";
        assert_eq!(secrets.lines_in(log), ["with of-qdrant in it", "of-postgres of-redis"]);
        assert!(!format!("{secrets:?}").contains("of-"));
    }
}
