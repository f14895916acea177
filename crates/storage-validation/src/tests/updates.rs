//! Updates: what may be changed, into what, and when.

use proptest::prelude::*;
use serde_json::{Value, json};
use storage_models::escape::{sent_document, sent_text};
use storage_models::fields::{Members as _, Value as Held};
use storage_models::{
    Alteration, Alterations, Altered, Json, JsonText, Phase, Record, RecordType, RecordUpdate, Remediation,
    RemediationUpdate, Status, Timestamp, Workflow, WorkflowPhase,
};

use super::{now, only_error, run as run_sent, with};
use crate::{Handling, RefusedUpdate, ValidUpdate, update};

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(super) fn remediation() -> Remediation {
    let made = Remediation::of_values(|name| match name {
        "id" => Held::Integer(7),
        "name" => Held::Text("restart-web".into()),
        "namespace" => Held::Text("default".into()),
        "phase" => Held::Text("processing".into()),
        "action_type" => Held::Text("restart-pod".into()),
        "status" => Held::Text("running".into()),
        "start_time" => Held::Time(time("2026-02-28T10:00:00Z")),
        "recorded_by" => Held::Text("operator".into()),
        "created_at" | "updated_at" => Held::Time(now()),
        _ => Held::Null,
    });
    let mut made = made.unwrap();
    made.error_message = Some("it fails".to_owned());
    made.metadata = Some(JsonText::new(r#"{"a": 1, "b": {"c": "x", "d": null}}"#.to_owned()).unwrap());
    made
}

fn workflow() -> Workflow {
    let made = Workflow::of_values(|name| match name {
        "id" => Held::Integer(8),
        "remediation_id" => Held::Integer(7),
        "workflow_name" => Held::Text("restart-and-watch".into()),
        "phase" => Held::Text("executing".into()),
        "status" => Held::Text("running".into()),
        "start_time" => Held::Time(time("2026-02-28T10:00:00Z")),
        "step_count" => Held::Integer(3),
        "current_step" => Held::Integer(1),
        "recorded_by" => Held::Text("operator".into()),
        "created_at" | "updated_at" => Held::Time(now()),
        _ => Held::Null,
    });
    made.unwrap()
}

fn run(current: &Record, patch: &Value) -> Result<ValidUpdate, RefusedUpdate> {
    update(current, Json::parse(patch.to_string().as_bytes()).unwrap(), now(), Handling::Strict)
}

fn patched(patch: &Value) -> Result<ValidUpdate, RefusedUpdate> {
    run(&Record::Remediation(remediation()), patch)
}

/// What the record becomes, as JSON.
fn becomes(current: &Record, patch: &Value) -> Value {
    match run(current, patch).unwrap().update {
        RecordUpdate::Remediation(it) => json!({
            "phase": it.phase, "status": it.status, "end_time": it.end_time, "error_message": it.error_message,
            "metadata": it.metadata.map(|text| serde_json::from_str::<Value>(text.as_str()).unwrap()),
        }),
        RecordUpdate::Workflow(it) => json!({
            "phase": it.phase, "status": it.status, "end_time": it.end_time, "current_step": it.current_step,
        }),
    }
}

#[test]
fn what_is_not_sent_stays_and_null_removes() {
    let metadata = json!({ "a": 1, "b": { "c": "x", "d": null } });
    let same = json!({ "phase": "processing", "status": "running", "end_time": null, "error_message": "it fails",
                       "metadata": metadata });
    let with = |changes: Value| {
        let mut value = same.clone();
        value.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        value
    };
    let current = Record::Remediation(remediation());
    for (patch, changes) in [
        (json!({}), json!({})),
        (json!({ "error_message": null }), json!({ "error_message": null })),
        (json!({ "end_time": null }), json!({})),
        (json!({ "status": " failed " }), json!({ "status": "failed" })),
        (
            json!({ "phase": "completed", "status": "success", "end_time": "2026-02-28T10:00:01Z" }),
            json!({ "phase": "completed", "status": "success", "end_time": "2026-02-28T10:00:01.000000Z" }),
        ),
        (json!({ "metadata": { "a": null } }), json!({ "metadata": { "b": metadata["b"] } })),
        (
            json!({ "metadata": { "b": { "c": null, "e": [null] }, "f": { "g": null } } }),
            json!({ "metadata": { "a": 1, "b": { "d": null, "e": [null] }, "f": {} } }),
        ),
        (json!({ "metadata": { "b": 2 } }), json!({ "metadata": { "a": 1, "b": 2 } })),
        (json!({ "metadata": null }), json!({ "metadata": null })),
        (json!({ "metadata": {} }), json!({})),
    ] {
        assert_eq!(becomes(&current, &patch), with(changes), "{patch}");
    }
}

/// BR-STORAGE-010, F20: what is wrong with a patch is named, every field at once.
#[test]
fn each_kind_of_bad_patch_is_named() {
    for (patch, expected) in [
        (json!({ "phase": null, "status": null }), vec![("/phase", "required"), ("/status", "required")]),
        (json!({ "phase": "done" }), vec![("/phase", "invalid_value")]),
        (
            json!({ "name": "b", "start_time": null }),
            vec![("/name", "immutable_field"), ("/start_time", "immutable_field")],
        ),
        (json!({ "id": 1, "nmae": 2 }), vec![("/id", "unknown_field"), ("/nmae", "unknown_field")]),
        (json!({ "phase": "completed" }), vec![("/status", "status_required")]),
        (json!({ "end_time": "2026-02-28T09:59:59Z" }), vec![("/end_time", "out_of_range")]),
        (json!({ "end_time": "yesterday" }), vec![("/end_time", "invalid_value")]),
        (json!({ "metadata": "text" }), vec![("/metadata", "wrong_type")]),
        (json!({ "metadata": { "n": "\u{0}" } }), vec![("/metadata/n", "nul_character")]),
        (json!({ "error_message": "x".repeat(65_537) }), vec![("/error_message", "too_long")]),
        (json!([]), vec![("", "wrong_type")]),
    ] {
        let RefusedUpdate::Invalid(invalid) = patched(&patch).unwrap_err() else { panic!("{patch}") };
        let found: Vec<_> =
            invalid.errors().iter().map(|error| (error.pointer.as_str(), error.code)).collect();
        assert_eq!(found, expected, "{patch}");
    }
}

/// Limits hold for what the record becomes, not for the patch alone.
#[test]
fn limits_hold_after_merging() {
    let mut current = remediation();
    let half = "x".repeat(150 * 1024);
    current.metadata = JsonText::new(json!({ "half": half }).to_string()).ok();
    let current = Record::Remediation(current);
    let other_half = json!({ "metadata": { "other": half } });
    let RefusedUpdate::Invalid(invalid) = run(&current, &other_half).unwrap_err() else { panic!() };
    assert_eq!((invalid.errors()[0].pointer.as_str(), invalid.errors()[0].code), ("/metadata", "too_large"));
    run(&current, &json!({ "metadata": { "half": null, "other": half } })).unwrap();
}

/// F68, BR-STORAGE-011: what a patch brings is escaped and named; what was stored before is not named again.
#[test]
fn only_what_is_sent_is_escaped_and_named() {
    let patch =
        json!({ "error_message": "<script>x</script>", "metadata": { "a": "<img src=x onerror=y>" } });
    let valid = patched(&patch).unwrap();
    assert_eq!(valid.sanitized_fields, ["/error_message", "/metadata/a"]);
    assert_eq!(patched(&json!({ "metadata": { "z": "plain" } })).unwrap().sanitized_fields, [""; 0]);
}

#[test]
fn a_finished_record_and_a_step_back_are_refused() {
    let mut finished = remediation();
    (finished.phase, finished.status) = (Phase::Failed, Status::Failed);
    let finished = Record::Remediation(finished);
    assert_eq!(
        run(&finished, &json!({ "metadata": {} })).unwrap_err(),
        RefusedUpdate::Finished { phase: "failed".to_owned() }
    );
    // F43: it is not even looked at.
    let refused = run(&finished, &json!({ "metadata": 1, "nmae": 1 })).unwrap_err();
    assert_eq!(refused, RefusedUpdate::Finished { phase: "failed".to_owned() });
    let told = patched(&json!({ "phase": "pending" })).unwrap_err().to_string();
    assert_eq!(told, "phase cannot go back from processing to pending");
    let current = Record::Workflow(workflow());
    let told = run(&current, &json!({ "current_step": 0 })).unwrap_err().to_string();
    assert_eq!(told, "current_step cannot go back from 1 to 0");
    let told = run(&current, &json!({ "phase": "planning" })).unwrap_err().to_string();
    assert_eq!(told, "phase cannot go back from executing to planning");
}

#[test]
fn a_workflow_moves_within_its_steps() {
    let current = Record::Workflow(workflow());
    let done = json!({ "phase": "completed", "status": "success", "end_time": null, "current_step": 3 });
    assert_eq!(becomes(&current, &done), done);
    for (patch, pointer) in [
        (json!({ "current_step": 4 }), "/current_step"),
        (json!({ "current_step": null }), "/current_step"),
        (json!({ "step_count": 9 }), "/step_count"),
        (json!({ "metadata": {} }), "/metadata"),
    ] {
        let RefusedUpdate::Invalid(invalid) = run(&current, &patch).unwrap_err() else { panic!("{patch}") };
        assert_eq!(invalid.errors()[0].pointer, pointer, "{patch}");
    }
}

/// F43: each key of a patch is looked up, among however many.
#[test]
fn a_patch_of_many_keys_is_merged_like_any_other() {
    let keys = |count: usize, value: Value| -> Value {
        (0..count).map(|n| (format!("k{n}"), value.clone())).collect::<serde_json::Map<_, _>>().into()
    };
    let mut current = remediation();
    current.metadata = JsonText::new(keys(15_000, json!(1)).to_string()).ok();
    let current = Record::Remediation(current);
    let mut patch = keys(80_000, Value::Null);
    patch["k7"] = json!({ "kept": true });
    patch["more"] = json!("x");
    let after = becomes(&current, &json!({ "metadata": patch }));
    assert_eq!(after["metadata"], json!({ "k7": { "kept": true }, "more": "x" }));
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![Just(Value::Null), any::<i32>().prop_map(Value::from), "[a-z]{0,3}".prop_map(Value::from)]
}

fn document() -> impl Strategy<Value = Value> {
    let object = prop::collection::btree_map("[a-c]", leaf(), 0..4).prop_map(|map| json!(map));
    prop::collection::btree_map("[a-c]", prop_oneof![leaf(), object], 0..4).prop_map(|map| json!(map))
}

/// RFC 7396's own pseudocode, over another JSON type.
fn merge(target: Option<&Value>, patch: &Value) -> Value {
    let Some(changes) = patch.as_object() else { return patch.clone() };
    let mut merged = target.and_then(Value::as_object).cloned().unwrap_or_default();
    for (key, change) in changes {
        if change.is_null() {
            merged.remove(key);
        } else {
            let value = merge(merged.get(key), change);
            merged.insert(key.clone(), value);
        }
    }
    Value::Object(merged)
}

proptest! {
    #[test]
    fn metadata_is_merged_as_the_rfc_says(before in document(), patch in document()) {
        let mut current = remediation();
        current.metadata = JsonText::new(before.to_string()).ok();
        let after = becomes(&Record::Remediation(current), &json!({ "metadata": patch }));
        prop_assert_eq!(&after["metadata"], &merge(Some(&before), &patch));
    }

    /// Whatever is asked for, a phase never goes back and a finished record never changes.
    #[test]
    fn phases_only_go_forward(from in 0..4_usize, to in 0..4_usize, status in 0..5_usize) {
        let (from, to, status) = (Phase::ALL[from], Phase::ALL[to], Status::ALL[status]);
        let mut current = remediation();
        (current.phase, current.status) = (from, Status::Success);
        let outcome = run(&Record::Remediation(current), &json!({ "phase": to, "status": status }));
        let may = !from.is_finished() && to >= from && (!to.is_finished() || status.is_final());
        prop_assert_eq!(outcome.is_ok(), may);
    }
    /// So it is with a workflow, whose step never goes back either.
    #[test]
    fn workflows_only_go_forward(
        from in 0..WorkflowPhase::ALL.len(),
        to in 0..WorkflowPhase::ALL.len(),
        step in 1..5_i32,
        next in 1..5_i32,
        status in 0..Status::ALL.len(),
    ) {
        let (from, to, status) = (WorkflowPhase::ALL[from], WorkflowPhase::ALL[to], Status::ALL[status]);
        let mut current = workflow();
        (current.phase, current.status) = (from, Status::Success);
        (current.current_step, current.step_count) = (step, 5);
        let change = json!({ "phase": to, "status": status, "current_step": next });
        let outcome = run(&Record::Workflow(current), &change);
        let may = !from.is_finished() && to >= from && next >= step && (!to.is_finished() || status.is_final());
        prop_assert_eq!(outcome.is_ok(), may);
    }
}

/// Marks of values that are escaped, but for the name, which no update changes.
fn marks(pointers: &[&str]) -> Option<Alterations> {
    let what = |pointer: &str| if pointer == "/name" { Altered::Cleaned } else { Altered::Escaped };
    let alteration = |pointer: &&str| Alteration::new((*pointer).to_owned(), what(pointer));
    Alterations::of(pointers.iter().map(alteration).collect())
}

/// What becomes of the record, and what is told of it.
fn remediated(mut current: Remediation, patch: &Value) -> (Remediation, Vec<String>) {
    let ValidUpdate { update, sanitized_fields, .. } = run(&Record::Remediation(current.clone()), patch)
        .unwrap_or_else(|refused| panic!("{patch}: {refused}"));
    let RecordUpdate::Remediation(update) = update else { panic!("{patch}") };
    let RemediationUpdate { phase, status, end_time, error_message, metadata, alterations } = update;
    (current.phase, current.status, current.end_time) = (phase, status, end_time);
    (current.error_message, current.metadata, current.alterations) = (error_message, metadata, alterations);
    (current, sanitized_fields)
}

/// F68: a patch keeps the marks of what it leaves, takes those of what it replaces, and sets its own.
#[test]
fn alterations_follow_what_a_patch_replaces() {
    let text = "&lt;script&gt;";
    let metadata = json!({"a": text, "b": {"c": text, "d": [text, text], "e/f": text}}).to_string();
    let before =
        ["/name", "/error_message", "/metadata/a", "/metadata/b/c", "/metadata/b/d/1", "/metadata/b/e~1f"];
    let mut record = remediation();
    record.error_message = Some(text.to_owned());
    record.metadata = Some(JsonText::new(metadata).unwrap());
    record.alterations = marks(&before);
    let without = |taken: &[&str]| before.into_iter().filter(|it| !taken.contains(it)).collect::<Vec<_>>();
    for (patch, after, told) in [
        (json!({"status": "success"}), without(&[]), vec![]),
        (json!({"error_message": "new"}), without(&["/error_message"]), vec![]),
        (json!({"error_message": null}), without(&["/error_message"]), vec![]),
        (json!({"metadata": {}}), without(&[]), vec![]),
        (json!({"metadata": {"z": "new"}}), without(&[]), vec![]),
        (json!({"metadata": {"a": "x"}}), without(&["/metadata/a"]), vec![]),
        (json!({"metadata": {"a": {"c": 1}}}), without(&["/metadata/a"]), vec![]),
        (json!({"metadata": {"b": {"c": null}}}), without(&["/metadata/b/c"]), vec![]),
        (json!({"metadata": {"b": {"d": ["x", "y"]}}}), without(&["/metadata/b/d/1"]), vec![]),
        (json!({"metadata": {"b": {"d": {"2": "x"}}}}), without(&["/metadata/b/d/1"]), vec![]),
        (json!({"metadata": {"b": {"e/f": "new"}}}), without(&["/metadata/b/e~1f"]), vec![]),
        (json!({"metadata": {"b": "new"}}), vec!["/name", "/error_message", "/metadata/a"], vec![]),
        (json!({"metadata": null}), vec!["/name", "/error_message"], vec![]),
        (
            json!({"error_message": "a<script>b</script>", "metadata": {"a": "<script>b</script>"}}),
            without(&[]),
            vec!["/error_message", "/metadata/a"],
        ),
    ] {
        let (changed, sanitized_fields) = remediated(record.clone(), &patch);
        assert_eq!(changed.alterations, marks(&after), "{patch}");
        assert_eq!(sanitized_fields, told, "{patch}");
    }
}

/// F68: metadata that is marked as a whole is judged anew when a patch changes it, and left alone when none does.
#[test]
fn metadata_marked_as_a_whole_is_judged_anew() {
    let strings: Vec<_> = (0..101).map(|number| format!("&lt;script&gt;{number}")).collect();
    let mut record = remediation();
    record.metadata = JsonText::new(json!({"many": strings, "few": "a &lt; b"}).to_string()).ok();
    record.alterations = marks(&["/metadata"]);
    let stored = |record: &Remediation| record.metadata.as_ref().unwrap().as_str().to_owned();
    let (same, told) = remediated(record.clone(), &json!({"status": "success"}));
    assert_eq!((&same.alterations, stored(&same), told), (&record.alterations, stored(&record), vec![]));
    let (more, told) = remediated(record.clone(), &json!({"metadata": {"few": null, "new": "c < d"}}));
    assert_eq!((more.alterations.clone(), told), (marks(&["/metadata"]), vec!["/metadata".to_owned()]));
    assert!(stored(&more).contains("c &lt; d"), "{}", stored(&more));
    let (less, _) = remediated(record.clone(), &json!({"metadata": {"many": ["<script>"]}}));
    assert_eq!(less.alterations, marks(&["/metadata/many/0"]));
    assert_eq!(stored(&less), r#"{"few":"a < b","many":["&lt;script&gt;"]}"#);
    assert_eq!(remediated(record, &json!({"metadata": null})).0.alterations, None);
}

fn texts() -> impl Strategy<Value = Value> {
    let text = "(<script>|<b>|&lt;|&amp;|&|<|x|é){0,3}".prop_map(Value::from);
    let leaf = prop_oneof![6 => text, 1 => Just(Value::Null), 1 => Just(json!(1))];
    let inner = prop_oneof![
        3 => leaf.clone(),
        1 => prop::collection::vec(leaf.clone(), 0..4).prop_map(Value::from),
        2 => prop::collection::btree_map("[a-c/~]", leaf, 0..4).prop_map(|map| json!(map)),
    ];
    let many = (95..110_usize).prop_map(|count| json!(vec!["<script>"; count]));
    let value = prop_oneof![12 => inner, 1 => many];
    prop::collection::btree_map("[a-c/~]", value, 0..4).prop_map(|map| json!(map))
}

proptest! {
    /// F68: through any changes, the stored strings and the marks together say exactly what was sent.
    #[test]
    fn what_was_sent_comes_back_through_any_changes(
        patches in prop::collection::vec((texts(), prop::option::of("(<script>|&lt;|x){0,3}")), 1..5),
    ) {
        let mut current = remediation();
        (current.metadata, current.error_message) = (None, None);
        let (mut metadata, mut message) = (None, None);
        for (patch, text) in patches {
            let mut sent = json!({ "metadata": patch });
            metadata = Some(merge(metadata.as_ref(), &patch));
            if let Some(text) = text {
                sent["error_message"] = json!(text);
                message = Some(text);
            }
            current = remediated(current, &sent).0;
            let (marks, stored) = (current.alterations.as_ref(), current.metadata.as_ref().unwrap().to_json());
            let found = serde_json::to_value(sent_document(marks, "metadata", stored.clone())).unwrap();
            prop_assert_eq!(Some(&found), metadata.as_ref());
            let found = current.error_message.as_deref().map(|text| sent_text(marks, "error_message", text));
            prop_assert_eq!(found.as_deref(), message.as_deref());
            let again = serde_json::to_value(stored).unwrap();
            let mut bare = current.clone();
            (bare.alterations, bare.metadata) = (None, None);
            let (_, told) = remediated(bare, &json!({ "metadata": again }));
            prop_assert!(told.is_empty(), "twice is not once: {:?} {:?}", told, again);
        }
    }
}

/// What the service says of a record's origin is no client's to say, in a record as in a patch.
#[test]
fn a_record_s_origin_cannot_be_sent() {
    for field in ["recorded_by", "correlation_id", "alterations"] {
        for record_type in RecordType::ALL {
            let error = only_error(run_sent(record_type, &with(record_type, field, "x")));
            assert_eq!((error.pointer.as_str(), error.code), (format!("/{field}").as_str(), "unknown_field"));
            assert!(error.message.contains("set by the server"), "{}", error.message);
        }
        let refused = patched(&json!({field: "x"})).unwrap_err();
        assert!(refused.to_string().contains("set by the server"), "{refused}");
    }
}
