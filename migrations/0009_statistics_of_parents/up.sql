-- Collects the statistics of a partitioned table as a whole, and says whether it did. Autovacuum analyses partitions and
-- never their parents, so that plans over several months would go by guesses.
--
-- It does so when the table has grown or shrunk by a fifth since, and by more than 1,000 rows: a year's months are not
-- read again for the rows of an hour. From PostgreSQL 18 on the parent alone is read; before, its partitions are too.
--
-- SECURITY DEFINER, because a table is analysed by its owner; hence the fixed search_path and the fixed names.
CREATE OR REPLACE FUNCTION analyze_audit_table(parent text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
SET lock_timeout = '2s'
AS $$
DECLARE
    analyzed bigint;
    present bigint;
BEGIN
    IF parent NOT IN ('remediation_audit', 'ai_analysis_audit', 'workflow_audit', 'execution_audit') THEN
        RAISE EXCEPTION 'no audit table is called %', parent USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- -1 before the first time.
    SELECT reltuples::bigint INTO analyzed FROM pg_class WHERE oid = format('public.%I', parent)::regclass;
    SELECT coalesce(sum(pg_stat_get_live_tuples(inhrelid)), 0) INTO present
    FROM pg_inherits WHERE inhparent = format('public.%I', parent)::regclass;
    IF present = 0 OR analyzed >= 0 AND abs(present - analyzed) <= greatest(1000, analyzed / 5) THEN
        RETURN false;
    END IF;

    -- One at a time; whoever comes second finds it done.
    IF NOT pg_try_advisory_xact_lock(hashtextextended('datastorage.analyze.' || parent, 0)) THEN
        RETURN false;
    END IF;
    IF current_setting('server_version_num')::integer >= 180000 THEN
        EXECUTE format('ANALYZE ONLY public.%I', parent);
    ELSE
        EXECUTE format('ANALYZE public.%I', parent);
    END IF;
    RETURN true;
END
$$;

REVOKE ALL ON FUNCTION analyze_audit_table(text) FROM PUBLIC;
