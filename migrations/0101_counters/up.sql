-- How many remediations there are of each kind, so that an exact total does not grow with the table. The number is
-- the sum over remediation_count and remediation_count_delta: a write appends what it changes, in its own
-- transaction and without locking a row, and a job folds what was appended.

CREATE TABLE IF NOT EXISTS remediation_count (
    -- The first instant of a UTC month.
    month timestamptz NOT NULL,
    namespace varchar(255) NOT NULL,
    status varchar(50) NOT NULL,
    phase varchar(50) NOT NULL,
    action_type varchar(100) NOT NULL,
    severity varchar(50),
    records bigint NOT NULL
) WITH (
    -- Rows are updated in place, for ever.
    fillfactor = 70,
    autovacuum_vacuum_scale_factor = 0.0,
    autovacuum_vacuum_threshold = 5000
);

-- One row of a kind, which the fold adds to; and the totals of one namespace.
CREATE UNIQUE INDEX IF NOT EXISTS remediation_count_kind_idx
    ON remediation_count (namespace, month, status, phase, action_type, severity) NULLS NOT DISTINCT;

CREATE TABLE IF NOT EXISTS remediation_count_delta (
    month timestamptz NOT NULL,
    namespace varchar(255) NOT NULL,
    status varchar(50) NOT NULL,
    phase varchar(50) NOT NULL,
    action_type varchar(100) NOT NULL,
    severity varchar(50),
    records bigint NOT NULL
) WITH (
    -- A queue without an index: it is read from end to end, so vacuum must follow the number of its rows.
    autovacuum_vacuum_scale_factor = 0.0,
    autovacuum_vacuum_threshold = 2000,
    autovacuum_vacuum_insert_scale_factor = 0.0,
    autovacuum_vacuum_insert_threshold = 50000,
    autovacuum_vacuum_cost_delay = 0
);

-- Months with so many kinds that counting their records costs no more. Nothing is kept for them.
CREATE TABLE IF NOT EXISTS remediation_count_excess (
    month timestamptz PRIMARY KEY
);

-- Triggers rather than statements of the writer: whoever inserts is counted, also an older version of the server.
-- SECURITY DEFINER, so that whoever may write records needs no right on the counters.
CREATE OR REPLACE FUNCTION remediation_count_inserted() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO public.remediation_count_delta (month, namespace, status, phase, action_type, severity, records)
    SELECT date_trunc('month', start_time, 'UTC'), namespace, status, phase, action_type, severity, count(*)
    FROM inserted GROUP BY 1, 2, 3, 4, 5, 6;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION remediation_count_deleted() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO public.remediation_count_delta (month, namespace, status, phase, action_type, severity, records)
    SELECT date_trunc('month', start_time, 'UTC'), namespace, status, phase, action_type, severity, -count(*)
    FROM deleted GROUP BY 1, 2, 3, 4, 5, 6;
    RETURN NULL;
END
$$;

CREATE OR REPLACE FUNCTION remediation_count_updated() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO public.remediation_count_delta (month, namespace, status, phase, action_type, severity, records)
    VALUES (date_trunc('month', OLD.start_time, 'UTC'), OLD.namespace, OLD.status, OLD.phase, OLD.action_type,
            OLD.severity, -1),
           (date_trunc('month', NEW.start_time, 'UTC'), NEW.namespace, NEW.status, NEW.phase, NEW.action_type,
            NEW.severity, 1);
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER remediation_audit_count_insert
    AFTER INSERT ON remediation_audit REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT EXECUTE FUNCTION remediation_count_inserted();

CREATE OR REPLACE TRIGGER remediation_audit_count_delete
    AFTER DELETE ON remediation_audit REFERENCING OLD TABLE AS deleted
    FOR EACH STATEMENT EXECUTE FUNCTION remediation_count_deleted();

-- Row by row, because only so it can be kept from updates that change nothing that is counted.
-- It does not see a record move to another month, which no statement of the service does: PostgreSQL makes that a
-- deletion and an insertion, without this trigger and without those above.
CREATE OR REPLACE TRIGGER remediation_audit_count_update
    AFTER UPDATE OF namespace, status, phase, action_type, severity, start_time ON remediation_audit FOR EACH ROW
    WHEN ((OLD.namespace, OLD.status, OLD.phase, OLD.action_type, OLD.severity, OLD.start_time)
        IS DISTINCT FROM (NEW.namespace, NEW.status, NEW.phase, NEW.action_type, NEW.severity, NEW.start_time))
    EXECUTE FUNCTION remediation_count_updated();
