DROP FUNCTION IF EXISTS empty_embedding_slot(smallint);
DROP TABLE IF EXISTS vector_outbox, remediation_vector, remediation_words, remediation_text, embedding_vector, embedding_set;
