//! Settings that are one of a few words.

/// How callers are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthMode {
    /// Not at all.
    None,
    /// By the tokens of a file.
    Tokens,
    /// By their service accounts in Kubernetes.
    Kubernetes,
}

/// What tells who may do what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthorizationBy {
    /// The API server.
    Review,
    /// The settings.
    List,
}

/// How connections to PostgreSQL are protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseTlsMode {
    /// Not at all.
    Off,
    /// By TLS, with the server's certificate and name checked.
    VerifyFull,
}

/// What a write that succeeded means for the vector index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consistency {
    /// It will hold the record.
    Deferred,
    /// It holds the record.
    Strict,
}

/// Which embedder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// The model in this process.
    Local,
    /// Feature hashing.
    Hashing,
    /// An API that speaks OpenAI's protocol.
    OpenAi,
}
