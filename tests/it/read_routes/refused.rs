//! F19, F20: what cannot be used is refused by name, and nothing is ignored.

use std::collections::BTreeSet;

use super::values::{Kind, UNDECODABLE, bad, both_forms, misspelt};
use super::{Parameter, Route, each, form, is_taken, refused, refuses_only, routes, service};

/// What must be refused: the parameter and the code.
type Refusal = (String, &'static str);

/// F19, BR-STORAGE-010: each parameter of each route refuses what is no value of it, and is named.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_value_is_refused_by_the_name_of_its_parameter() {
    let service = service().await;
    let routes = routes(&service).await;
    let requests = routes.iter().map(|route| {
        let parameters = route.parameters.iter();
        parameters.flat_map(|parameter| bad_requests(route, parameter)).collect()
    });
    let count = each(&service, requests.collect(), |(name, code): &Refusal, answer| {
        let errors = refused(answer)?;
        let is_meant =
            errors.iter().all(|(found, _)| found == name) && errors.iter().any(|(_, found)| found == code);
        if is_meant { Ok(()) } else { Err(format!("{errors:?}, not {name} {code}")) }
    })
    .await;
    assert!(count > 4_000, "{count}");
}

fn bad_requests(route: &Route, parameter: &Parameter) -> Vec<(String, Refusal)> {
    let name = parameter.name.as_str();
    let bad = bad(parameter).into_iter().map(|(value, code)| (form(name, &value), code));
    let undecodable = UNDECODABLE.iter().map(|value| (format!("{name}={value}"), "invalid_encoding"));
    let mut queries: Vec<(String, &str)> = bad.chain(undecodable).collect();
    let good = form(name, &parameter.good);
    if parameter.kind == Kind::Cursor {
        queries.push((format!("{name}=AQ&{name}=AQ"), "repeated"));
    } else if parameter.kind.is_single() {
        queries.push((format!("{good}&{good}"), "repeated"));
        queries.push((both_forms(name, &parameter.good).join("&"), "repeated"));
    } else {
        queries.push((vec![good; 101].join("&"), "too_many_values"));
    }
    let given = [name];
    queries.into_iter().map(|(query, code)| (route.with(&query, &given), (name.to_owned(), code))).collect()
}

/// F20: a name that is no parameter of the route is refused by that name: misspelt ones, those of other routes, and
/// those that only a database or another interface would know.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_parameter_is_refused_by_its_name() {
    let service = service().await;
    let routes = routes(&service).await;
    let everywhere: BTreeSet<&str> = routes.iter().flat_map(Route::names).collect();
    let strangers =
        ["nonsense", "id", "embedding", "page", "per_page", "order", "order_by", "fields", "filter", "where"]
            .into_iter()
            .chain([
                "consistency",
                "created_at",
                "updated_at",
                "duration_ms",
                "error_message",
                "$filter",
                "_",
                "a.b",
                "*",
            ])
            .chain(everywhere.iter().copied());
    let strangers: BTreeSet<&str> = strangers.collect();
    let requests = routes.iter().map(|route| {
        let strange = strangers.difference(&route.names()).map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let misspelt = route.parameters.iter().flat_map(misspelt).filter(|it| route.get(it).is_none());
        let named = strange
            .into_iter()
            .chain(misspelt)
            .map(|name| (route.with(&form(&name, "1"), &[]), (name, "unknown_parameter")));
        let broken = ["li%ffmit", "%", "%zz"]
            .map(|name| (route.with(&format!("{name}=1"), &[]), (name.to_owned(), "invalid_encoding")));
        named.chain(broken).collect()
    });
    let count =
        each(&service, requests.collect(), |(name, code): &Refusal, answer| refuses_only(answer, name, code))
            .await;
    assert!(count > 2_000, "{count}");
}

/// What the description shows is taken, each parameter alone and all together, in either form.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_description_shows_is_taken() {
    let service = service().await;
    let routes = routes(&service).await;
    let requests = routes.iter().map(|route| {
        let usable = || route.parameters.iter().filter(|it| it.kind != Kind::Cursor);
        let alone = usable().flat_map(|parameter| {
            let forms = both_forms(&parameter.name, &parameter.good);
            // A trend from then to the present may have too many buckets, and what has only an end no beginning.
            let beside = match parameter.name.as_str() {
                "since" => "&until=2027-01-01",
                "created_until" => "&created_since=31d",
                "updated_until" => "&updated_since=31d",
                _ => "",
            };
            forms.map(|query| (route.with(&(query + beside), &[&parameter.name]), ()))
        });
        let all: Vec<String> = usable().map(|it| form(&it.name, &it.good)).collect();
        let names: Vec<&str> = usable().map(|it| it.name.as_str()).collect();
        alone.chain([(route.with(&all.join("&"), &names), ())]).collect()
    });
    each(&service, requests.collect(), |(), answer| is_taken(answer)).await;
}

