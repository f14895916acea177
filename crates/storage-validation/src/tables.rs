//! The fields of each record type and the rules that join them, as data.

use storage_models::{Phase, RecordType, Severity, Status, Timestamp, WorkflowPhase};

use crate::checks::{self, Check};
use crate::field::Kind::{Flag, Fraction, FreeText, Identifier, Integer, Metadata, Time, Word};
use crate::field::Need::{Default, Optional, Required};
use crate::field::{Field, Kind, Need, Value, is_word};

/// What a record type is made of.
#[derive(Debug)]
pub(crate) struct Table {
    /// What a client may send, in the order of the columns.
    pub(crate) fields: &'static [Field],
    /// What only the server sets.
    pub(crate) set_by_server: &'static [&'static str],
    /// What must hold between fields.
    pub(crate) checks: &'static [Check],
}

impl Table {
    /// The table of a record type.
    pub(crate) const fn of(record_type: RecordType) -> &'static Self {
        match record_type {
            RecordType::Remediation => &REMEDIATION,
            RecordType::AiAnalysis => &AI_ANALYSIS,
            RecordType::Workflow => &WORKFLOW,
            RecordType::Execution => &EXECUTION,
        }
    }

    /// The place of a field in the table.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name == name)
    }
}

const PHASE: Kind = Word(is_word::<Phase>);
const WORKFLOW_PHASE: Kind = Word(is_word::<WorkflowPhase>);
const STATUS: Kind = Word(is_word::<Status>);
const SEVERITY: Kind = Word(is_word::<Severity>);
const ID: Kind = Integer(1, i64::MAX);
// The largest value of PostgreSQL's INT.
const COUNT: Kind = Integer(0, 2_147_483_647);

const RECEIPT: Need = Default(|received_at: Timestamp| Value::Time(received_at));
const PENDING: Need = Default(|_| Value::Text(Status::Pending.as_str().to_owned()));
const ZERO: Need = Default(|_| Value::Integer(0));
const FALSE: Need = Default(|_| Value::Flag(false));

const fn field(name: &'static str, kind: Kind, need: Need) -> Field {
    Field { name, kind, need }
}

static REMEDIATION: Table = Table {
    fields: &[
        field("name", Identifier(255), Required),
        field("namespace", Identifier(255), Required),
        field("phase", PHASE, Required),
        field("action_type", Identifier(100), Required),
        field("target_name", Identifier(255), Optional),
        field("status", STATUS, PENDING),
        field("start_time", Time, RECEIPT),
        field("end_time", Time, Optional),
        field("environment", Identifier(50), Optional),
        field("cluster", Identifier(255), Optional),
        field("remediation_request_id", Identifier(255), Optional),
        field("alert_name", Identifier(255), Optional),
        field("alert_fingerprint", Identifier(255), Optional),
        field("severity", SEVERITY, Optional),
        field("error_message", FreeText, Optional),
        field("metadata", Metadata, Optional),
    ],
    set_by_server: &["id", "duration_ms", "embedding", "created_at", "updated_at"],
    checks: &[checks::final_status, checks::ends_after_start],
};

static AI_ANALYSIS: Table = Table {
    fields: &[
        field("remediation_id", ID, Required),
        field("analysis_type", Identifier(100), Required),
        field("confidence", Fraction, Required),
        field("recommendation", FreeText, Required),
        field("reasoning", FreeText, Optional),
        field("timestamp", Time, RECEIPT),
        field("model", Identifier(255), Required),
        field("tokens_used", COUNT, Optional),
        field("latency_ms", COUNT, Optional),
    ],
    set_by_server: &["id", "created_at"],
    checks: &[],
};

static WORKFLOW: Table = Table {
    fields: &[
        field("remediation_id", ID, Required),
        field("workflow_name", Identifier(255), Required),
        field("phase", WORKFLOW_PHASE, Required),
        field("status", STATUS, PENDING),
        field("start_time", Time, RECEIPT),
        field("end_time", Time, Optional),
        field("step_count", COUNT, Required),
        field("current_step", COUNT, ZERO),
    ],
    set_by_server: &["id", "created_at", "updated_at"],
    checks: &[checks::final_status, checks::ends_after_start, checks::step_exists],
};

static EXECUTION: Table = Table {
    fields: &[
        field("remediation_id", ID, Required),
        field("action_type", Identifier(100), Required),
        field("target_kind", Identifier(100), Required),
        field("target_name", Identifier(255), Required),
        field("namespace", Identifier(255), Optional),
        field("status", STATUS, PENDING),
        field("start_time", Time, RECEIPT),
        field("end_time", Time, Optional),
        field("error_message", FreeText, Optional),
        field("dry_run", Flag, FALSE),
    ],
    set_by_server: &["id", "created_at"],
    checks: &[checks::ends_after_start],
};
