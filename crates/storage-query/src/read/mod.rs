//! Records by filter, by page, by id, and by what they belong to.

mod by_id;
mod count;
mod list;
pub(crate) mod rows;
mod stream;
#[cfg(test)]
mod tests;
mod timeline;

pub use by_id::{get, get_many};
pub use count::count;
pub use list::ListQuery;
pub use stream::stream;
pub use timeline::{MAX_EVENTS, Timeline, timeline};
