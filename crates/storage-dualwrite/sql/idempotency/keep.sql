INSERT INTO idempotency_key (caller, route, key, request_hash, status, location, etag, body)
SELECT * FROM UNNEST(
    $1::text[], $2::text[], $3::text[], $4::bytea[], $5::smallint[], $6::text[], $7::text[], $8::bytea[]
);
