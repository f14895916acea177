-- A record reaches two stores when an outside index is configured, and its outbox row goes only when both hold it.
-- The version whose vector the embedding column holds already, so that a row that waits for the outside index alone
-- is neither embedded nor written into the HNSW index again. An update gives the row another version, and what this
-- says is then out of date by itself. No index: claims reach such rows through vector_outbox_due_idx.
ALTER TABLE vector_outbox ADD COLUMN IF NOT EXISTS embedded_version timestamptz;
