//! Nothing but dependencies: the features that third-party crates have in this workspace.
//!
//! Cargo chooses features for what it is asked to build, so that the service alone, its tests and the tools would each
//! have crates compiled again for them. Every member but the ones that other services link, and `xtask`, depends on
//! this package, which names each feature that any of them wants: in every build, a crate has the same features and is
//! compiled once for each profile. `cargo xtask tidy` says what is missing in its manifest.
