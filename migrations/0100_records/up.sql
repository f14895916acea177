-- The four audit records. Each table is partitioned by month; there is no default partition, because one
-- stray row in it would make that month's partition impossible to attach. Partitions come from
-- ensure_audit_partition (0104). What is derived from a record is in tables of its own (0103):
-- a record changes by an update of its client alone.
--
-- recorded_by, correlation_id and alterations are the service's: who sent a record, which log lines belong to it, and where
-- it differs from what was sent. No client can send them. A record that is inserted by SQL has the role that did it.

CREATE SEQUENCE IF NOT EXISTS remediation_audit_id_seq AS bigint;
CREATE SEQUENCE IF NOT EXISTS ai_analysis_audit_id_seq AS bigint;
CREATE SEQUENCE IF NOT EXISTS workflow_audit_id_seq AS bigint;
CREATE SEQUENCE IF NOT EXISTS execution_audit_id_seq AS bigint;

CREATE TABLE IF NOT EXISTS remediation_audit (
    id bigint NOT NULL,
    name varchar(255) NOT NULL,
    namespace varchar(255) NOT NULL,
    phase varchar(50) NOT NULL
        CONSTRAINT remediation_audit_phase CHECK (phase IN ('pending', 'processing', 'completed', 'failed')),
    action_type varchar(100) NOT NULL,
    target_name varchar(255),
    status varchar(50) NOT NULL DEFAULT 'pending'
        CONSTRAINT remediation_audit_status CHECK (status IN ('pending', 'running', 'success', 'failed', 'unknown')),
    start_time timestamptz NOT NULL DEFAULT now(),
    end_time timestamptz,
    duration_ms bigint GENERATED ALWAYS AS (floor(extract(epoch FROM (end_time - start_time)) * 1000)::bigint) STORED,
    environment varchar(50),
    cluster varchar(255),
    remediation_request_id varchar(255),
    alert_name varchar(255),
    alert_fingerprint varchar(255),
    severity varchar(50)
        CONSTRAINT remediation_audit_severity CHECK (severity IN ('critical', 'high', 'medium', 'low', 'warning', 'info')),
    error_message text,
    metadata jsonb,
    recorded_by varchar(255) NOT NULL DEFAULT session_user,
    correlation_id varchar(128),
    alterations jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, start_time)
) PARTITION BY RANGE (start_time);

CREATE TABLE IF NOT EXISTS ai_analysis_audit (
    id bigint NOT NULL,
    remediation_id bigint NOT NULL,
    analysis_type varchar(100) NOT NULL,
    confidence double precision NOT NULL
        CONSTRAINT ai_analysis_audit_confidence CHECK (confidence BETWEEN 0 AND 1),
    recommendation text NOT NULL,
    reasoning text,
    timestamp timestamptz NOT NULL DEFAULT now(),
    model varchar(255) NOT NULL,
    tokens_used integer CONSTRAINT ai_analysis_audit_tokens_used CHECK (tokens_used >= 0),
    latency_ms integer CONSTRAINT ai_analysis_audit_latency_ms CHECK (latency_ms >= 0),
    recorded_by varchar(255) NOT NULL DEFAULT session_user,
    correlation_id varchar(128),
    alterations jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, timestamp)
) PARTITION BY RANGE (timestamp);

CREATE TABLE IF NOT EXISTS workflow_audit (
    id bigint NOT NULL,
    remediation_id bigint NOT NULL,
    workflow_name varchar(255) NOT NULL,
    phase varchar(50) NOT NULL
        CONSTRAINT workflow_audit_phase CHECK (phase IN ('planning', 'executing', 'completed', 'failed')),
    status varchar(50) NOT NULL DEFAULT 'pending'
        CONSTRAINT workflow_audit_status CHECK (status IN ('pending', 'running', 'success', 'failed', 'unknown')),
    start_time timestamptz NOT NULL DEFAULT now(),
    end_time timestamptz,
    step_count integer NOT NULL CONSTRAINT workflow_audit_step_count CHECK (step_count >= 0),
    current_step integer NOT NULL DEFAULT 0,
    recorded_by varchar(255) NOT NULL DEFAULT session_user,
    correlation_id varchar(128),
    alterations jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, start_time),
    CONSTRAINT workflow_audit_current_step CHECK (current_step BETWEEN 0 AND step_count)
) PARTITION BY RANGE (start_time);

CREATE TABLE IF NOT EXISTS execution_audit (
    id bigint NOT NULL,
    remediation_id bigint NOT NULL,
    action_type varchar(100) NOT NULL,
    target_kind varchar(100) NOT NULL,
    target_name varchar(255) NOT NULL,
    namespace varchar(255),
    status varchar(50) NOT NULL DEFAULT 'pending'
        CONSTRAINT execution_audit_status CHECK (status IN ('pending', 'running', 'success', 'failed', 'unknown')),
    start_time timestamptz NOT NULL DEFAULT now(),
    end_time timestamptz,
    error_message text,
    dry_run boolean NOT NULL DEFAULT false,
    recorded_by varchar(255) NOT NULL DEFAULT session_user,
    correlation_id varchar(128),
    alterations jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, start_time)
) PARTITION BY RANGE (start_time);

