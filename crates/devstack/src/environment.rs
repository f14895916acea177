//! The environment variables that `cargo xtask test` sets for tests, and those that it reads.

use crate::DevstackError;

/// The major version of PostgreSQL to take, `16` or `18`, instead of what is found: always the pinned wheel's.
pub const PG_VERSION: &str = "DATASTORAGE_PG_VERSION";

/// URL of a database whose user may create databases.
pub const DATABASE_URL: &str = "DATASTORAGE_TEST_DATABASE_URL";
/// URL of the same database as the restricted role that services under test connect as.
pub const SERVER_URL: &str = "DATASTORAGE_TEST_SERVER_URL";
/// Name of the migrated database that test databases are copies of.
pub const TEMPLATE: &str = "DATASTORAGE_TEST_TEMPLATE";
/// Path of the built service.
pub const SERVICE_BIN: &str = "DATASTORAGE_TEST_BIN";
/// Directory of the embedding model (`model.safetensors`, `tokenizer.json`).
pub const MODEL_DIR: &str = "DATASTORAGE_TEST_MODEL_DIR";
/// Directory of PostgreSQL's programs, for tests that start a cluster of their own.
pub const PG_BIN: &str = "DATASTORAGE_TEST_PG_BIN";
/// Path of `redis-server`, for tests that start a Redis of their own.
pub const REDIS_SERVER: &str = "DATASTORAGE_TEST_REDIS_SERVER";
/// URL of a Redis that tests share, when `REDIS_URL` names one.
pub const REDIS_URL: &str = "DATASTORAGE_TEST_REDIS_URL";
/// Path of a Python that has onnxruntime, for the measurement that compares with it.
pub const ONNXRUNTIME_PYTHON: &str = "DATASTORAGE_TEST_ONNXRUNTIME_PYTHON";
/// gRPC URL of a Qdrant that tests use instead of the test kit's own.
pub const QDRANT_URL: &str = "QDRANT_URL";
/// The key for [`QDRANT_URL`], when it wants one.
pub const QDRANT_API_KEY: &str = "QDRANT_API_KEY";

/// The value of `name`.
///
/// # Errors
/// [`DevstackError::MissingEnvironment`] when it is not set.
pub fn required(name: &'static str) -> Result<String, DevstackError> {
    std::env::var(name).map_err(|_unset| DevstackError::MissingEnvironment { name })
}
