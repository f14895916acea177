CREATE OR REPLACE FUNCTION audit_whole(identifier text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
RETURN '''' || replace(replace(lower(identifier), '\', '\\'), '''', '''''') || '''';
