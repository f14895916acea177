//! What the composed text holds, and what it leaves out.

use super::{RecordText, compose, compose_query, incident_key};
use proptest::prelude::*;
use storage_models::{Alteration, Alterations, Altered};

const RECORD: RecordText<'_> = RecordText {
    name: "rr-20260314-001",
    action_type: "restart-pod",
    target_name: Some("checkout-api-7d9f8b6c5-x2x4z"),
    phase: "completed",
    status: "success",
    alert_name: Some("KubePodCrashLooping"),
    severity: Some("critical"),
    error_message: Some("back-off 5m0s restarting failed container=checkout-api"),
    metadata: Some(r#"{"reason": "CrashLoopBackOff", "message": "PVC is 97% full", "count": 3}"#),
    alterations: None,
};

#[test]
fn the_values_that_carry_meaning_are_split_and_joined_in_the_measured_order() {
    assert_eq!(
        compose(&RECORD),
        "kube pod crash looping, crash loop back off, back off 5m0s restarting failed container checkout api, \
         persistent volume claim is 97 full, restart pod, checkout api"
    );
}

/// The cache depends on it: what differs from run to run of the same incident is not in the text.
#[test]
fn records_of_the_same_incident_on_another_pod_have_the_same_text() {
    let other = RecordText {
        name: "rr-20260315-044",
        target_name: Some("checkout-api-6c4d7f9b8-q9q7w"),
        phase: "failed",
        status: "failed",
        ..RECORD
    };
    assert_eq!(compose(&other), compose(&RECORD));
}

/// The SHA-256 of "kube pod crash looping, crash loop back off, back off 5m0s restarting failed container checkout api,
/// persistent volume claim is 97 full", as sha256sum gives it.
#[test]
fn an_incident_is_the_text_without_action_and_target() {
    assert_eq!(incident_key(&RECORD).to_string(), "9968905324be973f44d73b59eed8f3e0");
}

/// Records that say nothing of an incident are one each.
#[test]
fn records_without_an_incident_are_told_apart_by_their_names() {
    let key = |name, action_type| incident_key(&RecordText { name, action_type, ..RecordText::default() });
    assert_eq!(key("node-a", "drain"), key("node-a", "reboot"));
    assert_ne!(key("node-a", "drain"), key("node-b", "drain"));
}

#[test]
fn a_record_with_nothing_but_a_name_has_its_words_as_text() {
    let name = |name| compose(&RecordText { name, ..RecordText::default() });
    assert_eq!(name("NodeReboot-prod-0"), "node reboot prod");
    assert_eq!(name(" 3f2504e0-4f89-11d3-9a0c-0305e82c3301 "), "3f2504e0-4f89-11d3-9a0c-0305e82c3301");
}

