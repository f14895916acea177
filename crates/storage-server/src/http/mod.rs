//! Requests between the socket and the handlers: the ports and their connections, what every request passes, and the
//! state that a server shares.

pub(crate) mod admit;
mod answers;
pub(crate) mod compress;
mod connection;
pub(crate) mod cors;
mod farewell;
pub(crate) mod host;
pub(crate) mod observe;
pub(crate) mod ports;
pub(crate) mod state;
