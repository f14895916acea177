//! The crate from outside: all providers and caches through one suite each, and the real model.

// The attribute tells clippy that helpers beside the tests are test code too.
#[cfg(test)]
mod cache;
#[cfg(test)]
mod embedder;
#[cfg(test)]
mod local;
#[cfg(test)]
mod openai;
#[cfg(test)]
mod quality;
#[cfg(test)]
mod support;
