-- Makes one month's partition and says whether it was missing.
--
-- The table is made alone, with its indexes, and then attached: ATTACH takes a lock on the parent that blocks
-- neither readers nor writers, while CREATE TABLE ... PARTITION OF waits for every open read and holds up every
-- writer behind it. Call it in a transaction of its own, never inside a write's.
--
-- SECURITY DEFINER, so that the server's role needs no DDL; hence the fixed search_path and the fixed range.
CREATE OR REPLACE FUNCTION ensure_audit_partition(parent text, month date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
SET lock_timeout = '2s'
SET timezone = 'UTC'
AS $$
DECLARE
    first_day date := date_trunc('month', month::timestamp)::date;
    next_first_day date := (first_day + interval '1 month')::date;
    child text := parent || '_' || to_char(first_day, 'YYYY_MM');
BEGIN
    IF parent NOT IN ('remediation_audit', 'ai_analysis_audit', 'workflow_audit', 'execution_audit') THEN
        RAISE EXCEPTION 'no audit table is called %', parent USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF first_day < date_trunc('month', now() - interval '10 years 1 day') OR first_day > now() + interval '4 months' THEN
        RAISE EXCEPTION 'month % is outside the accepted range of ten years back and four months ahead', first_day
            USING ERRCODE = 'invalid_parameter_value';
    END IF;

    -- One maker at a time for a partition; whoever waited finds it made.
    PERFORM pg_advisory_xact_lock(hashtextextended('datastorage.partition.' || child, 0));
    IF EXISTS (
        SELECT FROM pg_inherits
        WHERE inhparent = format('public.%I', parent)::regclass AND inhrelid = to_regclass(format('public.%I', child))
    ) THEN
        RETURN false;
    END IF;

    EXECUTE format('CREATE TABLE public.%I (LIKE public.%I INCLUDING ALL)', child, parent);
    EXECUTE format(
        'ALTER TABLE public.%I ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
        parent, child, first_day::text || ' 00:00:00+00', next_first_day::text || ' 00:00:00+00'
    );
    RETURN true;
END
$$;

REVOKE ALL ON FUNCTION ensure_audit_partition(text, date) FROM PUBLIC;
