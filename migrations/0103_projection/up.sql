-- What is derived from remediations, and the outbox that keeps it in step. A record's own row is changed by its client
-- alone. The projector fills these tables, and a strict write does for its own record.

-- Which composition and model vectors come from. One set serves, a second one may be building. A set's vectors are in its
-- slot; a retired set names the slot that it had.
CREATE TABLE IF NOT EXISTS embedding_set (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    composition varchar(100) NOT NULL,
    model varchar(255) NOT NULL,
    dimension integer NOT NULL,
    state varchar(20) NOT NULL CONSTRAINT embedding_set_state CHECK (state IN ('active', 'building', 'retired')),
    slot smallint NOT NULL CONSTRAINT embedding_set_slot CHECK (slot IN (1, 2)),
    created_at timestamptz NOT NULL DEFAULT now()
);
-- One set serves, and one is built.
CREATE UNIQUE INDEX IF NOT EXISTS embedding_set_state_idx ON embedding_set (state) WHERE state <> 'retired';
-- No two of them in one slot.
CREATE UNIQUE INDEX IF NOT EXISTS embedding_set_slot_idx ON embedding_set (slot) WHERE state <> 'retired';

-- Vectors apart from the records that have them. Composed texts hold no identifiers and repeat, and equal texts have
-- equal vectors: a vector is stored and indexed once in its slot, whatever the number of its records, and a known text
-- costs the vector index nothing. docs/decisions/hnsw.md has the figures.
CREATE SEQUENCE IF NOT EXISTS embedding_vector_id_seq AS bigint;
CREATE TABLE IF NOT EXISTS embedding_vector (
    embedding_id bigint NOT NULL DEFAULT nextval('embedding_vector_id_seq'),
    slot smallint NOT NULL,
    -- What equal vectors have in common; shorter to look up and to send than the vector is.
    digest bytea NOT NULL GENERATED ALWAYS AS (sha256(vector_send(vector))) STORED,
    vector vector(384) NOT NULL,
    PRIMARY KEY (slot, embedding_id)
) PARTITION BY LIST (slot);
ALTER SEQUENCE embedding_vector_id_seq OWNED BY embedding_vector.embedding_id;
-- Once each.
CREATE UNIQUE INDEX IF NOT EXISTS embedding_vector_digest_idx ON embedding_vector (slot, digest);
-- Nearest neighbours by cosine distance, one index a slot. docs/decisions/hnsw.md has the figures behind the type and
-- the parameters.
CREATE INDEX IF NOT EXISTS embedding_vector_hnsw_idx ON embedding_vector
    USING hnsw (vector vector_cosine_ops) WITH (m = 16, ef_construction = 64);
CREATE TABLE IF NOT EXISTS embedding_vector_1 PARTITION OF embedding_vector FOR VALUES IN (1);
CREATE TABLE IF NOT EXISTS embedding_vector_2 PARTITION OF embedding_vector FOR VALUES IN (2);

-- The words that records share, each set of them once, as vectors are: a known set costs the index of words nothing. How
-- rare a word is, is counted here, over sets and not over the records that repeat them. docs/decisions/words.md has the
-- figures.
CREATE TABLE IF NOT EXISTS remediation_text (
    text_key bytea PRIMARY KEY CONSTRAINT remediation_text_key CHECK (octet_length(text_key) = 16),
    words tsvector NOT NULL,
    first_seen timestamptz NOT NULL DEFAULT now()
);
-- Search by shared words. Every search reads the pending list for each of its words, so that it is short; without one, a new
-- set would cost five times as much write-ahead log.
CREATE INDEX IF NOT EXISTS remediation_text_words_idx ON remediation_text USING gin (words)
    WITH (gin_pending_list_limit = 256);

-- The words of a record at a version: the set that it shares, and its own. They need no vector, and are stored before the
-- embedder is asked.
CREATE TABLE IF NOT EXISTS remediation_words (
    record_id bigint NOT NULL,
    start_time timestamptz NOT NULL,
    version timestamptz NOT NULL,
    -- No foreign key: it would lock one set for all writers of its records.
    text_key bytea NOT NULL CONSTRAINT remediation_words_text_key CHECK (octet_length(text_key) = 16),
    words tsvector NOT NULL,
    PRIMARY KEY (record_id, start_time)
) PARTITION BY RANGE (start_time);
-- Search by own words, identifiers among them.
CREATE INDEX IF NOT EXISTS remediation_words_words_idx ON ONLY remediation_words USING gin (words);
-- From a set to its records, newest first.
CREATE INDEX IF NOT EXISTS remediation_words_text_idx ON ONLY remediation_words
    (text_key, start_time DESC, record_id DESC);