ALTER SEQUENCE remediation_audit_id_seq OWNED BY remediation_audit.id;
ALTER SEQUENCE ai_analysis_audit_id_seq OWNED BY ai_analysis_audit.id;
ALTER SEQUENCE workflow_audit_id_seq OWNED BY workflow_audit.id;
ALTER SEQUENCE execution_audit_id_seq OWNED BY execution_audit.id;

-- The default list and every time range: newest first, ties by id.
CREATE INDEX IF NOT EXISTS remediation_audit_start_time_idx ON remediation_audit (start_time DESC, id DESC);
-- One namespace, newest first: the commonest filter.
CREATE INDEX IF NOT EXISTS remediation_audit_namespace_idx ON remediation_audit (namespace, start_time DESC, id DESC);
-- What is running, what failed, newest first.
CREATE INDEX IF NOT EXISTS remediation_audit_status_idx ON remediation_audit (status, start_time DESC, id DESC);
-- Everything done for one remediation request; most records of other sources have none.
CREATE INDEX IF NOT EXISTS remediation_audit_request_idx ON remediation_audit (remediation_request_id)
    WHERE remediation_request_id IS NOT NULL;
-- What was done to one target, newest first; and its few records, one by one, where they are searched by meaning.
CREATE INDEX IF NOT EXISTS remediation_audit_target_idx ON remediation_audit (target_name, start_time DESC, id DESC)
    WHERE target_name IS NOT NULL;

-- Everything that belongs to one remediation, in time order.
CREATE INDEX IF NOT EXISTS ai_analysis_audit_remediation_idx ON ai_analysis_audit (remediation_id, timestamp);
CREATE INDEX IF NOT EXISTS workflow_audit_remediation_idx ON workflow_audit (remediation_id, start_time);
CREATE INDEX IF NOT EXISTS execution_audit_remediation_idx ON execution_audit (remediation_id, start_time);
-- The default list and every time range.
CREATE INDEX IF NOT EXISTS ai_analysis_audit_timestamp_idx ON ai_analysis_audit (timestamp DESC, id DESC);
CREATE INDEX IF NOT EXISTS workflow_audit_start_time_idx ON workflow_audit (start_time DESC, id DESC);
CREATE INDEX IF NOT EXISTS execution_audit_start_time_idx ON execution_audit (start_time DESC, id DESC);

-- What was written or changed in a range of time, and feeds in the order of writing. Records lie in the order of writing, so
-- that an index of ranges leads to the few pages where they are; a B-tree would cost each write as much as all the others. An
-- update may still stay on its page. Ranges are summarized when they are full: the one that is being filled is always read.
CREATE INDEX IF NOT EXISTS remediation_audit_written_idx ON remediation_audit USING brin (created_at, updated_at)
    WITH (pages_per_range = 16, autosummarize = on);
CREATE INDEX IF NOT EXISTS ai_analysis_audit_written_idx ON ai_analysis_audit USING brin (created_at)
    WITH (pages_per_range = 16, autosummarize = on);
CREATE INDEX IF NOT EXISTS workflow_audit_written_idx ON workflow_audit USING brin (created_at, updated_at)
    WITH (pages_per_range = 16, autosummarize = on);
CREATE INDEX IF NOT EXISTS execution_audit_written_idx ON execution_audit USING brin (created_at)
    WITH (pages_per_range = 16, autosummarize = on);

-- A record's id: its number, which comes from the sequence, and the month of its own time. A look-up by id reads that
-- month's partition alone, and ids are in the order of the numbers. docs/decisions/ids.md has the figures.
CREATE OR REPLACE FUNCTION audit_id(number bigint, own_time timestamptz) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
RETURN number * 8192 + (extract(year FROM own_time AT TIME ZONE 'UTC')::bigint - 1970) * 12
    + extract(month FROM own_time AT TIME ZONE 'UTC')::bigint - 1;

-- Gives an id to a record that comes without one, as an import by SQL does. The service sends ids.
CREATE OR REPLACE FUNCTION audit_give_id() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_ARGV[0] = 'ai_analysis_audit' THEN
        NEW.id := public.audit_id(nextval('public.ai_analysis_audit_id_seq'), NEW.timestamp);
    ELSE
        NEW.id := public.audit_id(nextval(format('public.%I', TG_ARGV[0] || '_id_seq')), NEW.start_time);
    END IF;
    RETURN NEW;
