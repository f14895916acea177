//! Injection strings through every parameter of every read route: inert or refused, and the tables stay as they are.

use std::collections::{BTreeMap, BTreeSet};

use diesel::sql_types::Text;
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _};
use reqwest::Method;
use reqwest::header::{HeaderName, HeaderValue, IF_NONE_MATCH};

use super::values::Kind;
use super::{ONE_OF, Route, each, form, is_taken, refused, routes, service};
use crate::support::{Answer, Service};

/// Every string of the list that the tests share, with what it is tried against.
pub(crate) fn strings() -> Vec<String> {
    let groups: BTreeMap<String, Vec<String>> =
        serde_json::from_str(include_str!("../../data/injection.json")).unwrap();
    groups.into_values().flatten().collect()
}

/// Longest text of a filter or a search, in characters.
const LONGEST: usize = 1_000;
/// Longest key of metadata, in characters.
const LONGEST_KEY: usize = 255;

/// What a request with a string in it may answer.
enum Expected {
    /// The string is a text like any other.
    Taken,
    /// Each of these parameters refuses it.
    Refused(BTreeSet<String>),
}

/// BR-STORAGE-011, BR-STORAGE-013: a string in a parameter is compared or refused. It changes no row, no table and no
/// function, and makes nothing fail.
#[tokio::test(flavor = "multi_thread")]
async fn no_parameter_acts_as_sql() {
    let service = service().await;
    let routes = routes(&service).await;
    let strings = strings();
    let before = fingerprint(&service).await;
    let requests = routes.iter().map(|route| {
        strings
            .iter()
            .flat_map(|string| {
                let texts = in_texts(route, string);
                texts.into_iter().chain(in_others(route, string)).chain(as_key(route, string))
            })
            .collect()
    });
    let count = each(&service, requests.collect(), |expected: &Expected, answer| match expected {
        Expected::Taken => is_taken(answer),
        Expected::Refused(names) => {
            let found: BTreeSet<String> = refused(answer)?.into_iter().map(|(name, _)| name).collect();
            if found == *names { Ok(()) } else { Err(format!("{found:?}, not {names:?}")) }
        }
    })
    .await;
    assert!(count > 8_000, "{count}");
    assert_eq!(fingerprint(&service).await, before);
    let log = service.process.logs();
    assert!(!log.contains("\"level\":\"ERROR\"") && !log.contains("panicked"), "{log}");
}

/// Parameters that have the string at once: with all of a route, a long string makes a URL that no client sends.
const AT_ONCE: usize = 16;

/// The string in all texts of the route, some at once.
fn in_texts(route: &Route, string: &str) -> Vec<(String, Expected)> {
    let texts = route.parameters.iter().filter(|it| it.kind.is_text()).map(|it| it.name.as_str());
    let texts: Vec<&str> = texts.collect();
    texts.chunks(AT_ONCE).map(|names| in_some_texts(route, names, string)).collect()
}

fn in_some_texts(route: &Route, names: &[&str], string: &str) -> (String, Expected) {
    let query: Vec<String> = names.iter().map(|name| form(name, string)).collect();
    let is_text = |text: &str| text.chars().count() <= LONGEST && !text.contains('\0');
    // Filters are lists: what stands between commas is judged alone.
    let refuses = |name: &&str| match Kind::of(name) {
        Kind::Question => !is_text(string) || string.trim().is_empty(),
        _ => !string.split(',').all(is_text),
    };
    let mut refusing: BTreeSet<String> =
        names.iter().filter(|name| refuses(name)).map(|name| (*name).to_owned()).collect();
    // Where one text is wanted of several parameters, and each of them has a list.
    let wanted = ONE_OF.iter().find(|(path, _)| *path == route.path).map_or(&[][..], |(_, wanted)| *wanted);
    // A comma behind a backslash belongs to the text.
    let is_list = string.replace("\\,", "").contains(',');
    let are_lists = !wanted.is_empty() && is_list && wanted.iter().all(|it| names.contains(it));
    if are_lists && refusing.is_empty() {
        refusing.extend(wanted.last().map(|name| (*name).to_owned()));
    }
    let expected = if refusing.is_empty() { Expected::Taken } else { Expected::Refused(refusing) };
    (route.with(&query.join("&"), names), expected)
}

/// The string in all others, some at once, and as the name of a parameter: each refuses it, all in one answer.
fn in_others(route: &Route, string: &str) -> Vec<(String, Expected)> {
    let others = route.parameters.iter().filter(|it| !it.kind.is_text()).map(|it| it.name.as_str());
    let others: Vec<&str> = others.collect();
    let in_some = |names: &[&str]| {
        let mut query: Vec<String> = names.iter().map(|name| form(name, string)).collect();
        query.push(form(string, "x"));
        let unknown: String = string.chars().take(100).collect();
        let refusing = names.iter().map(|name| (*name).to_owned()).chain([unknown]).collect();
        (route.with(&query.join("&"), names), Expected::Refused(refusing))
    };
    match others.is_empty() {
        true => vec![in_some(&[])],
        false => others.chunks(AT_ONCE).map(in_some).collect(),
    }
}

