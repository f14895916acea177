-- The tables that are partitioned by month, each with those that follow it: what is derived from a record lies in the
-- record's own month.
CREATE OR REPLACE FUNCTION audit_partitioned(parent text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
RETURN CASE
    WHEN parent = 'remediation_audit' THEN ARRAY['remediation_audit', 'remediation_words', 'remediation_vector']
    WHEN parent IN ('ai_analysis_audit', 'workflow_audit', 'execution_audit') THEN ARRAY[parent]
END;

-- Makes one month's partitions of a table of records and of all that follows it, and says whether one was missing.
--
-- A table is made alone, with its indexes, and then attached: ATTACH takes a lock on the parent that blocks
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
    partitioned text[] := public.audit_partitioned(parent);
    made boolean := false;
    of_table text;
    child text;
BEGIN
    IF partitioned IS NULL THEN
        RAISE EXCEPTION 'no audit table is called %', parent USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF first_day < date_trunc('month', now() - interval '10 years 1 day') OR first_day > now() + interval '4 months' THEN
        RAISE EXCEPTION 'month % is outside the accepted range of ten years back and four months ahead', first_day
            USING ERRCODE = 'invalid_parameter_value';
    END IF;

    -- One maker at a time for a month; whoever waited finds it made.
    PERFORM pg_advisory_xact_lock(
        hashtextextended('datastorage.partition.' || parent || '_' || to_char(first_day, 'YYYY_MM'), 0));
    FOREACH of_table IN ARRAY partitioned LOOP
        child := of_table || '_' || to_char(first_day, 'YYYY_MM');
        CONTINUE WHEN EXISTS (
            SELECT FROM pg_inherits
            WHERE inhparent = format('public.%I', of_table)::regclass
              AND inhrelid = to_regclass(format('public.%I', child))
        );
        EXECUTE format('CREATE TABLE public.%I (LIKE public.%I INCLUDING ALL)', child, of_table);
        IF of_table = parent THEN
            -- No look-up by id would find a record whose id carries another month (0100).
            EXECUTE format('ALTER TABLE public.%I ADD CONSTRAINT %I CHECK (id & 8191 = %s)', child, child || '_id',
                           public.audit_id(0, first_day::timestamptz));
        ELSE
            -- An update of a record mostly leaves its words and its vector as they are: room for the new version on the
            -- page spares the indexes.
            EXECUTE format('ALTER TABLE public.%I SET (fillfactor = 80)', child);
        END IF;
        EXECUTE format(
            'ALTER TABLE public.%I ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
            of_table, child, first_day::text || ' 00:00:00+00', next_first_day::text || ' 00:00:00+00'
        );
        made := true;
    END LOOP;
    RETURN made;
END
$$;

REVOKE ALL ON FUNCTION ensure_audit_partition(text, date) FROM PUBLIC;

-- Collects the statistics of a partitioned table as a whole and of those that follow it, and says whether it did.
-- Autovacuum analyses partitions and never their parents, so that plans over several months would go by guesses.
--
-- It does so when a table has grown or shrunk by a fifth since, and by more than 1,000 rows: a year's months are not
-- read again for the rows of an hour. From PostgreSQL 18 on the parent alone is read; before, its partitions are too.
--
-- SECURITY DEFINER, because a table is analysed by its owner; hence the fixed search_path and the fixed names.
CREATE OR REPLACE FUNCTION analyze_audit_table(parent text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
SET lock_timeout = '2s'
AS $$
DECLARE
    partitioned text[] := public.audit_partitioned(parent);
    done boolean := false;
    of_table text;
    analyzed bigint;
    present bigint;
BEGIN
    IF partitioned IS NULL THEN
        RAISE EXCEPTION 'no audit table is called %', parent USING ERRCODE = 'invalid_parameter_value';
    END IF;
    FOREACH of_table IN ARRAY partitioned LOOP
        -- -1 before the first time.
        SELECT reltuples::bigint INTO analyzed FROM pg_class WHERE oid = format('public.%I', of_table)::regclass;
        SELECT coalesce(sum(pg_stat_get_live_tuples(inhrelid)), 0) INTO present
        FROM pg_inherits WHERE inhparent = format('public.%I', of_table)::regclass;
        CONTINUE WHEN present = 0 OR analyzed >= 0 AND abs(present - analyzed) <= greatest(1000, analyzed / 5);

        -- One at a time; whoever comes second finds it done.
        CONTINUE WHEN NOT pg_try_advisory_xact_lock(hashtextextended('datastorage.analyze.' || of_table, 0));
        IF current_setting('server_version_num')::integer >= 180000 THEN
            EXECUTE format('ANALYZE ONLY public.%I', of_table);
        ELSE
            EXECUTE format('ANALYZE public.%I', of_table);
        END IF;
        done := true;
    END LOOP;
    RETURN done;
END
$$;

REVOKE ALL ON FUNCTION analyze_audit_table(text) FROM PUBLIC;
