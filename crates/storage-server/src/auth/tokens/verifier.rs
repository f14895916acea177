//! The tokens of a file that may change at any time.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;

use super::TokenFault;
use super::file::TokenSet;
use crate::auth::{Permission, Refusal, TokenVerifier, Verdict};
use crate::telemetry::chain;

/// How often the file is looked at. A token that is taken out is accepted no longer than this.
const INTERVAL: Duration = Duration::from_secs(1);

/// A file that is larger is not read, in bytes; it has room for ten thousand tokens.
const MAX_FILE: u64 = 1 << 20;

/// The tokens of a file, as it was when it could last be read.
#[derive(Debug)]
pub(crate) struct TokenFile {
    path: PathBuf,
    tokens: RwLock<Arc<TokenSet>>,
}

/// Why a file of tokens cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TokenFileError {
    /// The system does not let it be read.
    #[error("cannot be read from {}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// It is too large to be meant.
    #[error("has {0} bytes; the limit is {MAX_FILE}")]
    TooLarge(u64),
    /// Some of its lines are wrong.
    #[error("has lines that cannot be used: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Lines(Vec<TokenFault>),
}

impl TokenFile {
    /// Reads the file.
    pub(crate) fn open(path: &Path) -> Result<Self, TokenFileError> {
        let tokens = TokenSet::parse(&read(path)?).map_err(TokenFileError::Lines)?;
        Ok(Self { path: path.to_owned(), tokens: RwLock::new(Arc::new(tokens)) })
    }

    /// Follows the file's changes until dropped. If the new file cannot be used, the old tokens stay valid and one
    /// error is logged.
    pub(crate) async fn watch(self: Arc<Self>) {
        let mut tick = tokio::time::interval(INTERVAL);
        let mut last_told = None;
        loop {
            tick.tick().await;
            let file = Arc::clone(&self);
            let reading = tokio::task::spawn_blocking(move || file.reload());
            let Some(outcome) = storage_dualwrite::joined(reading).await else { continue };
            match outcome {
                Ok(is_news) => {
                    last_told = None;
                    if is_news {
                        tracing::info!(tokens = self.current().len(), "the token file was read again");
                    }
                }
                Err(error) => {
                    let error = chain(&error);
                    if last_told.as_ref() != Some(&error) {
                        tracing::error!(error, "auth.tokens_file cannot be used; the old tokens stay valid");
                        last_told = Some(error);
                    }
                }
            }
        }
    }

    /// Reads the file again and returns whether its content has changed. Contents are compared, not times: a mounted
    /// secret is replaced as a whole, and clocks are coarse.
    fn reload(&self) -> Result<bool, TokenFileError> {
        let tokens = TokenSet::parse(&read(&self.path)?).map_err(TokenFileError::Lines)?;
        let is_news = *self.current() != tokens;
        if is_news {
            *self.tokens.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(tokens);
        }
        Ok(is_news)
    }

    fn current(&self) -> Arc<TokenSet> {
        Arc::clone(&self.tokens.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn read(path: &Path) -> Result<String, TokenFileError> {
    let failed = |source| TokenFileError::Read { path: path.to_owned(), source };
    let size = std::fs::metadata(path).map_err(failed)?.len();
    if size > MAX_FILE {
        return Err(TokenFileError::TooLarge(size));
    }
    std::fs::read_to_string(path).map_err(failed)
}

#[async_trait]
impl TokenVerifier for TokenFile {
    async fn recall(&self, token: &str, wanted: Option<Permission>) -> Option<Verdict> {
        let tokens = self.current();
        let holder = tokens.holder(token)?;
        let is_permitted = wanted.is_none_or(|permission| holder.permissions.holds(permission));
        Some(Verdict { caller: holder.caller.clone(), is_permitted })
    }

    async fn verify(&self, token: &str, wanted: Option<Permission>) -> Result<Verdict, Refusal> {
        self.recall(token, wanted).await.ok_or(Refusal::Rejected)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::NewToken;
    use super::{TokenFile, TokenFileError};
    use crate::auth::{Permission, Refusal, TokenVerifier as _};
    use secrecy::ExposeSecret as _;

    fn made(name: &str) -> NewToken {
        NewToken::for_caller(name, &["audit:read".to_owned()]).unwrap()
    }

    /// BR-STORAGE-020: a token that is taken out of the file is refused, one that is put in is accepted; a file that cannot
    /// be used changes nothing.
    #[tokio::test]
    async fn the_file_is_followed_and_a_broken_one_is_not() {
        let (old, new) = (made("a"), made("b"));
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tokens");
        std::fs::write(&path, &old.line).unwrap();
        let file = Arc::new(TokenFile::open(&path).unwrap());
        let known = async |token: &NewToken| {
            let outcome = file.verify(token.token.expose_secret(), Some(Permission::Read)).await;
            match outcome {
                Ok(verdict) => verdict.is_permitted,
                Err(Refusal::Rejected) => false,
                Err(other) => panic!("{other}"),
            }
        };
        assert_eq!((known(&old).await, known(&new).await), (true, false));
        let denied = file.verify(old.token.expose_secret(), Some(Permission::Write)).await.unwrap();
        assert!(!denied.is_permitted && denied.caller.name() == "a");

        std::fs::write(&path, &new.line).unwrap();
        assert!(file.reload().unwrap());
        assert_eq!((known(&old).await, known(&new).await), (false, true));
        assert!(!file.reload().unwrap());

        std::fs::write(&path, "nonsense").unwrap();
        assert!(matches!(file.reload(), Err(TokenFileError::Lines(_))));
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(file.reload(), Err(TokenFileError::Read { .. })));
        assert!(known(&new).await);
    }
}
