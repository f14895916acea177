//! The service as its clients see it: HTTP in, HTTP out, a real PostgreSQL behind it, faults in between.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on shall stop where it is"
)]

mod accepted;
mod admin;
mod aggregates;
mod answers;
mod attacks;
mod auth;
mod backup;
mod batches;
mod bodies;
mod cache;
mod consistency;
mod counters;
mod cursors;
mod export_cuts;
mod exports;
mod failover;
mod faults;
mod filters;
mod free_text;
mod idempotency;
mod incidents;
mod injection;
mod kills;
mod kubernetes;
mod large_records;
mod lenient;
mod lifecycle;
mod load;
mod messages;
mod observability;
mod openapi;
mod origin;
mod outages;
mod pages;
mod pasted;
mod projection;
mod provider;
mod read_routes;
mod readme;
mod reads;
mod reconcile;
mod sample;
mod schema;
mod search;
mod search_index;
mod search_modes;
mod secrets;
mod shares;
mod start;
mod support;
mod timelines;
mod tls;
mod tls_outward;
mod unread;
mod updates;
mod values;
mod writes;
