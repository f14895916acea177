//! The schema this crate was built with, as the catalogue shall show it.

use storage_models::RecordType;

/// One table: what the server's role may do with it, and its columns. The rest of it is in [`definitions`].
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) rights: Rights,
    pub(crate) columns: &'static [Column],
}

/// One column: name, type as `format_type` prints it, and whether it may be null.
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) sql_type: &'static str,
    pub(crate) nullable: bool,
}

const fn required(name: &'static str, sql_type: &'static str) -> Column {
    Column { name, sql_type, nullable: false }
}

const fn optional(name: &'static str, sql_type: &'static str) -> Column {
    Column { name, sql_type, nullable: true }
}

const TIME: &str = "timestamp with time zone";
const V50: &str = "character varying(50)";
const V100: &str = "character varying(100)";
const V255: &str = "character varying(255)";

/// What the server's role may do with a table. A new table says which in [`TABLES`], and that is all that is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rights {
    /// Records are added and changed, never removed.
    Records,
    /// Rows come and go.
    Support,
    /// Migrations write it, the server only reads it.
    Read,
}

impl Rights {
    /// As PostgreSQL calls them.
    pub(crate) const fn privileges(self) -> &'static [&'static str] {
        match self {
            Self::Records => &["SELECT", "INSERT", "UPDATE"],
            Self::Support => &["SELECT", "INSERT", "UPDATE", "DELETE"],
            Self::Read => &["SELECT"],
        }
    }
}

/// The functions that statements call, directly or through one another, with their argument types: the one that makes
/// partitions, the one that collects their statistics, and those that search by words.
pub(crate) const FUNCTIONS: [&str; 6] = [
    "ensure_audit_partition(text,date)",
    "analyze_audit_table(text)",
    "audit_words(text,text,text,text,text)",
    "audit_word_query(text,boolean)",
    "audit_split(text)",
    "audit_whole(text)",
];

/// What records which migrations were applied. No business of the server's.
pub(crate) const MIGRATIONS_TABLE: &str = "__diesel_schema_migrations";

/// What the server's role may do with a table or partition of this name. Access through a partitioned table asks for no
/// right on its partitions, so there is none.
pub(crate) fn rights_on(table: &str) -> &'static [&'static str] {
    TABLES.iter().find(|known| known.name == table).map_or(&[], |known| known.rights.privileges())
}

/// Tables, defaults, constraints, indexes, triggers and functions, as PostgreSQL defines them after all migrations. A
/// test compares the file with a database, and writes it when UPDATE_DOCS is set.
pub(crate) const DEFINITIONS: &str = include_str!("definitions.txt");

/// One line of [`DEFINITIONS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Definition {
    pub(crate) kind: &'static str,
    /// Empty for a function.
    pub(crate) table: &'static str,
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
}

/// Every definition, in the order of the file.
pub(crate) fn definitions() -> impl Iterator<Item = Definition> {
    DEFINITIONS.lines().filter_map(|line| {
        let mut parts = line.splitn(4, '\t');
        Some(Definition {
            kind: parts.next()?,
            table: parts.next()?,
            name: parts.next()?,
            text: parts.next()?,
        })
    })
}

/// The tables that are partitioned by month.
pub(crate) fn partitioned() -> impl Iterator<Item = &'static str> {
    RecordType::ALL.into_iter().map(RecordType::table)
}

pub(crate) const TABLES: &[Table] = &[
    Table {
        name: "remediation_audit",
        rights: Rights::Records,
        columns: &[
            required("id", "bigint"),
            required("name", V255),
            required("namespace", V255),
            required("phase", V50),
            required("action_type", V100),
            optional("target_name", V255),
            required("status", V50),
            required("start_time", TIME),
            optional("end_time", TIME),
            optional("duration_ms", "bigint"),
            optional("environment", V50),
            optional("cluster", V255),
            optional("remediation_request_id", V255),
            optional("alert_name", V255),
            optional("alert_fingerprint", V255),
            optional("severity", V50),
            optional("error_message", "text"),
            optional("metadata", "jsonb"),
            required("created_at", TIME),
            required("updated_at", TIME),
            optional("embedding_id", "bigint"),
        ],
    },
    Table {
        name: "ai_analysis_audit",
        rights: Rights::Records,
        columns: &[
            required("id", "bigint"),
            required("remediation_id", "bigint"),
            required("analysis_type", V100),
            required("confidence", "double precision"),
            required("recommendation", "text"),
            optional("reasoning", "text"),
            required("timestamp", TIME),
            required("model", V255),
            optional("tokens_used", "integer"),
            optional("latency_ms", "integer"),
            required("created_at", TIME),
        ],
    },
    Table {
        name: "workflow_audit",
        rights: Rights::Records,
        columns: &[
            required("id", "bigint"),
            required("remediation_id", "bigint"),
            required("workflow_name", V255),
            required("phase", V50),
            required("status", V50),
            required("start_time", TIME),
            optional("end_time", TIME),
            required("step_count", "integer"),
            required("current_step", "integer"),
            required("created_at", TIME),
            required("updated_at", TIME),
        ],
    },
    Table {
        name: "execution_audit",
        rights: Rights::Records,
        columns: &[
            required("id", "bigint"),
            required("remediation_id", "bigint"),
            required("action_type", V100),
            required("target_kind", V100),
            required("target_name", V255),
            optional("namespace", V255),
            required("status", V50),
            required("start_time", TIME),
            optional("end_time", TIME),
            optional("error_message", "text"),
            required("dry_run", "boolean"),
            required("created_at", TIME),
        ],
    },
    Table {
        name: "vector_outbox",
        rights: Rights::Support,
        columns: &[
            required("record_id", "bigint"),
            required("start_time", TIME),
            required("version", TIME),
            required("enqueued_at", TIME),
            required("attempts", "integer"),
            required("next_attempt_at", TIME),
            optional("lease_owner", "uuid"),
            optional("lease_until", TIME),
            optional("last_error", "text"),
            optional("parked_at", TIME),
            optional("embedded_version", TIME),
        ],
    },
    Table {
        name: "idempotency_key",
        rights: Rights::Support,
        columns: &[
            required("caller", V255),
            required("route", V255),
            required("key", V255),
            required("request_hash", "bytea"),
            required("status", "smallint"),
            optional("location", "text"),
            optional("etag", "text"),
            required("body", "bytea"),
            required("created_at", TIME),
        ],
    },
    Table {
        name: "embedding_vector",
        rights: Rights::Support,
        columns: &[
            required("embedding_id", "bigint"),
            required("digest", "bytea"),
            required("vector", "vector(384)"),
        ],
    },
    Table {
        name: "embedding_set",
        rights: Rights::Support,
        columns: &[
            required("id", "bigint"),
            required("composition", V100),
            required("model", V255),
            required("dimension", "integer"),
            required("state", "character varying(20)"),
            required("created_at", TIME),
        ],
    },
    Table {
        name: "installation",
        rights: Rights::Read,
        columns: &[required("id", "uuid"), required("created_at", TIME)],
    },
    Table { name: "remediation_count", rights: Rights::Support, columns: COUNTED },
    Table { name: "remediation_count_delta", rights: Rights::Support, columns: COUNTED },
    Table { name: "remediation_count_excess", rights: Rights::Support, columns: &[required("month", TIME)] },
];

/// A kind of remediation, and how many there are of it.
const COUNTED: &[Column] = &[
    required("month", TIME),
    required("namespace", V255),
    required("status", V50),
    required("phase", V50),
    required("action_type", V100),
    optional("severity", V50),
    required("records", "bigint"),
];
