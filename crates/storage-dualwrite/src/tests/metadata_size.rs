//! How large metadata becomes in PostgreSQL.

use diesel::QueryableByName;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Text};
use diesel_async::RunQueryDsl;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use storage_models::{Json, JsonText};
use storage_testkit::TestDatabase;

const DOCUMENTS: usize = 2_000;

const MEASURED: &str = "SELECT octet_length(document::jsonb::text)::bigint AS n \
    FROM unnest($1) WITH ORDINALITY AS sent (document, place) ORDER BY place";

#[derive(QueryableByName)]
struct Measured {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

fn any_number() -> impl Strategy<Value = Json> {
    "-?(0|[1-9][0-9]{0,20})([.][0-9]{1,12})?([eE][-+]?[0-9]{1,3})?".prop_map(Json::Number)
}

fn any_document() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        1 => Just(Json::Null),
        1 => any::<bool>().prop_map(Json::Bool),
        8 => any_number(),
        4 => "[^\\x00]{0,8}".prop_map(Json::String),
        2 => "[\\x01-\\x7f]{0,8}".prop_map(Json::String),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Json::Array),
            prop::collection::btree_map("[^\\x00]{0,4}", inner, 0..5)
                .prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    })
}

/// What is kept of any documents, as text, with what each is measured at.
fn documents() -> (Vec<String>, Vec<i64>) {
    let (strategy, mut runner) = (any_document(), TestRunner::default());
    let texts = (0..DOCUMENTS).map(|_| {
        let document = strategy.new_tree(&mut runner).unwrap().current();
        JsonText::try_from(&document).unwrap().as_str().to_owned()
    });
    texts
        .filter_map(|text| {
            let parsed = Json::parse(text.as_bytes()).unwrap();
            let bytes = i64::try_from(parsed.value.stored_bytes()).unwrap();
            parsed.faults.is_empty().then_some((text, bytes))
        })
        .unzip()
}

/// F41: metadata is measured at what PostgreSQL gives back, byte for byte, and PostgreSQL takes all that is kept.
#[tokio::test]
async fn metadata_is_measured_as_postgres_gives_it_back() {
    let (texts, measured) = documents();
    assert!(texts.len() > DOCUMENTS / 4, "too few of the documents are kept: {}", texts.len());
    let database = TestDatabase::create().await.unwrap();
    let mut connection = database.connect().await.unwrap();
    let query = sql_query(MEASURED).bind::<Array<Text>, _>(&texts);
    let stored: Vec<Measured> = query.load(&mut connection).await.unwrap();
    assert_eq!(stored.len(), texts.len());
    for ((text, measured), stored) in texts.iter().zip(measured).zip(stored) {
        assert_eq!(measured, stored.n, "{text}");
    }
}
