//! A collection of a test's own, on whatever server there is.

use qdrant_client::Qdrant;

use super::QdrantServer;
use crate::{TestkitError, environment};

/// A Qdrant for one test: the server that `QDRANT_URL` names, or one of the test kit's own; and an alias of its own.
///
/// A test that needs faults takes a [`QdrantServer`], which is always the test kit's own.
#[derive(Debug)]
pub struct TestQdrant {
    url: String,
    api_key: Option<String>,
    collection: String,
    own: Option<QdrantServer>,
}

impl TestQdrant {
    /// Creates nothing on the server yet.
    ///
    /// # Errors
    /// [`TestkitError::Network`] when a server of our own cannot listen.
    pub fn create() -> Result<Self, TestkitError> {
        let collection = format!("test_{}", uuid::Uuid::new_v4().simple());
        let given = std::env::var(environment::QDRANT_URL).ok().filter(|url| !url.is_empty());
        Ok(match given {
            Some(url) => {
                let api_key = std::env::var(environment::QDRANT_API_KEY).ok();
                Self { url, api_key, collection, own: None }
            }
            None => {
                let own = QdrantServer::start()?;
                Self { url: own.url(), api_key: None, collection, own: Some(own) }
            }
        })
    }

    /// The gRPC URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The value of `QDRANT_API_KEY`, for a server that needs a key.
    #[must_use]
    pub fn api_key(&self) -> Option<&str> {
        self.api_key.as_deref()
    }

    /// The test's alias. Collections of the test's own must begin with it.
    #[must_use]
    pub fn collection(&self) -> &str {
        &self.collection
    }

    /// The test kit's own server; `None` with `QDRANT_URL`.
    #[must_use]
    pub const fn server(&self) -> Option<&QdrantServer> {
        self.own.as_ref()
    }

    /// A client of the library's own kind, to look at what is there behind the back of the code under test.
    ///
    /// # Errors
    /// [`TestkitError::Qdrant`] when the URL is none.
    pub fn client(&self) -> Result<Qdrant, TestkitError> {
        let config = Qdrant::from_url(&self.url).api_key(self.api_key.clone()).skip_compatibility_check();
        config.build().map_err(failed("understand the URL of"))
    }

    /// Removes every collection whose name begins with the test's alias, and with it the alias.
    ///
    /// # Errors
    /// [`TestkitError::Qdrant`] when the server does not do so.
    pub async fn close(self) -> Result<(), TestkitError> {
        if self.own.is_some() {
            return Ok(());
        }
        let client = self.client()?;
        let found = client.list_collections().await.map_err(failed("list the collections of"))?;
        for collection in found.collections.iter().filter(|it| it.name.starts_with(&self.collection)) {
            client.delete_collection(&collection.name).await.map_err(failed("remove a collection of"))?;
        }
        Ok(())
    }
}

fn failed(action: &'static str) -> impl FnOnce(qdrant_client::QdrantError) -> TestkitError {
    move |source| TestkitError::Qdrant { action, source: Box::new(source) }
}
