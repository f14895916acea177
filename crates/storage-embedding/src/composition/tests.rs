//! What the composed text holds, and what it leaves out.

use super::{RecordText, compose, compose_query};
use proptest::prelude::*;

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

#[test]
fn of_an_error_message_the_first_512_characters_count() {
    let message = format!("{}cut here", "ü".repeat(512));
    let record = RecordText { error_message: Some(&message), ..RecordText::default() };
    assert_eq!(compose(&record), "ü".repeat(512));
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
    #[test]
    fn a_named_record_never_has_an_empty_text(name in "[a-z0-9-]{1,30}", error in ".{0,40}") {
        let record = RecordText { name: &name, error_message: Some(&error), ..RecordText::default() };
        prop_assert!(!compose(&record).is_empty());
    }
}
