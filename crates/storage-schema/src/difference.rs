//! The differences between a database and the schema.

use std::fmt;

/// One difference between a database and the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// Something is not there: a table, a column, an index, a trigger, a function, the extension, a partition.
    Missing {
        /// The name of the object, such as `column remediation_audit.severity`.
        what: String,
    },
    /// Something is there and is not what it shall be.
    Differs {
        /// The name of the object.
        what: String,
        /// The expected state.
        expected: String,
        /// The actual state.
        found: String,
    },
    /// Something is there and works, and is defined otherwise. No reason not to start: a newer version may have
    /// changed it.
    Changed {
        /// The name of the object.
        what: String,
        /// Its definition here.
        expected: String,
        /// Its definition in the database.
        found: String,
    },
    /// A column, index, trigger or right the schema does not know. Harmless to this version: a newer one may have added
    /// it.
    Extra {
        /// The name of the object.
        what: String,
    },
}

impl Difference {
    /// Whether the service cannot run with it.
    #[must_use]
    pub const fn is_fatal(&self) -> bool {
        matches!(self, Self::Missing { .. } | Self::Differs { .. })
    }

    /// The name of the object that differs.
    #[must_use]
    pub fn what(&self) -> &str {
        let (Self::Missing { what }
        | Self::Differs { what, .. }
        | Self::Changed { what, .. }
        | Self::Extra { what }) = self;
        what
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { what } => write!(f, "missing: {what}"),
            Self::Differs { what, expected, found } | Self::Changed { what, expected, found } => {
                write!(f, "differs: {what} is {found}, expected {expected}")
            }
            Self::Extra { what } => write!(f, "extra: {what}"),
        }
    }
}
