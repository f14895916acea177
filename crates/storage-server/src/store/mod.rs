//! The store as the service reaches it: what handlers need of it, the connections it is read through, and who gets what
//! there is too little of.

pub(crate) mod budget;
pub(crate) mod edge;
pub(crate) mod fair_semaphore;
pub(crate) mod far_months;
pub(crate) mod pool;
pub(crate) mod requester;
mod write_path;

pub(crate) use write_path::WritePath;
