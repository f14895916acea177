//! A small Kubernetes API: TokenReview and SubjectAccessReview over HTTPS, answered as the API reference has it, with
//! faults to switch.

mod http;
mod reviews;

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::tls::server_config;
use crate::{Authority, CertificatePair, TestkitError};
pub use reviews::{ApiFault, ServiceAccount};
use reviews::{SERVICE_TOKEN, State};

/// Longest that [`KubernetesApi::wait_for_reviews`] waits.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running API server, on 127.0.0.1 with a certificate of its own. It ends with this value.
pub struct KubernetesApi {
    state: Arc<State>,
    directory: TempDir,
    task: JoinHandle<()>,
}

impl KubernetesApi {
    /// Starts one; its [`kubeconfig`](Self::kubeconfig) has `namespace` as the current one.
    ///
    /// # Errors
    /// When no port or file can be had.
    pub fn start(namespace: &str) -> Result<Self, TestkitError> {
        let authority = Authority::new()?;
        Self::start_with(namespace, &authority.server(&["127.0.0.1"])?, &authority.pem())
    }

    /// The same with this certificate, and a kubeconfig that trusts the authorities in `trusted`, in PEM.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_with(
        namespace: &str,
        certificate: &CertificatePair,
        trusted: &str,
    ) -> Result<Self, TestkitError> {
        let failed =
            |action: &'static str| move |error: String| TestkitError::KubernetesApi { action, error };
        let acceptor = TlsAcceptor::from(server_config(certificate, &[])?);
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
            .and_then(TcpListener::from_std)
            .map_err(|error| failed("open a port for")(error.to_string()))?;
        let address = listener.local_addr().map_err(|error| failed("open a port for")(error.to_string()))?;

        let directory = TempDir::with_prefix("datastorage-kubernetes-")
            .map_err(TestkitError::file("create", &std::env::temp_dir()))?;
        let path = directory.path().join("kubeconfig");
        let text = kubeconfig(&format!("https://{address}"), trusted, namespace);
        std::fs::write(&path, text).map_err(TestkitError::file("write", &path))?;
        let state = Arc::new(State::default());
        let serving = http::serve(listener, acceptor, Arc::clone(&state));
        Ok(Self { state, directory, task: tokio::spawn(serving) })
    }

    /// A kubeconfig file that leads here.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.directory.path().join("kubeconfig")
    }

    /// From now on `token` is this account's.
    pub fn knows(&self, token: &str, account: ServiceAccount) {
        self.state.knows(token, account);
    }

    /// From now on roles allow `user` these verbs on the resource `audits`, and no others.
    pub fn allows(&self, user: &str, verbs: &[&str]) {
        self.state.allows(user, verbs);
    }

    /// Switches a fault on, or all off. Requests that hang are answered then.
    pub fn set_fault(&self, fault: Option<ApiFault>) {
        self.state.fault.send_replace(fault);
    }

    /// TokenReviews that have come so far.
    #[must_use]
    pub fn token_reviews(&self) -> usize {
        self.state.counts.borrow().tokens
    }

    /// SubjectAccessReviews that have come so far.
    #[must_use]
    pub fn access_reviews(&self) -> usize {
        self.state.counts.borrow().accesses
    }

    /// Waits until `count` TokenReviews have come.
    ///
    /// # Panics
    /// When they do not come within half a minute.
    pub async fn wait_for_reviews(&self, count: usize) {
        let mut counts = self.state.counts.subscribe();
        let reached = counts.wait_for(|counts| counts.tokens >= count);
        let reached = tokio::time::timeout(PATIENCE, reached).await;
        assert!(matches!(reached, Ok(Ok(_))), "{count} TokenReviews did not come");
    }
}

impl Drop for KubernetesApi {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn kubeconfig(server: &str, certificate: &str, namespace: &str) -> String {
    let authority = STANDARD.encode(certificate.as_bytes());
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: test\n\
         clusters:\n- name: test\n  cluster:\n    server: {server}\n    certificate-authority-data: {authority}\n\
         users:\n- name: test\n  user:\n    token: {SERVICE_TOKEN}\n\
         contexts:\n- name: test\n  context:\n    cluster: test\n    user: test\n    namespace: {namespace}\n"
    )
}
