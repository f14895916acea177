-- Vectors apart from the records that have them. Composed texts hold no identifiers and repeat, and equal texts have
-- equal vectors: a vector is stored and indexed once, whatever the number of its records, and a known text costs the
-- vector index nothing. docs/decisions/hnsw.md has the figures.
--
-- What held the vectors before is removed in the same step, since no released version reads it. Vectors are derived: all
-- records go back into the outbox, and the projector fills what this makes.

CREATE TABLE IF NOT EXISTS embedding_vector (
    embedding_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- What equal vectors have in common; shorter to look up and to send than the vector is.
    digest bytea NOT NULL GENERATED ALWAYS AS (sha256(vector_send(vector))) STORED,
    vector vector(384) NOT NULL
);
-- Once each.
CREATE UNIQUE INDEX IF NOT EXISTS embedding_vector_digest_idx ON embedding_vector (digest);
-- Nearest neighbours by cosine distance. docs/decisions/hnsw.md has the figures behind the type and the parameters.
CREATE INDEX IF NOT EXISTS embedding_vector_hnsw_idx ON embedding_vector
    USING hnsw (vector vector_cosine_ops) WITH (m = 16, ef_construction = 64);

-- No foreign key: it would lock one vector for all writers of its records. Vectors are never removed.
ALTER TABLE remediation_audit ADD COLUMN IF NOT EXISTS embedding_id bigint;
-- From a vector to its records, newest first.
CREATE INDEX IF NOT EXISTS remediation_audit_embedding_id_idx ON ONLY remediation_audit
    (embedding_id, start_time DESC, id DESC) WHERE embedding_id IS NOT NULL;

INSERT INTO vector_outbox (record_id, start_time, version)
SELECT id, start_time, updated_at FROM remediation_audit WHERE embedding_id IS NULL
ON CONFLICT (record_id) DO UPDATE SET embedded_version = NULL;
-- With the column go its index and both indexes of 0005 that ask for it, which follow below.
ALTER TABLE remediation_audit DROP COLUMN IF EXISTS embedding;

-- As in 0005.
CREATE INDEX IF NOT EXISTS remediation_audit_words_idx ON ONLY remediation_audit
    USING gin (audit_words(name, target_name, alert_name, action_type, error_message)) WHERE embedding_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS remediation_audit_unembedded_idx ON ONLY remediation_audit (start_time DESC, id DESC)
    WHERE embedding_id IS NULL;
