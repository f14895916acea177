//! Records by filter, by page and by id.

mod by_id;
mod count;
mod list;
pub(crate) mod rows;
#[cfg(test)]
mod tests;

pub use by_id::{get, get_many};
pub use count::count;
pub use list::ListQuery;
