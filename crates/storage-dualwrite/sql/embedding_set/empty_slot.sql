SELECT empty_embedding_slot($1)::text;
