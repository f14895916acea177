//! One analysis of a remediation by a model.

use diesel::{Queryable, Selectable};
use serde::Serialize;

use crate::fields::members;
use crate::{Alterations, Timestamp};

members! {
    /// A stored analysis. Absent optional fields are written as `null`.
    #[derive(Debug, Clone, PartialEq, Serialize, Queryable, Selectable)]
    #[diesel(table_name = crate::schema::ai_analysis_audit)]
    #[diesel(check_for_backend(diesel::pg::Pg))]
    #[non_exhaustive]
    pub struct AiAnalysis {
        /// Assigned by the database.
        pub id: i64,
        /// The remediation it analysed.
        pub remediation_id: i64,
        /// Such as `root-cause`; at most 100 characters.
        pub analysis_type: String,
        /// How sure the model was, 0 to 1.
        pub confidence: f64,
        /// The recommendation, free text of at most 64 KiB.
        pub recommendation: String,
        /// Why, free text of at most 64 KiB.
        pub reasoning: Option<String>,
        /// When it was made.
        pub timestamp: Timestamp,
        /// Which model made it, at most 255 characters.
        pub model: String,
        /// Tokens it took, 0 or more.
        pub tokens_used: Option<i32>,
        /// Milliseconds it took, 0 or more.
        pub latency_ms: Option<i32>,
        /// The authenticated caller that sent it, or `anonymous`; at most 255 characters.
        pub recorded_by: String,
        /// The correlation id of the request that wrote it, at most 128 characters.
        pub correlation_id: Option<String>,
        /// Where it differs from what was sent.
        pub alterations: Option<Alterations>,
        /// When the row was written; in microseconds this is the record's version.
        pub created_at: Timestamp,
    }
}

members! {
    /// An analysis to store. Validation makes it, and all later code trusts it.
    #[derive(Debug, Clone, PartialEq)]
    pub struct NewAiAnalysis {
        /// See [`AiAnalysis::remediation_id`].
        pub remediation_id: i64,
        /// See [`AiAnalysis::analysis_type`].
        pub analysis_type: String,
        /// See [`AiAnalysis::confidence`].
        pub confidence: f64,
        /// See [`AiAnalysis::recommendation`].
        pub recommendation: String,
        /// See [`AiAnalysis::reasoning`].
        pub reasoning: Option<String>,
        /// See [`AiAnalysis::timestamp`].
        pub timestamp: Timestamp,
        /// See [`AiAnalysis::model`].
        pub model: String,
        /// See [`AiAnalysis::tokens_used`].
        pub tokens_used: Option<i32>,
        /// See [`AiAnalysis::latency_ms`].
        pub latency_ms: Option<i32>,
        /// See [`AiAnalysis::recorded_by`].
        pub recorded_by: String,
        /// See [`AiAnalysis::correlation_id`].
        pub correlation_id: Option<String>,
        /// See [`AiAnalysis::alterations`].
        pub alterations: Option<Alterations>,
    }
}
