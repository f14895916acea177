SELECT pg_notify('datastorage_outbox', $1)::text, current_setting('transaction_read_only')::boolean;
