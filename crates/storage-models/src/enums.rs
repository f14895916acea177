//! The closed sets of words that records may hold.

use std::fmt;
use std::str::FromStr;

use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::Text;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::OtherWord;

/// A word that is not in the set it was read as.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} is not one of {allowed}")]
pub struct UnknownValue {
    /// The text that was found.
    pub value: String,
    /// The words of the set, comma-separated.
    pub allowed: String,
}

/// Defines an enum stored and written as a lower-case word, with its SQL, serde and text forms.
///
/// A stored word is read even if a newer version wrote it and this version does not know it. A word from outside
/// ([`FromStr`]) must be known.
macro_rules! word_enum {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, AsExpression, FromSqlRow)]
        #[diesel(sql_type = Text)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_meta])* $variant,)+
            /// A word that a newer version of the store has added to the set.
            Other(OtherWord),
        }

        impl $name {
            /// Every value that this version knows, in the order of a record's life or of importance.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word of each value, in the same order.
            pub const WORDS: &'static [&'static str] = &[$($word,)+];

            /// The word that stands for it in JSON and in the database.
            #[must_use]
            pub const fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)+
                    Self::Other(word) => word.as_str(),
                }
            }

            /// The value of a word that is stored somewhere.
            fn stored(word: &str) -> Self {
                word.parse().unwrap_or_else(|_| Self::Other(OtherWord::new(word)))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownValue;

            fn from_str(text: &str) -> Result<Self, UnknownValue> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(UnknownValue { value: text.to_owned(), allowed: Self::WORDS.join(", ") }),
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(|word| Self::stored(&word))
            }
        }

        impl ToSql<Text, Pg> for $name {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
                <str as ToSql<Text, Pg>>::to_sql(self.as_str(), out)
            }
        }

        impl FromSql<Text, Pg> for $name {
            fn from_sql(bytes: PgValue<'_>) -> deserialize::Result<Self> {
                <String as FromSql<Text, Pg>>::from_sql(bytes).map(|word| Self::stored(&word))
            }
        }
    };
}

word_enum! {
    /// How far a remediation has come. *Finished* means [`Phase::Completed`] or [`Phase::Failed`].
    Phase {
        /// Not begun.
        Pending = "pending",
        /// Under way.
        Processing = "processing",
        /// Ended as intended.
        Completed = "completed",
        /// Ended otherwise.
        Failed = "failed",
    }
}

impl Phase {
    /// Whether the record may not change any more.
    #[must_use]
    pub const fn is_finished(self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
    }
}

word_enum! {
    /// How far a workflow has come.
    WorkflowPhase {
        /// Steps are being chosen.
        Planning = "planning",
        /// Steps are being run.
        Executing = "executing",
        /// All steps ran.
        Completed = "completed",
        /// A step failed for good.
        Failed = "failed",
    }
}

impl WorkflowPhase {
    /// Whether the record may no longer change.
    #[must_use]
    pub const fn is_finished(self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
    }
}

word_enum! {
    /// The outcome of an action, as far as it is known.
    Status {
        /// Not begun.
        Pending = "pending",
        /// Under way.
        Running = "running",
        /// It worked.
        Success = "success",
        /// It did not work.
        Failed = "failed",
        /// It ended with an unknown result.
        Unknown = "unknown",
    }
}

impl Status {
    /// Whether it says how an action ended, which a finished record must.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Success | Self::Failed | Self::Unknown)
    }
}

word_enum! {
    /// The importance of the alert that caused a remediation.
    Severity {
        /// Service is down or data is at risk.
        Critical = "critical",
        /// Service suffers.
        High = "high",
        /// Service will suffer.
        Medium = "medium",
        /// Worth knowing soon.
        Low = "low",
        /// Alertmanager's usual word below critical.
        Warning = "warning",
        /// For the record.
        Info = "info",
    }
}

word_enum! {
    /// How a value differs from what was sent.
    Altered {
        /// White space at its ends, or characters that it may not hold, are gone.
        Cleaned = "cleaned",
        /// `&`, `<` and `>` stand as character references, because a browser would run something in it.
        Escaped = "escaped",
        /// Its end, or its middle, is left out.
        Cut = "cut",
        /// Its control characters are gone.
        ControlsRemoved = "controls_removed",
        /// It was no known severity, and is null.
        UnknownSeverity = "unknown_severity",
        /// Something stands for it, because of its size.
        Replaced = "replaced",
    }
}

impl Altered {
    /// Whether only lenient handling does so; strict handling refuses the record instead.
    #[must_use]
    pub const fn is_adjustment(self) -> bool {
        match self {
            Self::Cleaned | Self::Escaped | Self::Other(_) => false,
            Self::Cut | Self::ControlsRemoved | Self::UnknownSeverity | Self::Replaced => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Phase, Severity, Status, WorkflowPhase};

    #[test]
    fn every_word_reads_back_as_itself() {
        macro_rules! check {
            ($($name:ident)+) => {$(
                for value in $name::ALL {
                    assert_eq!(value.as_str().parse::<$name>().as_ref(), Ok(value));
                }
                assert!("Completed ".parse::<$name>().unwrap_err().to_string().contains("is not one of"));
            )+};
        }
        check!(Phase WorkflowPhase Status Severity);
    }

    /// A word of a newer version is kept as it is where it was stored, and refused where it is asked for.
    #[test]
    fn a_word_of_a_newer_version_is_read_and_written_again() {
        let read: Status = serde_json::from_str("\"paused\"").unwrap();
        assert!(matches!(read, Status::Other(word) if word.as_str() == "paused"), "{read:?}");
        assert_eq!((read.as_str(), read.to_string().as_str()), ("paused", "paused"));
        assert_eq!(serde_json::to_string(&read).unwrap(), "\"paused\"");
        assert!(!read.is_final());
        assert_eq!(serde_json::from_str::<Status>("\"running\"").unwrap(), Status::Running);
        "paused".parse::<Status>().unwrap_err();
    }

    #[test]
    fn finished_and_final_are_what_the_record_rules_say() {
        let finished: Vec<_> = Phase::ALL.iter().filter(|p| p.is_finished()).map(|p| p.as_str()).collect();
        let ends: Vec<_> = Status::ALL.iter().filter(|s| s.is_final()).map(|s| s.as_str()).collect();
        assert_eq!(finished, ["completed", "failed"]);
        assert_eq!(ends, ["success", "failed", "unknown"]);
    }
}
