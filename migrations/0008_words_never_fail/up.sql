-- No record can break a search by words, or the projection that indexes its words (F40). An identifier may be empty:
-- audit_whole made an empty word of it, which no tsvector takes. There is no handler around the whole instead: the
-- subtransaction that it begins doubles the price of a record's words.

-- An identifier as one word, quoted for tsvector and tsquery; NULL when it is empty.
CREATE OR REPLACE FUNCTION audit_whole(identifier text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
RETURN '''' || replace(replace(nullif(lower(identifier), ''), '\', '\\'), '''', '''''') || '''';
