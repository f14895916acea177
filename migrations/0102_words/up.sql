-- Search by words. What is searched and what is searched for are cut into words by the same functions, so that they
-- always meet. The bodies are bound when they are created: no search_path can change what they mean. Most are put inline
-- by PostgreSQL, which it does not do with a function that is declared STRICT and chooses between cases.

-- Text in Unicode's form NFC, and with spaces where its script has none. The words of Thai, Lao, Burmese, Khmer, kana and
-- Han have no borders: the characters stand for them, and each two neighbours. The pairs follow the text, those from the
-- first character of a run on, then those from its second.
CREATE OR REPLACE FUNCTION audit_spaced(words text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
RETURN (
    SELECT CASE WHEN composed !~ '[\u0E00-\u0EFF\u1000-\u109F\u1780-\u17FF\u3041-\u30FF\u3400-\u9FFF\uF900-\uFAFF\U00020000-\U0003FFFF]' THEN composed
                ELSE concat_ws(' ', regexp_replace(composed, '([\u0E00-\u0EFF\u1000-\u109F\u1780-\u17FF\u3041-\u30FF\u3400-\u9FFF\uF900-\uFAFF\U00020000-\U0003FFFF])', ' \1 ', 'g'),
                               regexp_replace(runs, '(\S\S)', '\1 ', 'g'),
                               regexp_replace(regexp_replace(runs, '(^|\s)\S', ' ', 'g'), '(\S\S)', '\1 ', 'g'))
           END
    FROM (SELECT normalize(words, NFC) AS composed OFFSET 0) AS in_form,
        LATERAL (SELECT regexp_replace(composed, '[^\u0E00-\u0EFF\u1000-\u109F\u1780-\u17FF\u3041-\u30FF\u3400-\u9FFF\uF900-\uFAFF\U00020000-\U0003FFFF]+', ' ', 'g') AS runs) AS without_spaces
);

-- Text with a space wherever a word ends, but for those inside CamelCase: restart-pod, payments.svc. Only those characters
-- are replaced that PostgreSQL's parser would take for a part of a word, an address, a path or a number.
CREATE OR REPLACE FUNCTION audit_split(words text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(
    CASE WHEN octet_length(words) = length(words) THEN words ELSE audit_spaced(words) END,
    '.', ' '), '/', ' '), '-', ' '), '_', ' '), '@', ' '), ':', ' '), '+', ' '), '&', ' '), '<', ' '), '=', ' '), '~', ' ');

-- Text with a space wherever a word ends inside CamelCase: KubePodCrashLooping, OOMKilled, but not in 7D9F8B6C5.
CREATE OR REPLACE FUNCTION audit_camel(words text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN regexp_replace(words, '([a-z])([A-Z])|([A-Z0-9])([A-Z][a-z])', '\1\3 \2\4', 'g');

-- The words of a text in small letters: CamelCase as one word and by its parts, so that case never matters.
CREATE OR REPLACE FUNCTION audit_lexemes(words text) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN to_tsvector('simple', audit_split(words)
    || CASE WHEN words ~ '[a-z][A-Z]|[A-Z0-9][A-Z][a-z]' THEN ' ' || audit_camel(audit_split(words)) ELSE '' END);

-- An identifier as one word, marked as no other word is; NULL when it is blank.
CREATE OR REPLACE FUNCTION audit_whole(identifier text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '=' || lower(normalize(nullif(btrim(identifier), ''), NFC));

-- The words of a remediation: those that it shares with others of its kind, and its own, which are its identifiers as they
-- are and what tells one object from another: words of five or more characters with a digit among them, what Kubernetes
-- draws the suffixes of names from, in their lengths, and words of identifiers with a digit. A short number in an error is shared
-- (exit code 137).
--
-- Words carry no positions: an error of 64 KiB has more than a tsvector counts. The error is read as it was sent, without
-- what made it safe to store (`escaped` among the alterations).
CREATE OR REPLACE FUNCTION audit_words(
    name text, target_name text, alert_name text, action_type text, error_message text, alterations jsonb
) RETURNS TABLE (shared tsvector, own tsvector)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT array_to_tsvector(coalesce(array_agg(lexeme) FILTER (WHERE NOT is_own), '{}')),
        array_to_tsvector(array_agg(lexeme) FILTER (WHERE is_own) || array_remove(
            ARRAY[audit_whole(name), audit_whole(target_name), audit_whole(alert_name), audit_whole(action_type)], NULL))
    FROM (
        SELECT lexeme,
            length(lexeme) >= 5 AND lexeme ~ '[0-9]|^([bcdfghjklmnpqrstvwxz]{5}|[bcdfghjklmnpqrstvwxz]{8,10})$'
            OR 'D' <> ALL (weights) AND lexeme ~ '[0-9]' AS is_own
        FROM unnest(
            setweight(audit_lexemes(concat_ws(' ', name, target_name, alert_name, action_type)), 'A')
            || audit_lexemes(CASE WHEN alterations @> '[{"pointer": "/error_message", "what": "escaped"}]'
                THEN replace(replace(replace(error_message, '&lt;', '<'), '&gt;', '>'), '&amp;', '&')
                ELSE coalesce(error_message, '') END)
        ) AS word
    ) AS words;
END;

-- What names a set of shared words: 16 bytes of its SHA-256.
CREATE OR REPLACE FUNCTION audit_text_key(shared tsvector) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
RETURN substring(sha256(tsvectorsend(shared)) FOR 16);

-- The words of what someone searches for, in their order, each with the word in CamelCase that it is a part of.
CREATE OR REPLACE FUNCTION audit_query_words(words text) RETURNS TABLE (word text, whole text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT part.lexeme, lower(token)
    FROM ts_parse('default', audit_split(words)) WITH ORDINALITY AS parsed (kind, token, place)
        CROSS JOIN LATERAL unnest(to_tsvector('simple', audit_camel(token))) AS part
    ORDER BY place, part.positions[1];
END;
