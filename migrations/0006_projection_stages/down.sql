ALTER TABLE vector_outbox DROP COLUMN IF EXISTS embedded_version;
