//! Notes on the values of a filter.

use serde::Serialize;

/// A value that is compared in another form than it was given, the one in which records store it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FilterNote {
    /// The parameter, such as `namespace` or `alert_name.not`.
    pub parameter: String,
    /// The value as it was given.
    pub given: String,
    /// The value that records are compared with.
    pub compared: String,
}
