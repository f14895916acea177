//! How a cluster is configured.

use std::fmt::Write;
use std::path::Path;

/// The durability of a cluster in a crash of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// `fsync`, `full_page_writes` and `synchronous_commit` on, as in production.
    Full,
    /// No `fsync`. Killing the server loses nothing, because what it has written is the kernel's by then; only a
    /// crash of the machine would, and no test crashes the machine. `synchronous_commit` stays on, so that the order
    /// of events in a commit is the one of production.
    KernelOnly,
}

/// The settings of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterSettings {
    /// The durability in a crash.
    pub durability: Durability,
    /// Most connections at a time.
    pub max_connections: u16,
    /// The superuser's password. Without one, every program on this machine's loopback may connect.
    pub password: Option<String>,
    /// The TCP port on 127.0.0.1; by default a free one.
    pub port: Option<u16>,
    /// Further settings for `postgresql.conf`: name and value, the value unquoted.
    pub extra: Vec<(String, String)>,
}

impl ClusterSettings {
    /// For tests: not durable beyond the kernel, many connections, no password.
    #[must_use]
    pub fn for_tests() -> Self {
        Self {
            durability: Durability::KernelOnly,
            max_connections: 300,
            password: None,
            port: None,
            extra: Vec::new(),
        }
    }

    /// For a development stack: durable, and behind `password`.
    #[must_use]
    pub fn for_development(password: String) -> Self {
        Self {
            durability: Durability::Full,
            max_connections: 100,
            password: Some(password),
            port: None,
            extra: Vec::new(),
        }
    }

    /// The configuration file that the server includes last.
    pub(super) fn render(&self, port: u16, sockets: Option<&Path>) -> String {
        let mut text = String::new();
        let mut set = |name: &str, value: &str| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{name} = '{}'", value.replace('\'', "''"));
        };
        set("listen_addresses", "127.0.0.1");
        set("port", &port.to_string());
        set("unix_socket_directories", &sockets.map(|it| it.to_string_lossy()).unwrap_or_default());
        set("max_connections", &self.max_connections.to_string());
        set("shared_buffers", "128MB");
        set("synchronous_commit", "on");
        if self.durability == Durability::KernelOnly {
            set("fsync", "off");
            set("full_page_writes", "off");
        }
        set("lc_messages", "C");
        set("timezone", "UTC");
        set("log_timezone", "UTC");
        for (name, value) in &self.extra {
            set(name, value);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    //! Tests for the configuration file.

    use super::ClusterSettings;

    #[test]
    fn values_are_quoted_and_extra_settings_come_last() {
        let mut settings = ClusterSettings::for_tests();
        settings.extra.push(("application_name".to_owned(), "it's".to_owned()));
        let text = settings.render(5433, None);
        assert!(text.contains("port = '5433'\nunix_socket_directories = ''\n"), "{text}");
        assert!(text.ends_with("application_name = 'it''s'\n"), "{text}");
        assert!(text.contains("fsync = 'off'"), "{text}");
        assert!(!ClusterSettings::for_development("x".to_owned()).render(1, None).contains("fsync"));
    }
}
