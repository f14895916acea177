-- What keeps the derived stores in step with the records.

-- One row for each remediation whose current version has no vector yet. `version` is the record's updated_at.
-- A claimed row's next_attempt_at is the end of its lease, so that the index below skips it until then.
CREATE TABLE IF NOT EXISTS vector_outbox (
    record_id bigint PRIMARY KEY,
    start_time timestamptz NOT NULL,
    version timestamptz NOT NULL,
    enqueued_at timestamptz NOT NULL DEFAULT now(),
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    lease_owner uuid,
    lease_until timestamptz,
    last_error text,
    parked_at timestamptz
) WITH (
    -- A queue: rows live for a moment, so vacuum must follow their number and not the table's size.
    autovacuum_vacuum_scale_factor = 0.0,
    autovacuum_vacuum_threshold = 2000,
    autovacuum_vacuum_insert_scale_factor = 0.0,
    autovacuum_vacuum_insert_threshold = 50000,
    autovacuum_vacuum_cost_delay = 0,
    fillfactor = 50
);

-- The projector's claim: what is due, oldest first.
CREATE INDEX IF NOT EXISTS vector_outbox_due_idx ON vector_outbox (next_attempt_at, record_id) WHERE parked_at IS NULL;

CREATE TABLE IF NOT EXISTS idempotency_key (
    caller varchar(255) NOT NULL,
    route varchar(255) NOT NULL,
    key varchar(255) NOT NULL,
    request_hash bytea NOT NULL,
    status smallint NOT NULL,
    location text,
    etag text,
    body bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (caller, route, key)
) WITH (autovacuum_vacuum_scale_factor = 0.02);

-- The removal of old keys.
CREATE INDEX IF NOT EXISTS idempotency_key_created_idx ON idempotency_key (created_at);

-- Which composition and model the vectors come from. At most one set serves.
CREATE TABLE IF NOT EXISTS embedding_set (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    composition varchar(100) NOT NULL,
    model varchar(255) NOT NULL,
    dimension integer NOT NULL,
    state varchar(20) NOT NULL CONSTRAINT embedding_set_state CHECK (state IN ('active', 'building', 'retired')),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX IF NOT EXISTS embedding_set_active_idx ON embedding_set (state) WHERE state = 'active';

-- This database's identity towards the stores derived from it; exactly one row.
CREATE TABLE IF NOT EXISTS installation (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX IF NOT EXISTS installation_single_idx ON installation ((true));
INSERT INTO installation DEFAULT VALUES ON CONFLICT DO NOTHING;
