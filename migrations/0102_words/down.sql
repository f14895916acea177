DROP FUNCTION IF EXISTS audit_word_query(text, boolean), audit_words(text, text, text, text, text);
DROP FUNCTION IF EXISTS audit_whole(text), audit_split(text);
