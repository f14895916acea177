SELECT caller, route, key, request_hash, status, location, etag, body FROM idempotency_key
JOIN UNNEST($1::text[], $2::text[], $3::text[]) AS wanted (caller, route, key) USING (caller, route, key);
