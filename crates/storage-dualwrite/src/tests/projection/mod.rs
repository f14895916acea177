//! The projector with an outside index: both stores hold every record once, whatever fails on the way.

mod outbox;
mod panics;
mod refusals;
mod replicas;
mod sets;
mod sizes;
mod stages;
mod steps;
mod support;
