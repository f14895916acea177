//! Lenient handling: what it changes and says, and what it leaves strict.

use proptest::prelude::*;
use serde_json::{Value, json};
use storage_models::RecordType::{self, AiAnalysis, Execution, Remediation, Workflow};
use storage_models::escape::{sent_document, sent_text};
use storage_models::fields::{FromValue as _, Kind, Value as Held};
use storage_models::{Alterations, Altered, Json, JsonText, NewRecord, Record, RecordUpdate, Severity};

use super::{full, minimal, now, only_error, run, run_lenient, with};
use crate::{Handling, MAX_METADATA_BYTES, RefusedUpdate, ValidRecord, ValidUpdate, cut, update};

const MAX_TEXT: usize = 64 * 1024;

/// The field of a valid record.
fn field(valid: &ValidRecord, name: &str) -> Value {
    match valid.record.value(name) {
        Held::Text(text) => json!(text),
        Held::Json(document) => serde_json::from_str(document.as_str()).unwrap(),
        Held::Null => Value::Null,
        other => panic!("{other:?}"),
    }
}

fn alterations(valid: &ValidRecord) -> Option<Alterations> {
    Alterations::from_value(valid.record.value("alterations"))
}

fn marks(valid: &ValidRecord) -> Vec<(String, Altered)> {
    alterations(valid).iter().flat_map(Alterations::iter).map(|it| (it.pointer.clone(), it.what)).collect()
}

fn mark(pointer: &str, what: Altered) -> (String, Altered) {
    (pointer.to_owned(), what)
}

/// F69: a record with nothing to bend is the same in either handling.
#[test]
fn what_breaks_no_rule_is_not_touched() {
    for record_type in RecordType::ALL {
        for sent in [full(record_type), minimal(record_type)] {
            assert_eq!(run_lenient(record_type, &sent), run(record_type, &sent));
        }
    }
}

/// F69: text beyond its limit keeps both its ends; the whole is in the metadata where there is any and it fits.
#[test]
fn long_text_is_cut_and_kept_whole_where_it_fits() {
    let long = |bytes: usize| format!("Outer: failed\n{}Caused by: zanzibar", "x".repeat(bytes - 33));
    for (record_type, name) in [
        (Remediation, "error_message"),
        (AiAnalysis, "recommendation"),
        (AiAnalysis, "reasoning"),
        (Execution, "error_message"),
    ] {
        for bytes in [MAX_TEXT, MAX_TEXT + 1, 300 * 1024] {
            let sent = with(record_type, name, long(bytes));
            let valid = run_lenient(record_type, &sent).unwrap();
            let pointer = format!("/{name}");
            if bytes == MAX_TEXT {
                assert_eq!((field(&valid, name), marks(&valid)), (sent[name].clone(), vec![]));
                continue;
            }
            assert_eq!(field(&valid, name), cut::free_text(&long(bytes), MAX_TEXT));
            assert_eq!(
                (marks(&valid), &valid.adjusted_fields),
                (vec![mark(&pointer, Altered::Cut)], &vec![pointer])
            );
            assert_eq!(valid.sanitized_fields, [""; 0]);
            if record_type == Remediation {
                let kept = &field(&valid, "metadata")["datastorage.error_message"];
                assert_eq!(*kept, if bytes < MAX_METADATA_BYTES { sent[name].clone() } else { Value::Null });
            }
        }
    }
}

/// F69: an identifier beyond its limit is cut; different values stay different, and the whole is kept.
#[test]
fn long_identifiers_are_cut_and_stay_different() {
    for record_type in RecordType::ALL {
        let identifiers = record_type.fields().iter().filter(|it| it.is_sent());
        for it in identifiers {
            let Kind::Identifier(max) = it.kind else { continue };
            let max = usize::from(max);
            let long = |end: &str| format!("{}{end}", "é".repeat(max));
            let (one, other) = (long("1"), long("2"));
            let cut_of = |sent: &str| {
                run_lenient(record_type, &with(record_type, it.name, format!(" <{sent}>"))).unwrap()
            };
            let (one_stored, other_stored) = (cut_of(&one), cut_of(&other));
            assert_eq!(field(&one_stored, it.name), cut::identifier(&one, max));
            assert_ne!(field(&one_stored, it.name), field(&other_stored, it.name));
            let pointer = format!("/{}", it.name);
            assert_eq!(marks(&one_stored), [mark(&pointer, Altered::Cleaned), mark(&pointer, Altered::Cut)]);
            assert_eq!(one_stored.sanitized_fields, [pointer.as_str()]);
            assert_eq!(one_stored.adjusted_fields, [pointer.as_str()]);
            if record_type == Remediation {
                assert_eq!(field(&one_stored, "metadata")[format!("datastorage.{}", it.name)], one);
            }
            let twice =
                run_lenient(record_type, &with(record_type, it.name, field(&one_stored, it.name))).unwrap();
            assert_eq!(marks(&twice), []);
        }
    }
}

