-- Search by words. What is searched and what is searched for are cut into words by the same function, so that they
-- always meet. The bodies are bound when they are created: no search_path can change what they mean, and PostgreSQL
-- puts them inline.

-- Text with a space wherever a word ends inside it: KubePodCrashLooping, restart-pod, payments.svc. Only those
-- characters are replaced that PostgreSQL's parser would take for a part of a word, an address, a path or a number.
CREATE OR REPLACE FUNCTION audit_split(words text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
RETURN regexp_replace(
    replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(words,
        '.', ' '), '/', ' '), '-', ' '), '_', ' '), '@', ' '), ':', ' '), '+', ' '), '&', ' '), '<', ' '), '=', ' '), '~', ' '),
    '([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])', '\1\3 \2\4', 'g');

-- An identifier as one word, quoted for tsvector and tsquery; NULL when it is empty, since no tsvector takes an empty word
-- (F40). There is no handler of errors around the whole: the subtransaction that it begins doubles the price of a record's
-- words.
CREATE OR REPLACE FUNCTION audit_whole(identifier text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
RETURN '''' || replace(replace(nullif(lower(identifier), ''), '\', '\\'), '''', '''''') || '''';

-- The words of a remediation: its identifiers as they are (weight A) and their parts (B), and those of the first
-- 1,000 characters of its error message (D).
CREATE OR REPLACE FUNCTION audit_words(
    name text, target_name text, alert_name text, action_type text, error_message text
) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN concat_ws(' ', audit_whole(name) || ':1A', audit_whole(target_name) || ':1A', audit_whole(alert_name) || ':1A',
                 audit_whole(action_type) || ':1A')::tsvector
    || setweight(to_tsvector('simple', audit_split(concat_ws(' ', name, target_name, alert_name, action_type))), 'B')
    || to_tsvector('simple', coalesce(audit_split(left(error_message, 1000)), ''));

-- What someone searches for: every word of it, the last one perhaps only begun. What stands between spaces is found as a
-- whole identifier or by its parts; no identifier is longer than 255 characters.
CREATE OR REPLACE FUNCTION audit_word_query(words text, last_is_begun boolean) RETURNS tsquery
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
RETURN (
    SELECT coalesce(string_agg(
        CASE WHEN numnode(parts) = 1 OR length(chunk) > 255 THEN '(' || parts::text || ending || ')'
             ELSE '(' || audit_whole(chunk) || ending || ' | ' || parts::text || ending || ')' END,
        ' & '), '')::tsquery
    FROM (
        SELECT chunk, parts,
            CASE WHEN last_is_begun AND lead(chunk) OVER (ORDER BY place) IS NULL THEN ':*' ELSE '' END AS ending
        FROM (
            SELECT chunk, place, plainto_tsquery('simple', audit_split(chunk)) AS parts
            FROM regexp_split_to_table(words, '\s+') WITH ORDINALITY AS chunks(chunk, place)
        ) AS every
        WHERE numnode(parts) > 0
    ) AS wordy
);
