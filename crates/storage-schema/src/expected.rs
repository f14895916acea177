//! The schema this crate was built with, as the catalogue shall show it.

use std::fmt;

use storage_models::RecordType;
use storage_models::fields::{Field, Kind};

/// One table: what the server's role may do with it, and its columns. The rest of it is in [`definitions`].
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) rights: Rights,
    /// All of them; of a table of records those behind the fields of its record type.
    columns: &'static [Column],
}

impl Table {
    /// Every column, in their order.
    pub(crate) fn columns(&self) -> impl Iterator<Item = Column> {
        let record_type = RecordType::ALL.into_iter().find(|record_type| record_type.table() == self.name);
        let fields = record_type.into_iter().flat_map(RecordType::fields);
        fields.map(of_field).chain(self.columns.iter().copied())
    }
}

/// One column: name, type, and whether it may be null.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) sql_type: SqlType,
    pub(crate) nullable: bool,
}

/// Displayed as `format_type` prints it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum SqlType {
    Named(&'static str),
    /// Of so many characters at most.
    Varchar(u16),
}

impl fmt::Display for SqlType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => f.write_str(name),
            Self::Varchar(max) => write!(f, "character varying({max})"),
        }
    }
}

const fn required(name: &'static str, sql_type: &'static str) -> Column {
    Column { name, sql_type: SqlType::Named(sql_type), nullable: false }
}

const fn optional(name: &'static str, sql_type: &'static str) -> Column {
    Column { name, sql_type: SqlType::Named(sql_type), nullable: true }
}

/// The column of a record's field.
const fn of_field(field: &Field) -> Column {
    let sql_type = match field.kind {
        Kind::Id | Kind::RemediationId | Kind::Milliseconds => SqlType::Named("bigint"),
        Kind::Identifier(max) => SqlType::Varchar(max),
        Kind::Word(_) => SqlType::Named(V50),
        Kind::FreeText => SqlType::Named("text"),
        Kind::Metadata => SqlType::Named("jsonb"),
        Kind::Time => SqlType::Named(TIME),
        Kind::Count => SqlType::Named("integer"),
        Kind::Fraction => SqlType::Named("double precision"),
        Kind::Boolean => SqlType::Named("boolean"),
    };
    Column { name: field.name, sql_type, nullable: field.is_nullable() }
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
        name: RecordType::Remediation.table(),
        rights: Rights::Records,
        columns: &[optional("embedding_id", "bigint")],
    },
    Table { name: RecordType::AiAnalysis.table(), rights: Rights::Records, columns: &[] },
    Table { name: RecordType::Workflow.table(), rights: Rights::Records, columns: &[] },
    Table { name: RecordType::Execution.table(), rights: Rights::Records, columns: &[] },
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