/// F69: an ANSI colour code refuses no record: it is taken out of names and texts, and each place is named.
#[test]
fn control_characters_are_taken_out() {
    let mut sent = full(Remediation);
    sent["name"] = json!("\u{1b}[1mrestart\u{7}-web\u{1b}[0m");
    sent["error_message"] = json!("\u{1b}[31mred\u{1b}[0m\n\tat <script>\u{85}");
    sent["metadata"] = json!({ "log": ["ok", "\u{1b}[2Kdone\u{8}"], "b": "\u{1b}[1m<script>" });
    let valid = run_lenient(Remediation, &sent).unwrap();
    assert_eq!(field(&valid, "name"), "restart-web");
    assert_eq!(field(&valid, "error_message"), "red\n\tat &lt;script&gt;");
    assert_eq!(field(&valid, "metadata"), json!({ "log": ["ok", "done"], "b": "&lt;script&gt;" }));
    assert_eq!(
        marks(&valid),
        [
            mark("/name", Altered::ControlsRemoved),
            mark("/error_message", Altered::ControlsRemoved),
            mark("/error_message", Altered::Escaped),
            mark("/metadata/b", Altered::ControlsRemoved),
            mark("/metadata/log/1", Altered::ControlsRemoved),
            mark("/metadata/b", Altered::Escaped),
        ]
    );
    assert_eq!(valid.sanitized_fields, ["/error_message", "/metadata/b"]);
    assert_eq!(valid.adjusted_fields, ["/name", "/error_message", "/metadata/b", "/metadata/log/1"]);
    let many = json!({ "a": vec!["\u{1}x"; 101], "b": "a < b" });
    let valid = run_lenient(Remediation, &with(Remediation, "metadata", many)).unwrap();
    assert_eq!(marks(&valid), [mark("/metadata", Altered::ControlsRemoved)]);
    assert_eq!(field(&valid, "metadata")["b"], "a < b");
}

/// F69: a severity that is unknown becomes null, and is kept as it was sent.
#[test]
fn an_unknown_severity_is_kept_in_the_metadata() {
    for (sent, kept) in [("Sev1", "Sev1"), ("", ""), ("\u{1b}[31mCRIT\u{1b}[0m", "CRIT"), ("none;", "none;")]
    {
        let valid = run_lenient(Remediation, &with(Remediation, "severity", sent)).unwrap();
        assert_eq!(
            (field(&valid, "severity"), marks(&valid)),
            (Value::Null, vec![mark("/severity", Altered::UnknownSeverity)])
        );
        assert_eq!(field(&valid, "metadata")["datastorage.severity"], kept);
    }
    let mut bare = minimal(Remediation);
    bare["severity"] = json!("Sev1");
    assert_eq!(
        field(&run_lenient(Remediation, &bare).unwrap(), "metadata"),
        json!({ "datastorage.severity": "Sev1" })
    );
    bare["severity"] = json!(" CRITICAL");
    let valid = run_lenient(Remediation, &bare).unwrap();
    assert_eq!(field(&valid, "severity"), Severity::Critical.as_str());
    assert_eq!(marks(&valid), [mark("/severity", Altered::Cleaned)]);
}

/// F69: a digest stands for metadata that is too deep, too large, or too large once it is escaped.
#[test]
fn a_digest_stands_for_metadata_beyond_its_limits() {
    let deep = |levels: usize| (1..levels).fold(json!({ "n": 1.50 }), |inner, _| json!({ "a": inner }));
    let large = json!({ "a": "x".repeat(MAX_METADATA_BYTES) });
    let growing = json!({ "a": format!("<script>{}", "&".repeat(MAX_METADATA_BYTES / 4)) });
    for metadata in [deep(33), deep(100), large, growing] {
        let mut sent = with(Remediation, "metadata", metadata.clone());
        sent["severity"] = json!("Sev1");
        assert!(run(Remediation, &with(Remediation, "metadata", metadata.clone())).is_err());
        let valid = run_lenient(Remediation, &sent).unwrap();
        let form = Json::parse(metadata.to_string().as_bytes()).unwrap().value.to_rfc8785();
        let digest = json!({ "bytes": form.len(), "sha256": cut::sha256(form.as_bytes()) });
        assert_eq!(
            field(&valid, "metadata"),
            json!({ "datastorage.metadata": digest, "datastorage.severity": "Sev1" })
        );
        assert_eq!(
            marks(&valid),
            [mark("/severity", Altered::UnknownSeverity), mark("/metadata", Altered::Replaced)]
        );
        assert_eq!(valid.adjusted_fields, ["/severity", "/metadata"]);
    }
    assert_eq!(
        field(&run_lenient(Remediation, &with(Remediation, "metadata", deep(32))).unwrap(), "metadata"),
        deep(32)
    );
}

