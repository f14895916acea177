//! What `cargo xtask up` is asked for.

#[derive(Debug, clap::Args)]
pub(crate) struct UpArguments {
    /// Return when the service is ready, and leave it running.
    #[arg(long)]
    pub(super) detach: bool,
    /// Port of the API on 127.0.0.1; 8080 by default.
    #[arg(long)]
    pub(super) port: Option<u16>,
    /// Port of health, readiness and metrics on 127.0.0.1; 9090 by default.
    #[arg(long)]
    pub(super) admin_port: Option<u16>,
    /// Load no sample into an empty store.
    #[arg(long)]
    pub(super) no_sample: bool,
    /// Also use Redis, and the Qdrant that QDRANT_URL names.
    #[arg(long)]
    pub(super) full: bool,
    /// Build the service with optimisations.
    #[arg(long)]
    pub(super) release: bool,
}

impl UpArguments {
    /// The ports to start the service on: the API's, the admin server's.
    pub(super) fn ports(&self) -> (u16, u16) {
        (self.port.unwrap_or(8080), self.admin_port.unwrap_or(9090))
    }
}
