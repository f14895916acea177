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
    /// Of at most this number of characters.
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
        Kind::Metadata | Kind::Alterations => SqlType::Named("jsonb"),
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

/// The rights of the server's role on a table. Add a new table with its rights to [`TABLES`]; nothing else is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rights {
    /// Records of a type are added, and changed in the columns alone that an update may change.
    Records(RecordType),
    /// Rows come and go.
    Support,
    /// Migrations write it, the server only reads it.
    Read,
    /// A part of a table, reached through the whole.
    None,
}

impl Rights {
    /// As PostgreSQL calls them.
    pub(crate) const fn privileges(self) -> &'static [&'static str] {
        match self {
            Self::Records(_) => &["SELECT", "INSERT"],
            Self::Support => &["SELECT", "INSERT", "UPDATE", "DELETE"],
            Self::Read => &["SELECT"],
            Self::None => &[],
        }
    }

    /// The columns that may be changed where not all of them may.
    pub(crate) fn columns(self) -> Vec<&'static str> {
        let Self::Records(record_type) = self else { return Vec::new() };
        record_type.fields().iter().filter(|field| field.is_changeable()).map(|field| field.name).collect()
    }
}

/// The functions that statements call, directly or through one another, with their argument types: the one that makes
/// partitions, the one that collects their statistics, the one that empties a slot, and those that search by words.
pub(crate) const FUNCTIONS: [&str; 12] = [
    "audit_id(bigint,timestamp with time zone)",
    "ensure_audit_partition(text,date)",
    "analyze_audit_table(text)",
    "empty_embedding_slot(smallint)",
    "audit_words(text,text,text,text,text,jsonb)",
    "audit_query_words(text)",
    "audit_text_key(tsvector)",
    "audit_lexemes(text)",
    "audit_camel(text)",
    "audit_split(text)",
    "audit_spaced(text)",
    "audit_whole(text)",
];

/// The table that records the applied migrations. The server does not need it.
pub(crate) const MIGRATIONS_TABLE: &str = "__diesel_schema_migrations";

/// The rights of the server's role on a table or partition of this name. Access through a partitioned table needs no
/// right on its partitions, so the role has none.
pub(crate) fn rights_on(table: &str) -> &'static [&'static str] {
    TABLES.iter().find(|known| known.name == table).map_or(&[], |known| known.rights.privileges())
}

/// The tables of which the server may change some columns or none, and whose columns are looked at one by one.
pub(crate) fn changed_by_column() -> Vec<&'static str> {
    let is_record = |table: &&Table| matches!(table.rights, Rights::Records(_));
    TABLES.iter().filter(is_record).map(|table| table.name).collect()
}

/// Whether the server may change a column, named with its table.
pub(crate) fn is_changed(column: &str) -> bool {
    let Some((table, column)) = column.split_once('.') else { return false };
    TABLES.iter().any(|known| known.name == table && known.rights.columns().contains(&column))
}

/// Tables, defaults, constraints, indexes, triggers and functions, as PostgreSQL defines them after all migrations, and,
/// where that differs, after a dump was restored. A test compares the file with a database, and writes it when UPDATE_DOCS
/// is set.
pub(crate) const DEFINITIONS: &str = include_str!("definitions.txt");

/// One line of [`DEFINITIONS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Definition {
    pub(crate) kind: &'static str,
    /// Empty for a function.
    pub(crate) table: &'static str,
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
    /// What PostgreSQL makes of the text when it reads it again, which is what a restored dump has: lists of words and
    /// comparisons of rows come back in another form, with the same meaning.
    pub(crate) restored: &'static str,
}

/// Every definition, in the order of the file.
pub(crate) fn definitions() -> impl Iterator<Item = Definition> {
    DEFINITIONS.lines().filter_map(|line| {
        let mut parts = line.splitn(5, '\t');
        let (kind, table, name) = (parts.next()?, parts.next()?, parts.next()?);
        let text = parts.next()?;
        Some(Definition { kind, table, name, text, restored: parts.next().unwrap_or(text) })
    })
}

/// The tables whose rows lie in the months of the records that they are derived from.
const FOLLOWERS: [(RecordType, &str); 2] =
    [(RecordType::Remediation, "remediation_words"), (RecordType::Remediation, "remediation_vector")];

/// The tables that have a partition for each month of a type of record.
pub(crate) fn tables_of(record_type: RecordType) -> impl Iterator<Item = &'static str> {
    let followers = FOLLOWERS.into_iter().filter(move |(of, _)| *of == record_type).map(|(_, table)| table);
    std::iter::once(record_type.table()).chain(followers)
}

/// The tables that are partitioned by month.
pub(crate) fn partitioned() -> impl Iterator<Item = &'static str> {
    RecordType::ALL.into_iter().flat_map(tables_of)
}

/// The table of a record type, whose columns are its fields.
const fn records(record_type: RecordType) -> Table {
    Table { name: record_type.table(), rights: Rights::Records(record_type), columns: &[] }
}

pub(crate) const TABLES: &[Table] = &[
    records(RecordType::Remediation),
    records(RecordType::AiAnalysis),
    records(RecordType::Workflow),
    records(RecordType::Execution),
    Table {
        name: "vector_outbox",
        rights: Rights::Support,
        columns: &[
            required("set_id", "bigint"),
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
            required("stage", "smallint"),
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
        name: "remediation_words",
        rights: Rights::Support,
        columns: &[
            required("record_id", "bigint"),
            required("start_time", TIME),
            required("version", TIME),
            required("text_key", "bytea"),
            required("words", "tsvector"),
        ],
    },
    Table {
        name: "remediation_text",
        rights: Rights::Support,
        columns: &[
            required("text_key", "bytea"),
            required("words", "tsvector"),
            required("first_seen", TIME),
        ],
    },
    Table {
        name: "remediation_vector",
        rights: Rights::Support,
        columns: &[
            required("record_id", "bigint"),
            required("start_time", TIME),
            required("version", TIME),
            required("embedding_id", "bigint"),
            required("slot", "smallint"),
            required("incident_key", "bytea"),
        ],
    },
    Table { name: "embedding_vector", rights: Rights::Support, columns: VECTORS },
    Table { name: "embedding_vector_1", rights: Rights::None, columns: VECTORS },
    Table { name: "embedding_vector_2", rights: Rights::None, columns: VECTORS },
    Table {
        name: "embedding_set",
        rights: Rights::Support,
        columns: &[
            required("id", "bigint"),
            required("composition", V100),
            required("model", V255),
            required("dimension", "integer"),
            required("state", "character varying(20)"),
            required("slot", "smallint"),
            required("created_at", TIME),
            optional("similarity_threshold", "double precision"),
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

/// Vectors, each once in its slot.
const VECTORS: &[Column] = &[
    required("embedding_id", "bigint"),
    required("slot", "smallint"),
    required("digest", "bytea"),
    required("vector", "vector(384)"),
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
