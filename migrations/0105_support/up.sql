-- Answers kept for repeated requests.
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

-- This database's identity towards the stores derived from it; exactly one row.
CREATE TABLE IF NOT EXISTS installation (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX IF NOT EXISTS installation_single_idx ON installation ((true));
INSERT INTO installation DEFAULT VALUES ON CONFLICT DO NOTHING;
