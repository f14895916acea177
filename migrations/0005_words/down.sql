DROP INDEX IF EXISTS remediation_audit_unembedded_idx;
DROP INDEX IF EXISTS remediation_audit_words_idx;
DROP FUNCTION IF EXISTS audit_word_query(text, boolean);
DROP FUNCTION IF EXISTS audit_words(text, text, text, text, text);
DROP FUNCTION IF EXISTS audit_whole(text);
DROP FUNCTION IF EXISTS audit_split(text);
