//! Keeps [`AuditFilter`](super::AuditFilter) closed and holds what only this crate needs to know.

use storage_models::RecordType;

use super::{Conditions, Range, Times};
use crate::{InvalidParameter, TimeBound};

/// The parts of a filter.
pub trait Fields {
    /// Whose fields its parameters are.
    const TYPE: RecordType;

    /// The column that `since` and `until` speak of.
    const TIME: &'static str;

    /// The ranges of time.
    fn times(&self) -> Times<Range<TimeBound>>;

    /// Whether it lists values of a field that an index begins with.
    fn is_indexed(&self) -> bool;

    fn push_errors(&self, errors: &mut Vec<InvalidParameter>);

    /// Everything but the ranges of time.
    fn push_conditions(&self, conditions: &mut Conditions);

    /// Each parameter that is set, but for the ranges of time, with its values as texts.
    fn describe(&self) -> Vec<(String, Vec<String>)>;
}
