//! The model must be able to fail: each thing that can be wrong is shown to it.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use storage_models::RecordType;

use super::{
    Attempts, ChangeResult, Difference, Fields, Model, Outcome, Standing, Verdict, compare_index, text,
};

const T1: &str = "2026-01-01T00:00:00.000001Z";
const T2: &str = "2026-01-01T00:00:00.000002Z";
const T3: &str = "2026-01-01T00:00:00.000003Z";
const V1: i64 = 1_767_225_600_000_001;
const V2: i64 = V1 + 1;

fn fields(value: &Value) -> Fields {
    value.as_object().unwrap().clone()
}

fn sent(tag: &str) -> Fields {
    fields(&json!({ "remediation_request_id": tag, "name": "a", "phase": "pending", "metadata": { "n": 1 } }))
}

fn stored(tag: &str, id: i64, at: &str) -> Fields {
    let mut record = sent(tag);
    record.insert("id".to_owned(), id.into());
    record.insert("updated_at".to_owned(), at.into());
    record
}

/// A model of remediations that were sent one by one.
fn model(tags: &[&str]) -> Model {
    let mut model = Model::default();
    for tag in tags {
        model.sends(RecordType::Remediation, &[((*tag).to_owned(), sent(tag))]);
    }
    model
}

fn differences(model: &Model, store: &[Fields]) -> Vec<Difference> {
    let mut comparison = model.compare();
    store.iter().for_each(|record| comparison.see(RecordType::Remediation, record));
    comparison.finish()
}

#[test]
fn what_was_promised_is_no_difference() {
    let mut model = model(&["acknowledged", "refused", "stored-unseen", "never-arrived"]);
    model.stored("acknowledged", &stored("acknowledged", 1, T1));
    model.refused(&["refused".to_owned()]);
    let store = [stored("acknowledged", 1, T1), stored("stored-unseen", 2, T1)];
    assert_eq!(differences(&model, &store), []);
    assert_eq!(model.counts(), [("acknowledged", 1), ("refused", 1), ("unknown", 2)]);
}

#[test]
fn a_lost_record_is_seen() {
    let mut model = model(&["a"]);
    model.stored("a", &stored("a", 1, T1));
    let lost = Difference::Lost { kind: RecordType::Remediation, tag: "a".to_owned(), id: 1 };
    assert_eq!(differences(&model, &[]), [lost]);
}

#[test]
fn a_doubled_record_is_seen_also_when_nobody_knew_of_it() {
    let mut model = model(&["a", "b"]);
    model.stored("a", &stored("a", 1, T1));
    let store = [stored("a", 1, T1), stored("a", 2, T1), stored("b", 3, T1), stored("b", 4, T1)];
    let doubled = |tag: &str, ids: [i64; 2]| Difference::Doubled {
        kind: RecordType::Remediation,
        tag: tag.to_owned(),
        ids: ids.to_vec(),
    };
    assert_eq!(differences(&model, &store), [doubled("a", [1, 2]), doubled("b", [3, 4])]);
}

#[test]
fn phantoms_are_seen() {
    let mut model = model(&["refused"]);
    model.refused(&["refused".to_owned()]);
    let stranger = stored("stranger", 2, T1);
    let found = differences(&model, &[stored("refused", 1, T1), stranger.clone()]);
    let phantom = Difference::Phantom { kind: RecordType::Remediation, tag: "refused".to_owned(), id: 1 };
    assert_eq!(found, [Difference::Stranger { record: text(&stranger).into() }, phantom]);
}

#[test]
fn a_record_of_another_type_is_a_stranger() {
    let mut model = model(&["a"]);
    model.refused(&["a".to_owned()]);
    let mut comparison = model.compare();
    let record = fields(&json!({ "id": 1, "model": "a" }));
    comparison.see(RecordType::AiAnalysis, &record);
    assert_eq!(comparison.finish(), [Difference::Stranger { record: text(&record).into() }]);
}

#[test]
fn an_altered_field_is_seen_in_the_answer_and_in_the_store() {
    let altered = |record: &mut Fields| record.insert("name".to_owned(), "b".into());
    let expected = Difference::Altered {
        tag: "a".to_owned(),
        field: "name".to_owned(),
        expected: "a".into(),
        found: "b".into(),
    };
    let mut wrong = stored("a", 1, T1);
    altered(&mut wrong);

    let mut in_store = model(&["a"]);
    in_store.stored("a", &stored("a", 1, T1));
    assert_eq!(differences(&in_store, std::slice::from_ref(&wrong)), std::slice::from_ref(&expected));

    let mut in_answer = model(&["a"]);
    in_answer.stored("a", &wrong);
    assert_eq!(differences(&in_answer, std::slice::from_ref(&wrong)), std::slice::from_ref(&expected));

    let mut of_batch = model(&["a"]);
    of_batch.stored_as("a", 1);
    assert_eq!(differences(&of_batch, std::slice::from_ref(&wrong)), std::slice::from_ref(&expected));
    assert_eq!(differences(&model(&["a"]), &[wrong]), [expected], "an unknown caller is checked as well");
}

#[test]
fn another_id_is_seen() {
    let mut model = model(&["a"]);
    model.stored_as("a", 1);
    let moved = Difference::Moved { tag: "a".to_owned(), expected: 1, found: 2 };
    assert_eq!(differences(&model, &[stored("a", 2, T1)]), [moved]);
}