#[test]
fn metadata_that_is_no_object_or_holds_no_strings_is_passed_over() {
    for metadata in [None, Some("[1, 2]"), Some("rubbish"), Some(r#"{"reason": 7, "message": ["a"]}"#)] {
        let record = RecordText { action_type: "drain-node", metadata, ..RecordText::default() };
        assert_eq!(compose(&record), "drain node", "{metadata:?}");
    }
}

fn of_error(error: &str) -> String {
    compose(&RecordText { name: "n", error_message: Some(error), ..RecordText::default() })
}

/// F64: the root cause of a trace stands at its end, behind the frames.
#[test]
fn a_long_trace_is_told_by_its_first_lines_its_root_cause_and_its_last_lines() {
    let frames = "\tat org.example.Worker.run(Worker.java:7)\n".repeat(400);
    let trace = |end: &str| {
        format!(
            "java.lang.IllegalStateException: cannot start\n{frames}Caused by: io.Outer: first\n{frames}{end}"
        )
    };
    let cause = "Caused by: java.net.ConnectException: zanzibar refused\n\t... 23 more\n";
    let expected = "java lang illegal state exception cannot start caused by io outer first \
                    caused by java net connect exception zanzibar refused";
    assert_eq!(of_error(&trace(cause)), expected);
    // What is no frame leaves room for parts of it alone.
    let told =
        of_error(&format!("{}{cause}{}the very end", trace("goes on.\n").repeat(3), "retrying. ".repeat(60)));
    assert!(told.starts_with("java lang illegal state exception cannot start"), "{told}");
    assert!(
        told.contains("java net connect exception zanzibar refused") && told.ends_with("the very end"),
        "{told}"
    );
    assert!(told.chars().count() <= 502, "{told}");
}

#[test]
fn a_text_of_512_characters_is_taken_as_it_is_and_a_longer_one_by_its_ends() {
    let whole = "ü".repeat(512);
    assert_eq!(of_error(&whole), whole);
    let longer = format!("{}{}{}", "a".repeat(200), "ü".repeat(200), "z".repeat(150));
    assert_eq!(of_error(&longer), format!("{} {}", "a".repeat(200), "z".repeat(150)));
}

/// F68: what was escaped to be stored safely is embedded as it was sent.
#[test]
fn escaped_values_are_read_as_they_were_sent() {
    let plain = RecordText {
        error_message: Some("List<Object> &amp; <script>"),
        metadata: Some(r#"{"message": "a < b"}"#),
        ..RecordText::default()
    };
    let stored = RecordText {
        error_message: Some("List&lt;Object&gt; &amp;amp; &lt;script&gt;"),
        metadata: Some(r#"{"message": "a &lt; b"}"#),
        ..plain
    };
    let named = |pointers: &[&str]| {
        let alteration = |pointer: &&str| Alteration::new((*pointer).to_owned(), Altered::Escaped);
        Alterations::of(pointers.iter().map(alteration).collect())
    };
    for pointers in [["/error_message", "/metadata/message"], ["/error_message", "/metadata"]] {
        let alterations = named(&pointers);
        assert_eq!(compose(&RecordText { alterations: alterations.as_ref(), ..stored }), compose(&plain));
    }
    let others = named(&["/metadata/reason"]);
    assert_ne!(compose(&RecordText { alterations: others.as_ref(), ..stored }), compose(&plain));
}

#[test]
fn a_query_is_split_like_a_record_and_kept_when_nothing_is_left_of_it() {
    let table = [
        ("KubePodCrashLooping on  checkout-api", "kube pod crash looping on checkout api"),
        ("HPA at its limit", "horizontal pod autoscaler at its limit"),
        ("  10.0.3.12 ", "10.0.3.12"),
        ("🚀  🚀", "🚀 🚀"),
    ];
    for (query, text) in table {
        assert_eq!(compose_query(query), text);
    }
}

proptest! {
    /// What was done, to what and with which outcome is no part of an incident; the alert is.
    #[test]
    fn an_incident_depends_on_what_happened_alone(
        alert in "[A-Z][a-z]{1,12}", other in "[A-Z][a-z]{1,12}", error in ".{0,60}",
        action in ".{0,30}", target in proptest::option::of(".{0,30}"), phase in ".{0,10}", status in ".{0,10}",
        severity in proptest::option::of(".{0,10}"),
    ) {
        let record = RecordText {
            name: "n", alert_name: Some(&alert), error_message: Some(&error), action_type: "restart",
            target_name: Some("pod"), phase: "pending", status: "pending", severity: Some("low"), metadata: None, alterations: None,
        };
        let treated = RecordText {
            action_type: &action, target_name: target.as_deref(), phase: &phase, status: &status,
            severity: severity.as_deref(), ..record
        };
        prop_assert_eq!(incident_key(&treated), incident_key(&record));
        let elsewhere = RecordText { alert_name: Some(&other), ..record };
        let same = super::split_identifier(&alert) == super::split_identifier(&other);
        prop_assert_eq!(incident_key(&elsewhere) == incident_key(&record), same);
    }

    #[test]
    fn a_named_record_never_has_an_empty_text(name in "[a-z0-9-]{1,30}", error in ".{0,40}") {
        let record = RecordText { name: &name, error_message: Some(&error), ..RecordText::default() };
        prop_assert!(!compose(&record).is_empty());
    }
}