/// F19: ranges that end before they begin name their beginning, on every route that has them.
#[tokio::test]
async fn a_range_that_ends_before_it_begins_is_refused_by_its_beginning() {
    let service = service().await;
    let routes = routes(&service).await;
    let ranges = [
        (
            "since",
            "until",
            &[
                ("2026-02-01", "2026-01-01"),
                ("1h", "2h"),
                ("1d", "2026-01-01T00:00:00.5+02:00"),
                ("9999-12-31", "0s"),
            ][..],
        ),
        ("created_since", "created_until", &[("1h", "2h"), ("1d", "1w")]),
        ("updated_since", "updated_until", &[("1h", "1h30m")]),
        ("min_duration", "max_duration", &[("2s", "1s"), ("2h", "90s"), ("1001ms", "1s")]),
    ];
    let requests = routes.iter().map(|route| {
        let has = |name| route.get(name).is_some();
        let ranges = ranges.iter().filter(|(from, to, _)| has(from) && has(to));
        let cases = ranges.flat_map(|(from, to, cases)| {
            cases.iter().flat_map(move |(begin, end)| {
                let [begin, end] = [form(from, begin), form(to, end)];
                [format!("{begin}&{end}"), format!("{end}&{begin}")]
                    .map(|query| (route.with(&query, &[]), *from))
            })
        });
        cases.collect()
    });
    let count =
        each(&service, requests.collect(), |name: &&str, answer| refuses_only(answer, name, "out_of_range"))
            .await;
    assert!(count > 130, "{count}");
}

/// Keys of metadata are whatever a JSON object may be keyed by, and are compared as they are; what no stored key can
/// hold is refused.
#[tokio::test]
async fn keys_of_metadata_are_taken_as_they_are_or_refused() {
    let service = service().await;
    let odd = [
        "a.b",
        "run book",
        "a=b",
        "a&b",
        "a,b",
        "a\\,b",
        "o'$1\"} k,=",
        "$.a",
        "->>",
        "%",
        "%00",
        "#",
        "?",
        "+",
        "/",
        "\\",
        "'; DROP TABLE remediation_audit; --",
        "ключ",
        "鍵",
        "🔑",
        "e\u{301}",
        "metadata.",
        "constructor",
        "0",
    ];
    let long = "k".repeat(255);
    for key in odd.into_iter().chain([long.as_str()]) {
        let mut body = crate::support::remediation("keyed");
        body["metadata"] = serde_json::json!({ key: "v" });
        let id = service.post("remediation", &body).await.expect(201).json()["id"].clone();
        let path = format!("/api/v1/audit/remediation?{}", form(&format!("metadata.{key}"), "v"));
        let page = service.get(&path).await.expect(200).json();
        assert_eq!(page["pagination"]["total"], 1, "{path}");
        assert_eq!(page["data"][0]["id"], id, "{path}");
    }
    let routes = routes(&service).await;
    let keyed = routes.iter().filter(|route| route.get("metadata.reason").is_some());
    let requests = keyed.map(|route| {
        let keys = [
            ("a\0b".to_owned(), "forbidden_character"),
            ("a\nb".to_owned(), "forbidden_character"),
            ("\u{1b}[31m".to_owned(), "forbidden_character"),
            ("a\u{85}".to_owned(), "forbidden_character"),
            ("k".repeat(256), "too_long"),
            ("é".repeat(256), "too_long"),
        ];
        let one = keys.map(|(key, code)| (route.with(&form(&format!("metadata.{key}"), "v"), &[]), code));
        let many: Vec<String> = (0..11).map(|n| form(&format!("metadata.k{n}"), "v")).collect();
        one.into_iter().chain([(route.with(&many.join("&"), &[]), "too_many_values")]).collect()
    });
    let count =
        each(&service, requests.collect(), |code: &&str, answer| refuses_only(answer, "metadata", code))
            .await;
    assert!(count >= 9 * 7, "{count}");
}
