//! How a single setting is read from text.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

/// A type that a setting may have.
pub(super) trait Setting: Sized {
    /// What is accepted, as the rest of "must be".
    const FORM: &'static str;
    /// Whether the value may be repeated in a message.
    const SECRET: bool = false;
    /// Whether TOML wants quotes around it.
    const QUOTED: bool = true;

    /// Reads it; `None` when the text does not have the form.
    fn parse(text: &str) -> Option<Self>;
}

/// Defines settings that the standard library can read.
macro_rules! parsed {
    ($($type:ty: $form:literal, quoted $quoted:literal;)+) => {$(
        impl Setting for $type {
            const FORM: &'static str = $form;
            const QUOTED: bool = $quoted;

            fn parse(text: &str) -> Option<Self> {
                text.parse().ok()
            }
        }
    )+};
}

parsed! {
    bool: "true or false", quoted false;
    u16: "a whole number from 0 to 65535", quoted false;
    u32: "a whole number", quoted false;
    i32: "a whole number", quoted false;
    i64: "a whole number", quoted false;
    usize: "a whole number", quoted false;
    SocketAddr: "an address and a port, such as 127.0.0.1:8080", quoted true;
}

impl Setting for String {
    const FORM: &'static str = "a text";

    fn parse(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| text.to_owned())
    }
}

impl Setting for PathBuf {
    const FORM: &'static str = "a path";

    fn parse(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self::from(text))
    }
}

impl Setting for SecretString {
    const FORM: &'static str = "a text";
    const SECRET: bool = true;

    fn parse(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| text.into())
    }
}

impl<T: Setting> Setting for Option<T> {
    const FORM: &'static str = T::FORM;
    const SECRET: bool = T::SECRET;
    const QUOTED: bool = T::QUOTED;

    fn parse(text: &str) -> Option<Self> {
        if text.is_empty() { Some(None) } else { T::parse(text).map(Some) }
    }
}

impl Setting for Duration {
    const FORM: &'static str = "a duration such as 250ms, 15s, 5m or 1h";

    fn parse(text: &str) -> Option<Self> {
        let (count, unit) = split_unit(text)?;
        let millis = match unit {
            "ms" => count,
            "s" => count.checked_mul(1_000)?,
            "m" => count.checked_mul(60_000)?,
            "h" => count.checked_mul(3_600_000)?,
            _ => return None,
        };
        Some(Self::from_millis(millis))
    }
}

/// Reads a duration as the settings do: `250ms`, `15s`, `5m`, `1h`.
#[must_use]
pub fn duration(text: &str) -> Option<Duration> {
    Setting::parse(text)
}

/// A number of bytes, written `65536`, `64KiB`, `1MiB` or `1GiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(u64);

impl ByteSize {
    /// So many bytes.
    #[must_use]
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The number.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// The number, or the largest that fits.
    #[must_use]
    pub fn saturating_u32(self) -> u32 {
        u32::try_from(self.0).unwrap_or(u32::MAX)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, size) in [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)] {
            if self.0 >= size && self.0.is_multiple_of(size) {
                return write!(f, "{}{unit}", self.0 / size);
            }
        }
        write!(f, "{} bytes", self.0)
    }
}

impl Setting for ByteSize {
    const FORM: &'static str = "a number of bytes such as 65536, 64KiB, 1MiB or 1GiB";

    fn parse(text: &str) -> Option<Self> {
        let (count, unit) = split_unit(text)?;
        let size = match unit {
            "" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return None,
        };
        count.checked_mul(size).map(Self)
    }
}

/// The digits at the beginning and what follows them.
fn split_unit(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at_checked(end)?;
    Some((digits.parse().ok()?, unit.trim_start()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{ByteSize, Setting};

    #[test]
    fn durations_have_a_unit() {
        for (text, millis) in [
            ("250ms", Some(250)),
            ("15s", Some(15_000)),
            ("5 m", Some(300_000)),
            ("1h", Some(3_600_000)),
            ("0s", Some(0)),
            ("15", None),
            ("-1s", None),
            ("1.5s", None),
            ("s", None),
            ("", None),
            ("1d", None),
            ("99999999999999999999s", None),
        ] {
            assert_eq!(Duration::parse(text), millis.map(Duration::from_millis), "{text}");
        }
    }

    #[test]
    fn sizes_are_read_and_shown_in_powers_of_two() {
        for (text, bytes) in [
            ("65536", Some(65_536)),
            ("64KiB", Some(65_536)),
            ("1 MiB", Some(1 << 20)),
            ("2GiB", Some(2 << 30)),
            ("1MB", None),
            ("1mib", None),
            ("", None),
            ("99999999999GiB", None),
        ] {
            assert_eq!(ByteSize::parse(text).map(ByteSize::bytes), bytes, "{text}");
        }
        assert_eq!(ByteSize::new(1 << 20).to_string(), "1MiB");
        assert_eq!(ByteSize::new(1_500).to_string(), "1500 bytes");
    }

    #[test]
    fn an_optional_setting_left_empty_is_not_set() {
        assert_eq!(Option::<u16>::parse(""), Some(None));
        assert_eq!(Option::<u16>::parse("5"), Some(Some(5)));
        assert_eq!(Option::<u16>::parse("x"), None);
    }
}