/// F69: what does not fit beside the client's metadata is left out, the largest first; a client's own key stays.
#[test]
fn what_is_kept_whole_fits_and_replaces_nothing() {
    let mut sent = with(Remediation, "metadata", json!({ "a": "x".repeat(MAX_METADATA_BYTES - 1_000) }));
    sent["error_message"] = json!("e".repeat(MAX_TEXT + 1));
    sent["severity"] = json!("Sev1");
    let metadata = field(&run_lenient(Remediation, &sent).unwrap(), "metadata");
    assert_eq!(metadata["datastorage.severity"], "Sev1");
    assert_eq!(metadata.get("datastorage.error_message"), None);

    // It fits as it is sent, but not as it is stored.
    sent["metadata"] = json!({ "a": "x".repeat(100_000) });
    sent["error_message"] = json!(format!("<script>{}", "&".repeat(MAX_TEXT)));
    let valid = run_lenient(Remediation, &sent).unwrap();
    assert_eq!(field(&valid, "metadata").get("datastorage.error_message"), None);
    assert_eq!(field(&valid, "metadata")["datastorage.severity"], "Sev1");

    sent["metadata"] = json!({ "datastorage.severity": "mine", "datastorage.error_message": { "mine": 1 } });
    assert_eq!(field(&run_lenient(Remediation, &sent).unwrap(), "metadata"), sent["metadata"]);

    // What is kept is escaped and marked as any other string.
    sent["metadata"] = json!({});
    sent["error_message"] = json!(format!("<script>{}", "x".repeat(MAX_TEXT)));
    let valid = run_lenient(Remediation, &sent).unwrap();
    assert_eq!(marks(&valid).last(), Some(&mark("/metadata/datastorage.error_message", Altered::Escaped)));
    let stored = Json::parse(field(&valid, "metadata").to_string().as_bytes()).unwrap().value;
    let read = serde_json::to_value(sent_document(alterations(&valid).as_ref(), "metadata", stored)).unwrap();
    assert_eq!(read["datastorage.error_message"], sent["error_message"]);
}

/// F69: absent required fields, ids, times, other enums, NUL and keys stay strict.
#[test]
fn everything_else_stays_strict() {
    for (record_type, name, value, code) in [
        (Remediation, "name", json!(null), "required"),
        (Remediation, "name", json!("\u{1b}[0m"), "required"),
        (Remediation, "phase", json!("Completed"), "invalid_value"),
        (Remediation, "status", json!("done"), "invalid_value"),
        (Workflow, "phase", json!("x"), "invalid_value"),
        (Remediation, "severity", json!(3), "wrong_type"),
        (Remediation, "start_time", json!("yesterday"), "invalid_value"),
        (Execution, "remediation_id", json!(0), "out_of_range"),
        (Remediation, "error_message", json!("a\0b"), "nul_character"),
        (Remediation, "name", json!("a\u{202e}b"), "forbidden_character"),
        (Remediation, "metadata", json!([]), "wrong_type"),
        (Remediation, "metadata", json!({ "a\u{1}": 1 }), "forbidden_character"),
        (Remediation, "metadata", json!({ "<script>": 1 }), "forbidden_markup"),
        (Remediation, "nmae", json!(1), "unknown_field"),
    ] {
        let mut sent = with(record_type, name, value.clone());
        sent["end_time"] = Value::Null;
        if record_type == AiAnalysis {
            sent.as_object_mut().unwrap().remove("end_time");
        }
        assert_eq!(only_error(run_lenient(record_type, &sent)).code, code, "{name} {value}");
    }
}

/// The record that a valid new one becomes, as far as an update asks.
fn stored(valid: ValidRecord) -> Record {
    let NewRecord::Remediation(new) = valid.record else { panic!("another type") };
    let mut made = super::updates::remediation();
    made.error_message = new.error_message;
    made.metadata = new.metadata;
    made.alterations = new.alterations;
    Record::Remediation(made)
}

fn change(current: &Record, patch: &Value) -> Result<ValidUpdate, RefusedUpdate> {
    update(current, Json::parse(patch.to_string().as_bytes()).unwrap(), now(), Handling::Lenient)
}

