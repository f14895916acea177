UPDATE idempotency_key SET body = $1 WHERE caller = $2 AND route = $3 AND key = $4 AND request_hash = $5;
