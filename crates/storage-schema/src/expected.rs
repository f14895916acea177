//! The schema this crate was built with, as the catalogue shall show it.

use storage_models::RecordType;

/// One table: its columns, its own indexes, its own triggers.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) columns: &'static [Column],
    pub(crate) indexes: &'static [&'static str],
    pub(crate) triggers: &'static [&'static str],
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

/// The functions that statements call, with their argument types: the one that makes partitions, and those that search
/// by words.
pub(crate) const FUNCTIONS: [&str; 3] = [
    "ensure_audit_partition(text,date)",
    "audit_words(text,text,text,text,text)",
    "audit_word_query(text,boolean)",
];

/// The tables that are partitioned by month.
pub(crate) fn partitioned() -> impl Iterator<Item = &'static str> {
    RecordType::ALL.into_iter().map(RecordType::table)
}

pub(crate) const TABLES: &[Table] = &[
    Table {
        name: "remediation_audit",
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
        indexes: &[
            "remediation_audit_pkey",
            "remediation_audit_start_time_idx",
            "remediation_audit_namespace_idx",
            "remediation_audit_status_idx",
            "remediation_audit_request_idx",
            "remediation_audit_embedding_id_idx",
            "remediation_audit_words_idx",
            "remediation_audit_unembedded_idx",
        ],
        triggers: &[
            "remediation_audit_count_delete",
            "remediation_audit_count_insert",
            "remediation_audit_count_update",
            "remediation_audit_immutable",
            "remediation_audit_touch",
        ],
    },
    Table {
        name: "ai_analysis_audit",
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
        indexes: &[
            "ai_analysis_audit_pkey",
            "ai_analysis_audit_remediation_idx",
            "ai_analysis_audit_timestamp_idx",
        ],
        triggers: &[],
    },
    Table {
        name: "workflow_audit",
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
        indexes: &["workflow_audit_pkey", "workflow_audit_remediation_idx", "workflow_audit_start_time_idx"],
        triggers: &["workflow_audit_immutable", "workflow_audit_touch"],
    },
    Table {
        name: "execution_audit",
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
        indexes: &[
            "execution_audit_pkey",
            "execution_audit_remediation_idx",
            "execution_audit_start_time_idx",
        ],
        triggers: &[],
    },
    Table {
        name: "vector_outbox",
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
        indexes: &["vector_outbox_pkey", "vector_outbox_due_idx"],
        triggers: &[],
    },
    Table {
        name: "idempotency_key",
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
        indexes: &["idempotency_key_pkey", "idempotency_key_created_idx"],
        triggers: &[],
    },
    Table {
        name: "embedding_vector",
        columns: &[
            required("embedding_id", "bigint"),
            required("digest", "bytea"),
            required("vector", "vector(384)"),
        ],
        indexes: &["embedding_vector_pkey", "embedding_vector_digest_idx", "embedding_vector_hnsw_idx"],
        triggers: &[],
    },
    Table {
        name: "embedding_set",
        columns: &[
            required("id", "bigint"),
            required("composition", V100),
            required("model", V255),
            required("dimension", "integer"),
            required("state", "character varying(20)"),
            required("created_at", TIME),
        ],
        indexes: &["embedding_set_pkey", "embedding_set_active_idx"],
        triggers: &[],
    },
    Table {
        name: "installation",
        columns: &[required("id", "uuid"), required("created_at", TIME)],
        indexes: &["installation_pkey", "installation_single_idx"],
        triggers: &[],
    },
    Table {
        name: "remediation_count",
        columns: COUNTED,
        indexes: &["remediation_count_kind_idx"],
        triggers: &[],
    },
    Table { name: "remediation_count_delta", columns: COUNTED, indexes: &[], triggers: &[] },
    Table {
        name: "remediation_count_excess",
        columns: &[required("month", TIME)],
        indexes: &["remediation_count_excess_pkey"],
        triggers: &[],
    },
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