#[test]
fn half_a_batch_is_seen() {
    let mut model = Model::default();
    let batch = ["a", "b", "c"].map(|tag| (tag.to_owned(), sent(tag)));
    model.sends(RecordType::Remediation, &batch);
    let all = [stored("a", 1, T1), stored("b", 2, T1), stored("c", 3, T1)];
    assert_eq!(differences(&model, &[]), []);
    assert_eq!(differences(&model, &all), []);
    let [a, b, _] = &all;
    assert_eq!(
        differences(&model, &[a.clone(), b.clone()]),
        [Difference::Half { request: 1, stored: 2, of: 3 }]
    );
}

fn changed(tag: &str, at: &str) -> Fields {
    let mut record = stored(tag, 1, at);
    record.insert("phase".to_owned(), "processing".into());
    record.insert("metadata".to_owned(), json!({ "n": 1, "m": 2 }));
    record
}

fn patch() -> Fields {
    fields(&json!({ "phase": "processing", "metadata": { "m": 2 } }))
}

#[test]
fn an_acknowledged_change_must_be_there() {
    let mut model = model(&["a"]);
    model.stored("a", &stored("a", 1, T1));
    let number = model.changes("a", V1, &patch());
    model.changed("a", number, ChangeResult::Applied(text(&changed("a", T2))));
    assert_eq!(differences(&model, &[changed("a", T2)]), []);
    let found = differences(&model, &[stored("a", 1, T1)]);
    assert!(
        found.contains(&Difference::LostChange { tag: "a".to_owned(), known: V2, found: V1 }),
        "{found:?}"
    );
}

#[test]
fn an_unknown_change_may_be_there_as_a_whole() {
    let mut model = model(&["a"]);
    model.stored("a", &stored("a", 1, T1));
    let number = model.changes("a", V1, &patch());
    assert_eq!(differences(&model, &[stored("a", 1, T1)]), []);
    assert_eq!(differences(&model, &[changed("a", T2)]), []);
    let mut other = changed("a", T2);
    other.insert("phase".to_owned(), "failed".into());
    assert_eq!(differences(&model, &[other]).len(), 1);

    model.changed("a", number, ChangeResult::Refused);
    let found = differences(&model, &[changed("a", T2)]);
    assert!(
        found.contains(&Difference::StrangeChange { tag: "a".to_owned(), known: V1, found: V2 }),
        "{found:?}"
    );
}

#[test]
fn an_overwritten_change_is_seen() {
    let mut model = model(&["a"]);
    model.stored("a", &stored("a", 1, T1));
    for at in [T2, T3] {
        let number = model.changes("a", V1, &patch());
        model.changed("a", number, ChangeResult::Applied(text(&changed("a", at))));
    }
    let twice = Difference::ChangedTwice { tag: "a".to_owned(), base: V1 };
    assert_eq!(differences(&model, &[changed("a", T3)]), [twice]);
}

#[test]
fn a_change_that_its_answer_does_not_show_is_seen() {
    let mut model = model(&["a"]);
    model.stored("a", &stored("a", 1, T1));
    let number = model.changes("a", V1, &patch());
    let mut answer = changed("a", T2);
    answer.insert("metadata".to_owned(), json!({ "n": 1 }));
    model.changed("a", number, ChangeResult::Applied(text(&answer)));
    let found = differences(&model, &[answer]);
    assert!(
        matches!(found.as_slice(), [Difference::Altered { field, .. }] if field == "metadata"),
        "{found:?}"
    );
}

#[test]
fn an_index_that_differs_is_seen() {
    let stored = BTreeMap::from([(1, 10), (2, 20), (3, 30)]);
    let indexed = BTreeMap::from([(1, 10), (2, 19), (4, 40)]);
    let difference = |id, stored, indexed| Difference::Index { id, stored, indexed };
    let expected =
        [difference(2, Some(20), Some(19)), difference(3, Some(30), None), difference(4, None, Some(40))];
    assert_eq!(compare_index(&stored, &indexed), expected);
    assert_eq!(compare_index(&stored, &stored), []);
}

#[test]
fn what_attempts_leave_open_depends_on_the_key() {
    let again = Verdict::Again;
    let last = Verdict::Final;
    for (has_key, outcomes, verdict, given_up) in [
        (false, vec![Outcome::NotStored, Outcome::NotStored], again, Standing::Refused),
        (false, vec![Outcome::NotStored, Outcome::Unknown], last(Standing::Unknown), Standing::Unknown),
        (true, vec![Outcome::Unknown, Outcome::NotStored], again, Standing::Unknown),
        (true, vec![Outcome::InFlight], again, Standing::Unknown),
        (
            true,
            vec![Outcome::Unknown, Outcome::Acknowledged],
            last(Standing::Acknowledged),
            Standing::Unknown,
        ),
        (true, vec![Outcome::Unknown, Outcome::Refused], last(Standing::Refused), Standing::Unknown),
    ] {
        let mut attempts = Attempts::new(has_key);
        let verdicts: Vec<Verdict> = outcomes.iter().map(|outcome| attempts.after(*outcome)).collect();
        assert_eq!(
            (verdicts.last(), attempts.given_up()),
            (Some(&verdict), given_up),
            "{has_key} {outcomes:?}"
        );
    }
}
