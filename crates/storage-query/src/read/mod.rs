//! Records by filter, by page, by id, and by what they belong to.

mod by_id;
mod count;
mod feed;
mod feed_end;
mod list;
mod nearest_months;
mod paged;
pub(crate) mod rows;
mod stream;
#[cfg(test)]
mod tests;
mod timeline;

pub(crate) use by_id::in_months_of;
pub use by_id::{GetManyQuery, GetQuery, Records};
pub use count::CountQuery;
pub use feed::Feed;
pub use feed_end::{FeedEnd, FeedEndQuery};
pub use list::ListQuery;
pub use stream::StreamQuery;
pub use timeline::{MAX_EVENTS, Timeline, TimelineQuery};
