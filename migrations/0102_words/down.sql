DROP FUNCTION IF EXISTS audit_query_words(text), audit_text_key(tsvector), audit_words(text, text, text, text, text, jsonb);
DROP FUNCTION IF EXISTS audit_whole(text), audit_lexemes(text), audit_camel(text), audit_split(text), audit_spaced(text);