/// The string as a key of metadata.
fn as_key(route: &Route, string: &str) -> Option<(String, Expected)> {
    route.get("metadata.reason")?;
    let is_key = string.chars().count() <= LONGEST_KEY && !string.chars().any(char::is_control);
    let refusing = BTreeSet::from(["metadata".to_owned()]);
    let expected = if is_key { Expected::Taken } else { Expected::Refused(refusing) };
    Some((route.with(&form(&format!("metadata.{string}"), "x"), &[]), expected))
}

/// The same through the path and the headers: no record has such a number, and no header makes a difference.
#[tokio::test(flavor = "multi_thread")]
async fn no_path_and_no_header_acts_as_sql() {
    let service = service().await;
    let routes = routes(&service).await;
    let before = fingerprint(&service).await;
    let strings = strings();
    let of_one = || routes.iter().filter_map(|route| Some((route, route.around_id.as_ref()?)));
    let requests = of_one().map(|(_, (start, end))| {
        strings.iter().map(|string| (format!("{start}{}{end}", escaped(string)), ())).collect()
    });
    each(&service, requests.collect(), |(), answer| {
        if answer.status == 404 { Ok(()) } else { Err(format!("{} {}", answer.status, answer.text)) }
    })
    .await;
    let headers =
        [IF_NONE_MATCH, HeaderName::from_static("x-correlation-id"), HeaderName::from_static("traceparent")];
    for (route, _) in of_one() {
        for string in &strings {
            let Ok(value) = HeaderValue::from_bytes(string.as_bytes()) else { continue };
            let url = format!("{}{}", service.process.url(), route.path);
            let request = headers
                .iter()
                .fold(service.client.request(Method::GET, url), |request, name| request.header(name, &value));
            let answer = Answer::of(request.send().await.unwrap()).await;
            // `*` is any version, hence the one that is there.
            assert_eq!(answer.status, if string == "*" { 304 } else { 200 }, "{string}: {answer:?}");
            assert!(!answer.headers.contains_key("x-injected"), "{answer:?}");
        }
    }
    assert_eq!(fingerprint(&service).await, before);
}

/// A segment of a path; dots too, which a client would resolve by itself.
fn escaped(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric();
    text.bytes()
        .map(|byte| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// One line for each table, with its rows, and for each relation, column, function and trigger.
async fn fingerprint(service: &Service) -> Vec<String> {
    let mut connection = service.database.connect().await.unwrap();
    let mut found = lines(&mut connection, CATALOGUE).await;
    assert!(found.len() > 50, "{} lines", found.len());
    let tables = lines(&mut connection, TABLES).await;
    assert!(tables.len() > 6, "{tables:?}");
    for table in tables {
        let rows = format!(
            "SELECT '{table} ' || count(*) || ' ' || md5(coalesce(string_agg(t::text, E'\\n' ORDER BY t::text), '')) AS line
             FROM {table} AS t"
        );
        found.extend(lines(&mut connection, &rows).await);
    }
    found
}

async fn lines(connection: &mut AsyncPgConnection, query: &str) -> Vec<String> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        line: String,
    }
    let rows: Vec<Row> = sql_query(query).load(connection).await.unwrap();
    rows.into_iter().map(|row| row.line).collect()
}

/// Partitions are left out, whose rows are their tables'. So are the counters, which a job folds: of them the sum
/// stays the same.
const TABLES: &str = "
    SELECT oid::regclass::text AS line FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
        AND relname NOT LIKE 'remediation\\_count%'
    ORDER BY 1";

/// Without partitions, which the service makes ahead by itself.
const CATALOGUE: &str = "
    SELECT 'counted ' || sum(records) AS line
    FROM (SELECT records FROM remediation_count UNION ALL SELECT records FROM remediation_count_delta) AS counters
    UNION ALL
    SELECT 'relation ' || relkind::text || ' ' || relname || ' ' || coalesce(relacl::text, '')
    FROM pg_class WHERE relnamespace = 'public'::regnamespace AND NOT relispartition
    UNION ALL
    SELECT 'column ' || attrelid::regclass || ' ' || attname || ' ' || atttypid::regtype
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition AND attnum > 0
    UNION ALL
    SELECT 'function ' || pg_proc.oid::regprocedure || ' ' || md5(prosrc || coalesce(prosqlbody::text, ''))
    FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL
    SELECT 'trigger ' || tgname FROM pg_trigger WHERE tgparentid = 0 AND NOT tgisinternal
        AND tgrelid IN (SELECT oid FROM pg_class WHERE NOT relispartition)
    ORDER BY 1";