END
$$;

CREATE OR REPLACE TRIGGER remediation_audit_id BEFORE INSERT ON remediation_audit FOR EACH ROW
    WHEN (NEW.id IS NULL) EXECUTE FUNCTION audit_give_id('remediation_audit');
CREATE OR REPLACE TRIGGER ai_analysis_audit_id BEFORE INSERT ON ai_analysis_audit FOR EACH ROW
    WHEN (NEW.id IS NULL) EXECUTE FUNCTION audit_give_id('ai_analysis_audit');
CREATE OR REPLACE TRIGGER workflow_audit_id BEFORE INSERT ON workflow_audit FOR EACH ROW
    WHEN (NEW.id IS NULL) EXECUTE FUNCTION audit_give_id('workflow_audit');
CREATE OR REPLACE TRIGGER execution_audit_id BEFORE INSERT ON execution_audit FOR EACH ROW
    WHEN (NEW.id IS NULL) EXECUTE FUNCTION audit_give_id('execution_audit');

-- A record's version: it only grows, whatever the clocks and the order of concurrent updates.
CREATE OR REPLACE FUNCTION audit_touch() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NEW.updated_at := greatest(clock_timestamp(), OLD.updated_at + interval '1 microsecond');
    RETURN NEW;
END
$$;

CREATE OR REPLACE FUNCTION audit_refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'record % of % is finished and cannot be changed', OLD.id, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;

-- The columns are listed because a condition of a BEFORE trigger cannot take a row with a generated column as a whole.
CREATE OR REPLACE TRIGGER remediation_audit_touch
    BEFORE UPDATE ON remediation_audit FOR EACH ROW
    WHEN ((OLD.name, OLD.namespace, OLD.phase, OLD.action_type, OLD.target_name, OLD.status, OLD.start_time,
           OLD.end_time, OLD.environment, OLD.cluster, OLD.remediation_request_id, OLD.alert_name,
           OLD.alert_fingerprint, OLD.severity, OLD.error_message, OLD.metadata, OLD.alterations)
        IS DISTINCT FROM
          (NEW.name, NEW.namespace, NEW.phase, NEW.action_type, NEW.target_name, NEW.status, NEW.start_time,
           NEW.end_time, NEW.environment, NEW.cluster, NEW.remediation_request_id, NEW.alert_name,
           NEW.alert_fingerprint, NEW.severity, NEW.error_message, NEW.metadata, NEW.alterations))
    EXECUTE FUNCTION audit_touch();

CREATE OR REPLACE TRIGGER remediation_audit_immutable
    BEFORE UPDATE ON remediation_audit FOR EACH ROW
    WHEN (OLD.phase IN ('completed', 'failed') AND
          (OLD.id, OLD.name, OLD.namespace, OLD.phase, OLD.action_type, OLD.target_name, OLD.status, OLD.start_time,
           OLD.end_time, OLD.environment, OLD.cluster, OLD.remediation_request_id, OLD.alert_name,
           OLD.alert_fingerprint, OLD.severity, OLD.error_message, OLD.metadata, OLD.recorded_by, OLD.correlation_id,
           OLD.alterations, OLD.created_at, OLD.updated_at)
        IS DISTINCT FROM
          (NEW.id, NEW.name, NEW.namespace, NEW.phase, NEW.action_type, NEW.target_name, NEW.status, NEW.start_time,
           NEW.end_time, NEW.environment, NEW.cluster, NEW.remediation_request_id, NEW.alert_name,
           NEW.alert_fingerprint, NEW.severity, NEW.error_message, NEW.metadata, NEW.recorded_by, NEW.correlation_id,
           NEW.alterations, NEW.created_at, NEW.updated_at))
    EXECUTE FUNCTION audit_refuse_change();

CREATE OR REPLACE TRIGGER workflow_audit_touch
    BEFORE UPDATE OF remediation_id, workflow_name, phase, status, start_time, end_time, step_count, current_step,
        alterations
    ON workflow_audit FOR EACH ROW
    WHEN ((OLD.remediation_id, OLD.workflow_name, OLD.phase, OLD.status, OLD.start_time, OLD.end_time,
           OLD.step_count, OLD.current_step, OLD.alterations)
        IS DISTINCT FROM
          (NEW.remediation_id, NEW.workflow_name, NEW.phase, NEW.status, NEW.start_time, NEW.end_time,
           NEW.step_count, NEW.current_step, NEW.alterations))
    EXECUTE FUNCTION audit_touch();

CREATE OR REPLACE TRIGGER workflow_audit_immutable
    BEFORE UPDATE ON workflow_audit FOR EACH ROW
    WHEN (OLD.phase IN ('completed', 'failed') AND OLD.* IS DISTINCT FROM NEW.*)
    EXECUTE FUNCTION audit_refuse_change();
