SET lc_messages = 'C';
SET statement_timeout = '5s';

SELECT ensure_audit_partition(parent, month::date)
FROM unnest(ARRAY['remediation_audit', 'ai_analysis_audit', 'workflow_audit', 'execution_audit']) AS parent,
     unnest(ARRAY[now(), now() - interval '3 days']) AS month;

-- One an hour, the newest an hour ago: half in prod, half in stage; every fifth has failed, the newest four still run.
INSERT INTO remediation_audit (name, namespace, phase, action_type, target_name, status, start_time, end_time,
    environment, cluster, remediation_request_id, alert_name, severity, error_message, metadata)
SELECT 'checkout-restart-' || n, CASE n % 2 WHEN 0 THEN 'prod' ELSE 'stage' END,
    CASE WHEN n <= 4 THEN 'processing' WHEN n % 5 = 0 THEN 'failed' ELSE 'completed' END,
    CASE n % 3 WHEN 0 THEN 'scale-deployment' ELSE 'restart-pod' END, 'checkout-api-7d9f8b6c5-x' || n,
    CASE WHEN n <= 4 THEN 'running' WHEN n % 5 = 0 THEN 'failed' ELSE 'success' END,
    now() - n * interval '1 hour',
    CASE WHEN n > 4 THEN now() - n * interval '1 hour' + n * interval '10 s' END,
    'production', 'eu-1', 'rr-' || n / 2, 'KubePodCrashLooping', (ARRAY['critical', 'high', 'warning'])[1 + n % 3],
    CASE WHEN n % 5 = 0 THEN 'Back-off restarting failed container checkout' END,
    jsonb_build_object('team', CASE n % 4 WHEN 0 THEN 'payments' ELSE 'shop' END, 'restarts', n)
FROM generate_series(40, 1, -1) AS n;

INSERT INTO ai_analysis_audit (remediation_id, analysis_type, confidence, recommendation, timestamp, model)
SELECT min(id), 'root-cause', 0.9, 'Raise the memory limit.', now() - interval '40 hours', 'analyst-2'
FROM remediation_audit;
INSERT INTO workflow_audit (remediation_id, workflow_name, phase, status, start_time, step_count)
SELECT min(id), 'restart-and-watch', 'completed', 'success', now() - interval '39 hours', 3 FROM remediation_audit;
INSERT INTO execution_audit (remediation_id, action_type, target_kind, target_name, status, start_time)
SELECT min(id), 'delete-pod', 'Pod', 'checkout-api-7d9f8b6c5-x40', 'success', now() - interval '38 hours'
FROM remediation_audit;