/// F69: a change is bent as a record is, but for what is stored: nothing of it is removed.
#[test]
fn a_change_never_removes_what_is_stored() {
    let mut sent = minimal(Remediation);
    sent["metadata"] = json!({ "half": "x".repeat(150 * 1024) });
    let current = stored(run_lenient(Remediation, &sent).unwrap());
    for patch in [
        json!({ "other": "x".repeat(150 * 1024) }),
        (1..40).fold(json!({}), |inner, _| json!({ "a": inner })),
    ] {
        let refused = change(&current, &json!({ "metadata": patch })).unwrap_err();
        let RefusedUpdate::Invalid(invalid) = refused else { panic!("{refused}") };
        assert_eq!(invalid.errors()[0].pointer, "/metadata");
    }

    let long = format!("\u{1b}[31m{}", "e".repeat(MAX_TEXT + 1));
    let valid = change(&current, &json!({ "error_message": long })).unwrap();
    assert_eq!((valid.sanitized_fields, valid.adjusted_fields), (vec![], vec!["/error_message".to_owned()]));
    let RecordUpdate::Remediation(changed) = valid.update else { panic!("another type") };
    let document: Value = serde_json::from_str(changed.metadata.as_ref().unwrap().as_str()).unwrap();
    assert_eq!(document["half"], sent["metadata"]["half"]);
    assert_eq!(document["datastorage.error_message"], "e".repeat(MAX_TEXT + 1));
    let marks: Vec<_> = changed.alterations.iter().flat_map(Alterations::iter).map(|it| it.what).collect();
    assert_eq!(marks, [Altered::ControlsRemoved, Altered::Cut]);

    // Metadata that the patch removes is gone, and what was cut begins it anew.
    let valid = change(&current, &json!({ "error_message": long, "metadata": null })).unwrap();
    let RecordUpdate::Remediation(changed) = valid.update else { panic!("another type") };
    let expected = json!({ "datastorage.error_message": "e".repeat(MAX_TEXT + 1) }).to_string();
    assert_eq!(changed.metadata.unwrap().as_str(), expected);

    // What does not fit beside what is stored is left out, and what is stored stays.
    sent["metadata"] = json!({ "half": "x".repeat(250 * 1024) });
    let current = stored(run_lenient(Remediation, &sent).unwrap());
    let RecordUpdate::Remediation(changed) =
        change(&current, &json!({ "error_message": long })).unwrap().update
    else {
        panic!("another type")
    };
    assert_eq!(
        changed.metadata.unwrap().as_str(),
        JsonText::new(sent["metadata"].to_string()).unwrap().as_str()
    );
}

/// What breaks rules that can be bent.
fn bent() -> impl Strategy<Value = Value> {
    let text = "(<script>|\u{1b}\\[31m|\u{1}|&lt;|<b>|x|é|\n){0,8}";
    let long = (text, 0..70_000_usize).prop_map(|(text, more)| format!("{text}{}", "ab ".repeat(more / 3)));
    let name = ("[a-z<(\u{1}\u{301}]{1,12}", 0..400_usize)
        .prop_map(|(text, more)| format!("n{text}{}", "z".repeat(more)));
    let deep = (1..60_usize)
        .prop_map(|levels| (0..levels).fold(json!("<script>"), |inner, _| json!({ "a": [inner] })));
    let metadata = prop_oneof![Just(Value::Null), deep, long.clone().prop_map(|text| json!({ "t": text }))];
    (name, prop_oneof![1 => long, 3 => text.prop_map(String::from)], "(Critical|sev[0-9]|low )", metadata).prop_map(
        |(name, text, severity, metadata)| {
            json!({ "name": name, "namespace": "ns", "phase": "pending", "action_type": "a", "severity": severity,
                    "error_message": text, "metadata": metadata })
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// F69: whatever is bent is stored, and what its record says was sent is valid in strict handling and stored the same.
    #[test]
    fn what_is_bent_is_valid_and_stays(sent in bent()) {
        let valid = run_lenient(Remediation, &sent).unwrap();
        let alterations = alterations(&valid);
        let mut again = minimal(Remediation);
        for name in ["name", "severity"] {
            again[name] = field(&valid, name);
        }
        let message = field(&valid, "error_message");
        again["error_message"] = json!(sent_text(alterations.as_ref(), "error_message", message.as_str().unwrap()));
        if let Held::Json(document) = valid.record.value("metadata") {
            let document = sent_document(alterations.as_ref(), "metadata", document.to_json());
            again["metadata"] = serde_json::to_value(document).unwrap();
        }
        let twice = run(Remediation, &again).unwrap();
        for name in ["name", "severity", "error_message", "metadata"] {
            prop_assert_eq!(field(&twice, name), field(&valid, name), "{}", name);
        }
        // A document that is built anew has its members in the order of the alphabet.
        let mut escaped = marks(&valid);
        escaped.retain(|(_, what)| *what == Altered::Escaped);
        escaped.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let mut stayed = marks(&twice);
        stayed.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        prop_assert_eq!(stayed, escaped);
        if !valid.adjusted_fields.iter().any(|pointer| pointer == "/error_message") {
            prop_assert_eq!(&again["error_message"], &sent["error_message"]);
        }
    }
}