-- The vector of a record at a version, in each slot that has it.
CREATE TABLE IF NOT EXISTS remediation_vector (
    record_id bigint NOT NULL,
    start_time timestamptz NOT NULL,
    version timestamptz NOT NULL,
    -- No foreign key: it would lock one vector for all writers of its records.
    embedding_id bigint NOT NULL,
    slot smallint NOT NULL,
    -- What records of one incident have in common: 16 bytes of the SHA-256 of what their texts say without action and
    -- target.
    incident_key bytea NOT NULL
        CONSTRAINT remediation_vector_incident_key CHECK (octet_length(incident_key) = 16),
    PRIMARY KEY (slot, record_id, start_time)
) PARTITION BY RANGE (start_time);
-- From a vector to its records, newest first.
CREATE INDEX IF NOT EXISTS remediation_vector_embedding_idx ON ONLY remediation_vector
    (slot, embedding_id, start_time DESC, record_id DESC);
-- The records of one incident, newest first.
CREATE INDEX IF NOT EXISTS remediation_vector_incident_idx ON ONLY remediation_vector
    (slot, incident_key, start_time DESC, record_id DESC);

-- One row for each remediation whose current version is not in every store of a set yet. `version` is the record's
-- updated_at. A claimed row's next_attempt_at is the end of its lease, so that the index of due rows skips it until then.
CREATE TABLE IF NOT EXISTS vector_outbox (
    set_id bigint NOT NULL,
    record_id bigint NOT NULL,
    start_time timestamptz NOT NULL,
    version timestamptz NOT NULL,
    enqueued_at timestamptz NOT NULL DEFAULT now(),
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    lease_owner uuid,
    lease_until timestamptz,
    last_error text,
    parked_at timestamptz,
    -- What is known to be stored of this version: 0 nothing, 1 its words, 2 its vector too, so that it waits for the
    -- outside index alone. Noted only when a row is given back: most rows go before that.
    stage smallint NOT NULL DEFAULT 0 CONSTRAINT vector_outbox_stage CHECK (stage IN (0, 1, 2)),
    -- The record first: statements name rows by their records, and PostgreSQL, which often takes the outbox to be empty,
    -- would go through all rows of the set.
    PRIMARY KEY (record_id, set_id)
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
CREATE INDEX IF NOT EXISTS vector_outbox_due_idx ON vector_outbox (set_id, next_attempt_at, record_id)
    WHERE parked_at IS NULL;
-- The rows whose words a search makes on the spot, newest first. Those that wait for the embedder alone are not among
-- them, and those whose words PostgreSQL refused to make are not either.
CREATE INDEX IF NOT EXISTS vector_outbox_wordless_idx ON vector_outbox (set_id, enqueued_at, record_id)
    WHERE stage = 0 AND attempts = 0;

-- Empties a slot for the next set, and refuses one that a set serves from or is built in. Returns how many records had
-- their vector there.
--
-- SECURITY DEFINER, because a table is truncated by its owner; hence the fixed search_path and the fixed names.
CREATE OR REPLACE FUNCTION empty_embedding_slot(emptied smallint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
SET lock_timeout = '2s'
AS $$
DECLARE
    removed bigint;
BEGIN
    IF emptied IS NULL OR emptied NOT IN (1, 2) THEN
        RAISE EXCEPTION 'no slot has the number %', emptied USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- No set begins to serve from the slot before this transaction ends.
    LOCK TABLE public.embedding_set IN SHARE ROW EXCLUSIVE MODE;
    IF EXISTS (SELECT FROM public.embedding_set WHERE slot = emptied AND state <> 'retired') THEN
        RAISE EXCEPTION 'slot % is in use; a set serves from it or is built in it', emptied
            USING ERRCODE = 'object_in_use';
    END IF;
    DELETE FROM public.remediation_vector WHERE slot = emptied;
    GET DIAGNOSTICS removed = ROW_COUNT;
    EXECUTE format('TRUNCATE public.%I', 'embedding_vector_' || emptied);
    RETURN removed;
END
$$;

REVOKE ALL ON FUNCTION empty_embedding_slot(smallint) FROM PUBLIC;
