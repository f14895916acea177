INSERT INTO embedding_vector (slot, vector) SELECT $1, UNNEST($2::vector[]) ON CONFLICT (slot, digest) DO NOTHING;
