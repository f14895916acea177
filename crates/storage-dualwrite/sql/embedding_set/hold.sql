SELECT state::text FROM embedding_set WHERE id = $1 FOR SHARE;
