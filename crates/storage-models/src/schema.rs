//! The tables as diesel sees them; a test of `storage-schema` compares them with the migrated database.

#![expect(missing_docs, reason = "the columns are documented on the record types that read them")]

diesel::table! {
    /// Remediations, partitioned by month of `start_time`.
    remediation_audit (id, start_time) {
        id -> BigInt,
        name -> VarChar,
        namespace -> VarChar,
        phase -> VarChar,
        action_type -> VarChar,
        target_name -> Nullable<VarChar>,
        status -> VarChar,
        start_time -> Timestamptz,
        end_time -> Nullable<Timestamptz>,
        duration_ms -> Nullable<BigInt>,
        environment -> Nullable<VarChar>,
        cluster -> Nullable<VarChar>,
        remediation_request_id -> Nullable<VarChar>,
        alert_name -> Nullable<VarChar>,
        alert_fingerprint -> Nullable<VarChar>,
        severity -> Nullable<VarChar>,
        error_message -> Nullable<Text>,
        metadata -> Nullable<Jsonb>,
        recorded_by -> VarChar,
        correlation_id -> Nullable<VarChar>,
        alterations -> Nullable<Jsonb>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    /// Analyses by a model, partitioned by month of `timestamp`.
    ai_analysis_audit (id, timestamp) {
        id -> BigInt,
        remediation_id -> BigInt,
        analysis_type -> VarChar,
        confidence -> Double,
        recommendation -> Text,
        reasoning -> Nullable<Text>,
        timestamp -> Timestamptz,
        model -> VarChar,
        tokens_used -> Nullable<Integer>,
        latency_ms -> Nullable<Integer>,
        recorded_by -> VarChar,
        correlation_id -> Nullable<VarChar>,
        alterations -> Nullable<Jsonb>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    /// Workflow runs, partitioned by month of `start_time`.
    workflow_audit (id, start_time) {
        id -> BigInt,
        remediation_id -> BigInt,
        workflow_name -> VarChar,
        phase -> VarChar,
        status -> VarChar,
        start_time -> Timestamptz,
        end_time -> Nullable<Timestamptz>,
        step_count -> Integer,
        current_step -> Integer,
        recorded_by -> VarChar,
        correlation_id -> Nullable<VarChar>,
        alterations -> Nullable<Jsonb>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    /// Executed steps, partitioned by month of `start_time`.
    execution_audit (id, start_time) {
        id -> BigInt,
        remediation_id -> BigInt,
        action_type -> VarChar,
        target_kind -> VarChar,
        target_name -> VarChar,
        namespace -> Nullable<VarChar>,
        status -> VarChar,
        start_time -> Timestamptz,
        end_time -> Nullable<Timestamptz>,
        error_message -> Nullable<Text>,
        dry_run -> Bool,
        recorded_by -> VarChar,
        correlation_id -> Nullable<VarChar>,
        alterations -> Nullable<Jsonb>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    /// Remediations whose current version is not in every store of a set yet.
    vector_outbox (record_id, set_id) {
        set_id -> BigInt,
        record_id -> BigInt,
        start_time -> Timestamptz,
        version -> Timestamptz,
        enqueued_at -> Timestamptz,
        attempts -> Integer,
        next_attempt_at -> Timestamptz,
        lease_owner -> Nullable<Uuid>,
        lease_until -> Nullable<Timestamptz>,
        last_error -> Nullable<Text>,
        parked_at -> Nullable<Timestamptz>,
        stage -> SmallInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;

    use crate::VectorSql;

    /// Vectors of remediations, each once in its slot.
    embedding_vector (slot, embedding_id) {
        embedding_id -> BigInt,
        slot -> SmallInt,
        digest -> Binary,
        vector -> VectorSql,
    }
}

diesel::table! {
    /// The vector of a remediation at a version, in each slot that has it.
    remediation_vector (slot, record_id, start_time) {
        record_id -> BigInt,
        start_time -> Timestamptz,
        version -> Timestamptz,
        embedding_id -> BigInt,
        slot -> SmallInt,
        incident_key -> Binary,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::WordsSql;

    /// Words that remediations share, each set of them once.
    remediation_text (text_key) {
        text_key -> Binary,
        words -> WordsSql,
        first_seen -> Timestamptz,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::WordsSql;

    /// The words of a remediation at a version: the set that it shares, and its own.
    remediation_words (record_id, start_time) {
        record_id -> BigInt,
        start_time -> Timestamptz,
        version -> Timestamptz,
        text_key -> Binary,
        words -> WordsSql,
    }
}

diesel::table! {
    /// Answers kept for repeated requests.
    idempotency_key (caller, route, key) {
        caller -> VarChar,
        route -> VarChar,
        key -> VarChar,
        request_hash -> Binary,
        status -> SmallInt,
        location -> Nullable<Text>,
        etag -> Nullable<Text>,
        body -> Binary,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    /// Which composition and model the stored vectors come from.
    embedding_set (id) {
        id -> BigInt,
        composition -> VarChar,
        model -> VarChar,
        dimension -> Integer,
        state -> VarChar,
        slot -> SmallInt,
        created_at -> Timestamptz,
        similarity_threshold -> Nullable<Double>,
    }
}

diesel::table! {
    /// One row: the identity of this database towards the stores derived from it.
    installation (id) {
        id -> Uuid,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    /// How many remediations there are of each kind, but for what is in the deltas.
    remediation_count (namespace, month, status, phase, action_type) {
        month -> Timestamptz,
        namespace -> VarChar,
        status -> VarChar,
        phase -> VarChar,
        action_type -> VarChar,
        severity -> Nullable<VarChar>,
        records -> BigInt,
    }
}

diesel::table! {
    /// What was added to the number of each kind since.
    remediation_count_delta (namespace, month, status, phase, action_type) {
        month -> Timestamptz,
        namespace -> VarChar,
        status -> VarChar,
        phase -> VarChar,
        action_type -> VarChar,
        severity -> Nullable<VarChar>,
        records -> BigInt,
    }
}

diesel::table! {
    /// Months whose kinds are not counted.
    remediation_count_excess (month) {
        month -> Timestamptz,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    remediation_audit,
    ai_analysis_audit,
    workflow_audit,
    execution_audit,
    vector_outbox,
    embedding_set,
);
