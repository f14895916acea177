//! Records by filter, by page, by id, and by what they belong to.

mod by_id;
mod count;
mod list;
pub(crate) mod rows;
mod stream;
#[cfg(test)]
mod tests;
mod timeline;

pub use by_id::{Records, get, get_many};
pub(crate) use by_id::{get_many_sql, get_sql, in_months_of};
pub use count::count;
pub(crate) use count::sql as count_sql;
pub use list::ListQuery;
pub use stream::stream;
pub(crate) use timeline::sql as timeline_sql;
pub use timeline::{MAX_EVENTS, Timeline, timeline};
