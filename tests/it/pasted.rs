//! What operators paste: names from kubectl, lines of logs, alerts as Alertmanager sends them, half words, other scripts,
//! composed and decomposed letters, quotes. Each is written and asked for as it stands, and answered as its reader expects.

use reqwest::Url;
use serde_json::{Value, json};

use crate::support::{Answer, Service, remediation};

/// What is written into a namespace of its own, beside a record that has nothing in common with it.
struct Case {
    what: &'static str,
    /// Members of the record besides those that each must have.
    record: Value,
    /// What is stored at these places; everything else is stored as it is sent.
    stored: &'static [(&'static str, &'static str)],
    /// Query strings by name and value, and what is expected of each. One with `q` is a search by words, any other a list.
    asked: &'static [(&'static [(&'static str, &'static str)], Expected)],
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Expected {
    /// The record and nothing else.
    Found,
    Nothing,
    /// 400, with these words in the message.
    Refused(&'static str),
}

use Expected::{Found, Nothing, Refused};

macro_rules! case {
    ($what:literal, $record:tt, $([$($name:literal : $value:expr),+] => $expected:expr),+ $(,)?) => {
        case!($what, $record, stored [], $([$($name : $value),+] => $expected),+)
    };
    ($what:literal, $record:tt, stored [$($stored:expr),*], $([$($name:literal : $value:expr),+] => $expected:expr),+ $(,)?) => {
        Case {
            what: $what,
            record: json!($record),
            stored: &[$($stored),*],
            asked: &[$((&[$(($name, $value)),+], $expected)),+],
        }
    };
}

fn names_from_kubectl() -> Vec<Case> {
    vec![
        case!("a pod's name, whole", { "target_name": "checkout-6d5f8b7c9d-x2x4z" },
            ["target_name": "checkout-6d5f8b7c9d-x2x4z"] => Found,
            ["q": "checkout-6d5f8b7c9d-x2x4z"] => Found),
        case!("a pod's name without its hashes", { "target_name": "checkout-6d5f8b7c9d-x2x4z" },
            ["q": "checkout"] => Found),
        case!("a name as `kubectl get -o name` prints it", { "target_name": "deployment.apps/checkout" },
            ["target_name": "deployment.apps/checkout"] => Found,
            ["q": "deployment.apps/checkout"] => Found),
        case!("a pod's name with the kind before it", { "error_message": "Evicted pod checkout-7d9f8b6c5-abcde: node low on memory" },
            ["q": "pod/checkout-7d9f8b6c5-abcde"] => Found),
        case!("a column of kubectl with the spaces around it", { "environment": "production" },
            ["environment": "   production  "] => Found),
        case!("the newline behind a copied line", { "alert_name": "KubePodNotReady" },
            ["alert_name": "KubePodNotReady\n"] => Found,
            ["q": "KubePodNotReady\n"] => Found),
        case!("two names with a comma and a space", { "cluster": "eu-west-1" },
            ["cluster": "us-east-1, eu-west-1"] => Found),
        case!("a node's name", { "target_name": "ip-10-0-3-17.eu-central-1.compute.internal" },
            ["q": "ip-10-0-3-17.eu-central-1.compute.internal"] => Found,
            ["target_name": "ip-10-0-3-17.eu-central-1.compute.internal"] => Found),
        case!("an image with its tag", { "error_message": "Failed to pull image \"images.example.com/team/api:v1.2.3\": not found" },
            ["q": "images.example.com/team/api:v1.2.3"] => Found),
        case!("a label selector", { "metadata": { "selector": "app=checkout,tier in (web, api)" } },
            ["metadata.selector": "app=checkout\\,tier in (web\\, api)"] => Found),
    ]
}

fn lines_of_logs() -> Vec<Case> {
    vec![
        case!("a line of klog", { "error_message": "E0131 03:04:05.123456       1 controller.go:123] \"Reconciler error\" err=\"timed out waiting\"" },
            ["q": "controller.go:123"] => Found,
            ["q": "reconciler ERROR"] => Found),
        case!("a line of JSON", { "error_message": "{\"level\":\"error\",\"msg\":\"OOMKilled\",\"exitCode\":137}" },
            ["q": "OOMKilled"] => Found,
            ["q": "137"] => Found),
        case!("a stack trace", { "error_message": "java.lang.NullPointerException: Cannot invoke \"List.size()\"\n\tat org.example.Cart.total(Cart.java:42)\nCaused by: java.net.SocketTimeoutException: Read timed out" },
            ["q": "NullPointerException"] => Found,
            ["q": "nullpointerexception"] => Found,
            ["q": "sockettimeoutexception"] => Found,
            ["q": "Cart.java:42"] => Found),
        case!("a panic of Go", { "error_message": "panic: runtime error: index out of range [5] with length 3\n\ngoroutine 1 [running]:\nmain.main()\n\t/app/main.go:10 +0x1d" },
            ["q": "index out of range"] => Found,
            ["q": "panic: runtime error: index out of range [5] with length 3"] => Found),
        case!("generics and placeholders", { "error_message": "expected <nil>, got Map<String, List<Object>> && retry" },
            ["q": "expected nil"] => Found),
        case!("line ends of Windows", { "error_message": "The service failed.\r\nExit code 1067\r\n" },
            ["q": "exit code 1067"] => Found),
        case!("a path of Windows and a percentage", { "error_message": "disk C:\\ProgramData\\docker is 95% full" },
            ["q": "C:\\ProgramData\\docker"] => Found,
            ["q": "95%"] => Found),
        case!("an option of a command", { "error_message": "kubectl logs --previous failed: container not found" },
            ["q": "--previous"] => Found),
        case!("a sentence of an error, in other letters", { "error_message": "Back-off restarting failed container api in pod web-0" },
            ["q": "back-off restarting failed container"] => Found),
        case!("an address with a port", { "error_message": "dial tcp 10.96.0.1:443: connect: connection refused" },
            ["q": "10.96.0.1:443"] => Found,
            ["q": "dial tcp 10.96.0.1:443: connect: connection refused"] => Found),
    ]
}

fn alerts() -> Vec<Case> {
    vec![
        case!("a name with parentheses", { "alert_name": "HostHighCpuLoad(prod)" },
            stored [("/alert_name", "HostHighCpuLoadprod")],
            ["alert_name": "HostHighCpuLoad(prod)"] => Found),
        case!("a fingerprint", { "alert_fingerprint": "d9f4c3a1b2e5f607" },
            ["alert_fingerprint": "d9f4c3a1b2e5f607"] => Found),
        case!("a severity with a capital", { "severity": "Critical" },
            stored [("/severity", "critical")],
            ["severity": "CRITICAL"] => Found,
            ["severity": "page"] => Refused("critical, high, medium, low, warning, info")),
        case!("a template in an annotation", { "metadata": { "summary": "Pod {{ $labels.pod }} is down\nfor {{ $value }}s" } },
            ["metadata.summary": "Pod {{ $labels.pod }} is down\nfor {{ $value }}s"] => Found),
        case!("the address of the graph", { "metadata": { "generatorURL": "http://prometheus:9090/graph?g0.expr=up+%3D%3D+0&g0.tab=1" } },
            ["metadata.generatorURL": "http://prometheus:9090/graph?g0.expr=up+%3D%3D+0&g0.tab=1"] => Found),
        case!("labels with dots and slashes", { "metadata": { "app.kubernetes.io/name": "checkout" } },
            ["metadata.app.kubernetes.io/name": "checkout"] => Found),
        case!("an alert's name in small letters", { "alert_name": "KubePodCrashLooping" },
            ["q": "kubepodcrashlooping"] => Found,
            ["q": "kube pod crash looping"] => Found),
        case!("a time with a bare +", { "alert_name": "TimeZone" },
            ["alert_name": "TimeZone", "since": "2026-01-01T00:00:00 02:00"] => Refused("%2B"),
            ["alert_name": "TimeZone", "since": "yesterday"] => Refused("RFC 3339"),
            ["alert_name": "TimeZone", "since": "1h30m"] => Found),
    ]
}

fn half_words() -> Vec<Case> {
    vec![
        case!("the beginning of a reason", { "error_message": "Back-off: CrashLoopBackOff" },
            ["q": "CrashLoop"] => Found,
            ["q": "crashloop"] => Found),
        case!("the beginning of a kill", { "error_message": "Container api was OOMKilled" },
            ["q": "oomkill"] => Found,
            ["q": "OOM"] => Found),
        case!("the beginning of a pull", { "alert_name": "ImagePullBackOffOften" },
            ["q": "imagepull"] => Found),
        case!("the beginning of a name", { "target_name": "payments-gateway-0" },
            ["q": "payments-gate"] => Found,
            ["q": "gatekeeper"] => Nothing),
    ]
}

fn other_scripts() -> Vec<Case> {
    vec![
        case!("Chinese, without spaces", { "error_message": "节点磁盘空间不足，无法调度" },
            ["q": "空间不足"] => Found),
        case!("an alert in Chinese", { "alert_name": "节点CPU使用率过高(>90%)" },
            stored [("/alert_name", "节点CPU使用率过高90%")],
            ["alert_name": "节点CPU使用率过高(>90%)"] => Found),
        case!("Russian capitals", { "error_message": "Превышен лимит памяти контейнера" },
            ["q": "ПАМЯТИ"] => Found),
        case!("German", { "error_message": "Größe des Datenträgers überschritten" },
            ["q": "ÜBERSCHRITTEN"] => Found,
            ["q": "größe"] => Found),
        case!("Arabic", { "error_message": "انتهت مهلة الاتصال بقاعدة البيانات" },
            ["q": "مهلة"] => Found),
        case!("a face among the words", { "error_message": "🔥 disk full on db-0" },
            ["q": "🔥 disk full"] => Found),
    ]
}

fn composed_letters() -> Vec<Case> {
    vec![
        case!("decomposed, asked composed", { "alert_name": "cafe\u{301}-down", "error_message": "le cafe\u{301} est ferme\u{301}" },
            stored [("/alert_name", "caf\u{e9}-down")],
            ["alert_name": "caf\u{e9}-down"] => Found,
            ["q": "caf\u{e9}"] => Found),
        case!("composed, asked decomposed", { "alert_name": "caf\u{e9}-up", "error_message": "le caf\u{e9} est ouvert" },
            ["alert_name": "cafe\u{301}-up"] => Found,
            ["q": "cafe\u{301}"] => Found),
    ]
}

fn quotes() -> Vec<Case> {
    vec![
        case!("a sentence in quotes", { "error_message": "fork: out of memory" },
            ["q": "\"out of memory\""] => Found,
            ["q": "\u{201c}out of memory\u{201d}"] => Found),
        case!("a quote without its other half", { "error_message": "fork: out of memory" },
            ["q": "\"out of memory"] => Found),
        case!("an apostrophe", { "alert_name": "O'Brien's alert", "error_message": "couldn't find key 'tls.crt' in secret" },
            ["alert_name": "O'Brien's alert"] => Found,
            ["q": "couldn't find key"] => Found,
            ["q": "'tls.crt'"] => Found),
        case!("marks of Markdown", { "error_message": "run `kubectl rollout undo` to go back" },
            ["q": "`kubectl rollout undo`"] => Found),
        case!("operators of search engines", { "error_message": "readiness probe failed AND liveness probe failed" },
            ["q": "readiness AND liveness"] => Found,
            ["q": "readiness & liveness | !probe"] => Found,
            ["q": "(readiness)"] => Found),
    ]
}

fn pointer(record: &Value, place: &str) -> Value {
    record.pointer(place).cloned().unwrap_or(Value::Null)
}

/// What is not stored as it was to be.
fn misstored(case: &Case, answer: &Answer) -> Vec<String> {
    let stored = answer.json();
    let sent = case.record.as_object().unwrap();
    let expected = sent.iter().map(|(name, value)| {
        let place = format!("/{name}");
        let stored = case.stored.iter().find(|(other, _)| *other == place);
        (place, stored.map_or_else(|| value.clone(), |(_, text)| json!(text)))
    });
    let differing = expected.filter(|(place, value)| pointer(&stored, place) != *value);
    differing.map(|(place, value)| format!("{place} is {}, not {value}", pointer(&stored, &place))).collect()
}

/// What came of a query: the ids that were found, or why it was refused.
async fn asked(service: &Service, namespace: &str, query: &[(&str, &str)]) -> Result<Vec<i64>, String> {
    let is_search = query.iter().any(|(name, _)| *name == "q");
    let route = if is_search { "search" } else { "remediation" };
    let mut url = Url::parse(&format!("{}/api/v1/audit/{route}", service.process.url())).unwrap();
    url.query_pairs_mut().extend_pairs(query).append_pair("namespace", namespace).append_pair("limit", "10");
    if is_search {
        url.query_pairs_mut().append_pair("mode", "lexical");
    }
    let answer = Answer::of(service.client.get(url).send().await.unwrap()).await;
    let body = answer.json();
    if answer.status == 200 {
        let items = body["data"].as_array().unwrap().iter();
        return Ok(items
            .map(|item| pointer(item, if is_search { "/record/id" } else { "/id" }).as_i64().unwrap())
            .collect());
    }
    Err(format!("{} {}", answer.status.as_u16(), body["errors"][0]["message"]))
}

async fn failures(service: &Service, place: usize, case: &Case) -> Vec<String> {
    let namespace = format!("pasted-{place}");
    let mut record = remediation("of-a-case");
    record["namespace"] = json!(namespace);
    let mut other = record.clone();
    other["name"] = json!("beside-it");
    service.post("remediation", &other).await.expect(201);
    for (name, value) in case.record.as_object().unwrap() {
        record[name] = value.clone();
    }
    let written = service.post("remediation", &record).await;
    if written.status != 201 {
        return vec![format!("it is refused: {}", written.text)];
    }
    let mut failures = misstored(case, &written);
    let id = written.json()["id"].as_i64().unwrap();
    // What a word is worth depends on the records that are known to have it.
    service.embedded().await;
    for (query, expected) in case.asked {
        let found = asked(service, &namespace, query).await;
        let is_met = match (expected, &found) {
            (Found, Ok(ids)) => *ids == [id],
            (Nothing, Ok(ids)) => ids.is_empty(),
            (Refused(words), Err(message)) => message.starts_with("400 ") && message.contains(words),
            _ => false,
        };
        if !is_met {
            failures.push(format!("{query:?}: expected {expected:?}, got {found:?} (it is {id})"));
        }
    }
    failures
}

/// What is pasted is stored, found and refused as its reader expects.
#[tokio::test]
async fn what_operators_paste_is_stored_and_found() {
    let service = Service::start().await;
    let cases = [
        names_from_kubectl(),
        lines_of_logs(),
        alerts(),
        half_words(),
        other_scripts(),
        composed_letters(),
        quotes(),
    ];
    let cases: Vec<Case> = cases.into_iter().flatten().collect();
    assert!(cases.len() >= 40, "{} cases", cases.len());
    let mut failed = Vec::new();
    for (place, case) in cases.iter().enumerate() {
        let found = failures(&service, place, case).await;
        failed.extend(found.iter().map(|failure| format!("{}: {failure}", case.what)));
    }
    assert!(failed.is_empty(), "{} of {} cases fail:\n{}", failed.len(), cases.len(), failed.join("\n"));
}

/// Bodies as tools send them: with a byte order mark, with the bytes of a terminal's colours, or a whole webhook of
/// Alertmanager.
#[tokio::test]
async fn bodies_as_tools_send_them_are_stored_or_explained() {
    let service = Service::start().await;
    let marked = format!("\u{feff}{}", remediation("marked"));
    service.post_text("remediation", marked).await.expect(201);

    let mut coloured = remediation("coloured");
    coloured["error_message"] = json!("\u{1b}[31mERROR\u{1b}[0m upstream timed out");
    let refused = service.post("remediation", &coloured).await.expect(400);
    assert!(refused.text.contains("U+001B"), "{refused:?}");
    let url = format!("{}/api/v1/audit/remediation", service.process.url());
    let lenient = service.client.post(url).header("Prefer", "handling=lenient").json(&coloured);
    let lenient = Answer::of(lenient.send().await.unwrap()).await.expect(201);
    assert_eq!(lenient.json()["error_message"], "ERROR upstream timed out");

    let webhook = json!({
        "version": "4",
        "groupKey": "{}:{alertname=\"KubePodCrashLooping\"}",
        "status": "firing",
        "receiver": "remediator",
        "alerts": [{
            "status": "firing",
            "labels": { "alertname": "KubePodCrashLooping", "severity": "critical", "pod": "web-0" },
            "annotations": { "summary": "Pod web-0 restarts <every> few minutes" },
            "startsAt": "2026-01-31T12:00:00.123456789Z",
            "endsAt": "0001-01-01T00:00:00Z",
        }],
    });
    let refused = service.post("remediation", &webhook).await.expect(400);
    let errors = refused.errors();
    for (pointer, code) in [
        ("/name", "required"),
        ("/alerts", "unknown_field"),
        ("/receiver", "unknown_field"),
        ("/status", "invalid_value"),
    ] {
        assert!(errors.contains(&(pointer.to_owned(), code.to_owned())), "{pointer}: {errors:?}");
    }
    let mut kept = remediation("kept");
    kept["metadata"] = webhook.clone();
    let stored = service.post("remediation", &kept).await.expect(201).json();
    assert_eq!(stored["metadata"], webhook);
    let found = service.get("/api/v1/audit/remediation?metadata.receiver=remediator").await.expect(200);
    assert_eq!(found.json()["pagination"]["total"], 1);
}
