SELECT pg_logical_emit_message(true, 'datastorage', '')::text;
