//! Conditions of a filter beyond the values of columns.

use super::Conditions;
use crate::InvalidParameter;

/// Parameters that one member of a filter reads by rules of its own.
pub(super) trait Extra {
    /// Whether the parameter `name` is one of them.
    fn accepts(name: &str) -> bool;

    /// Adds what the parameter `name`, which it accepts, says.
    fn set(&mut self, name: &str, text: &str) -> Result<(), InvalidParameter>;

    fn push_errors(&self, errors: &mut Vec<InvalidParameter>);

    fn push_conditions(&self, conditions: &mut Conditions);

    /// Adds each parameter that is set, with its values.
    fn describe(&self, out: &mut Vec<(String, Vec<String>)>);
}
