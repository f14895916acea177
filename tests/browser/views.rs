//! What each view shows, and that the address says it.

use crate::page::{ENTER, HOME, Page, RIGHT};
use crate::store::{Store, options, time};
use chrono::{Duration, Utc};
use serde_json::{Value, json};

/// The count of the last day, not of all that is stored; without its chip, of all.
#[tokio::test]
async fn the_first_view_is_the_last_day_and_its_chip_can_be_removed() {
    let store = Store::filled().await;
    let Some(page) = Page::open(&store.url(), "").await else { return };
    page.counts("1–50 of 120 records").await;
    assert_eq!(page.hash().await, "#/?since=24h");
    page.click(".chip button").await;
    page.counts("1–50 of 130 records").await;
    assert_eq!(page.hash().await, "#/");
    page.back().await;
    page.counts("1–50 of 120 records").await;
    page.close().await;
}

/// An audit shows when something was, whatever the hour of the reading; how long ago and in the other zone is said on hover.
#[tokio::test]
async fn times_are_absolute_and_say_on_hover_how_long_ago_they_were() {
    let store = Store::filled().await;
    let Some(page) = Page::open(&store.url(), "#/?since=24h").await else { return };
    page.counts("1–50 of 120 records").await;
    let first = "document.querySelector('tbody time')";
    let shown = page.value(&format!("{first}.textContent")).await;
    let stored = page.value(&format!("new Date({first}.dateTime).toISOString().slice(11, 19)")).await;
    assert!(shown.as_str().unwrap().contains(stored.as_str().unwrap()), "{shown} {stored}");
    let hover = page.value(&format!("{first}.title")).await;
    assert!(hover.as_str().unwrap().contains(" ago · "), "{hover}");
    page.close().await;
}

/// Every record once, whichever way the reader goes.
#[tokio::test]
async fn pages_follow_each_other_and_lead_back() {
    let store = Store::filled().await;
    let Some(page) = Page::open(&store.url(), "#/?since=24h&sort=start_time").await else { return };
    page.counts("1–50 of 120 records").await;
    let first = page.ids().await;
    page.click_button("Next →").await;
    page.counts("51–100 of 120 records").await;
    let second = page.ids().await;
    page.click_button("Next →").await;
    page.counts("101–120 of 120 records").await;
    let mut all = [first, second.clone(), page.ids().await].concat();
    page.click_button("← Previous").await;
    page.counts("51–100 of 120 records").await;
    assert_eq!(page.ids().await, second);
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 120);
    page.close().await;
}

/// The order and the columns are in the address, and the address alone brings them back.
#[tokio::test]
async fn order_and_columns_are_in_the_address() {
    let store = Store::filled().await;
    let Some(page) = Page::open(&store.url(), "#/?since=24h").await else { return };
    page.counts("1–50 of 120 records").await;
    page.click("th.of-duration_ms button").await;
    page.until("location.hash.includes('sort=-duration_ms')").await;
    page.counts("1–50 of 120 records").await;
    let longest = store.get("/api/v1/audit/remediation?since=24h&sort=-duration_ms&limit=1").await;
    assert_eq!(json!(page.ids().await[0]), longest["data"][0]["id"]);
    page.click(".columns summary").await;
    page.click_button("Cluster").await;
    page.until("document.querySelector('th.of-cluster')").await;
    let hash = page.hash().await;
    page.go("#/health").await;
    page.shows("What the service depends on").await;
    page.go(&hash).await;
    page.until("document.querySelector('th.of-cluster')").await;
    page.until("document.querySelector('th.of-duration_ms[aria-sort=descending]')").await;
    page.go("#/health").await;
    page.shows("What the service depends on").await;
    page.click("nav a").await;
    page.until(&format!("location.hash === {}", json!(hash))).await;
    page.close().await;
}

/// A search says by what each hit was found and what it lacks, and keeps the mode in the address.
#[tokio::test]
async fn a_search_says_by_what_each_hit_was_found() {
    let store = Store::filled().await;
    let Some(page) = Page::open(&store.url(), "#/?since=24h").await else { return };
    page.counts("1–50 of 120 records").await;
    page.write("#search", &format!("KubeNodeNotReady{ENTER}")).await;
    page.shows("best hits").await;
    page.until("location.hash.includes('q=KubeNodeNotReady')").await;
    page.click(".modes label:nth-of-type(3)").await;
    page.until("location.hash.includes('mode=lexical')").await;
    page.until("[...document.querySelectorAll('td.found')].length && [...document.querySelectorAll('td.found')].every((one) => one.textContent === 'words')").await;
    // What the service says of an answer is said: here that it lacks something.
    page.run(
        "const ask = window.fetch; window.fetch = async (url, how) => { const answer = await ask(url, how); \
         return String(url).includes('/audit/search') ? Response.json({ ...await answer.json(), degraded: true, pending: 7 }) : answer; }",
    )
    .await;
    page.press("r").await;
    page.shows("was away: there may be better hits").await;
    page.shows("7 records are stored and cannot be found by meaning yet").await;
    page.close().await;
}

/// A filter is added by its form, against a value too, and each is a chip.
#[tokio::test]
async fn a_filter_is_added_and_taken_away() {
    let store = Store::filled().await;
    let Some(page) = Page::open(&store.url(), "#/?since=24h").await else { return };
    page.counts("1–50 of 120 records").await;
    page.click(".add > summary").await;
    page.write(".add input", "KubeNodeNotReady").await;
    page.click(".add .main").await;
    let total = store.total("since=24h&alert_name=KubeNodeNotReady").await;
    page.counts(&format!("1–50 of {total} records")).await;
    page.until("[...document.querySelectorAll('.chip')].some((chip) => chip.textContent.includes('Alert KubeNodeNotReady'))").await;
    page.go("#/?since=24h&alert_name.not=KubeNodeNotReady").await;
    page.counts("1–50 of 60 records").await;
    page.shows("Alert is not").await;
    // A value of the table is left out by its button.
    page.run("document.querySelector('td.of-action_type .narrow button[aria-label=\"Leave out Action restart-pod\"]').click()").await;
    page.until("location.hash.includes('action_type.not=restart-pod')").await;
    page.shows("Action is not").await;
    page.close().await;
}

/// The sliders say how long records took at least and at most, and never pass each other.
#[tokio::test]
async fn the_sliders_narrow_by_how_long_records_took() {
    let store = Store::filled().await;
    let Some(page) = Page::open(&store.url(), "#/?since=24h").await else { return };
    page.counts("1–50 of 120 records").await;
    page.run("document.querySelector('[aria-label=\"Took at least\"]').focus()").await;
    page.press(&RIGHT.repeat(6)).await;
    page.until("location.hash.includes('min_duration=1m')").await;
    let total = store.total("since=24h&min_duration=1m").await;
    assert!(total > 0 && total < 120, "{total}");
    page.counts(&format!("1–50 of {total} records")).await;
    page.run("document.querySelector('[aria-label=\"Took at most\"]').focus()").await;
    page.press(HOME).await;
    page.until("location.hash.includes('min_duration=1m&max_duration=2m')").await;
    page.until("document.querySelector('.took output').textContent === '1m to 2m'").await;
    page.shows("Took at most").await;
    page.go("#/?since=24h&min_duration=90s").await;
    page.until("document.querySelector('.took output').textContent === '90s or longer'").await;
    page.close().await;
}

/// A record's page leads to the page about it that a setting names, with the record's own words in the address; and paper
/// has what the screen has, what is folded included, with its address.
#[tokio::test]
async fn an_incident_leads_to_grafana_and_is_printed_whole() {
    let link = "https://grafana.example.com/d/pods?var-namespace={namespace}&var-target={target_name}&from={from}&to={to}";
    let store = Store::with(options().set("DATASTORAGE__SERVER__GRAFANA_URL", link)).await;
    let begun = "2026-01-02T03:04:05Z";
    let record = store.post("remediation", &json!({ "name": "checkout", "namespace": "payments", "phase": "completed", "status": "success",
        "action_type": "restart-pod", "target_name": "pod/a&b", "start_time": begun, "end_time": "2026-01-02T03:05:05Z", "metadata": { "reason": "OOMKilled" } })).await;
    store.post("execution", &json!({ "remediation_id": record["id"], "action_type": "delete-pod", "target_kind": "Pod", "target_name": "checkout-1",
        "namespace": "payments", "status": "failed", "error_message": "the pod is protected", "start_time": begun })).await;
    let Some(page) = Page::open(&store.url(), &format!("#/incident/{}", record["id"])).await else { return };
    page.until(
        "[...document.querySelectorAll('.tools a')].some((one) => one.textContent === 'Open in Grafana')",
    )
    .await;
    let href = page.value("[...document.querySelectorAll('.tools a')].at(-1).href").await;
    assert_eq!(
        href,
        "https://grafana.example.com/d/pods?var-namespace=payments&var-target=pod%2Fa%26b&from=1767322145000&to=1767324005000"
    );
    assert_eq!(page.value("[...document.querySelectorAll('.tools a')].at(-1).rel").await, "noreferrer");
    let is_drawn = |selector: &str| format!("document.querySelector({}).checkVisibility()", json!(selector));
    let folded = ".axis > li:last-child .more .json, .axis > li:last-child .more details";
    page.shows("delete-pod").await;
    assert_eq!(page.value(&is_drawn(folded)).await, false);
    page.command("Emulation.setEmulatedMedia", json!({ "media": "print" })).await;
    page.until(&is_drawn(folded)).await;
    assert_eq!(page.value(&is_drawn(".head")).await, false);
    let printed = page.value("document.querySelector('.printed').innerText").await;
    assert!(printed.as_str().unwrap().contains(&page.hash().await), "{printed}");
    assert!(printed.as_str().unwrap().contains("for anonymous"), "{printed}");
    page.close().await;
}

/// The page of an incident has its error whole, each event on one axis, who recorded it, and what was altered.
#[tokio::test]
async fn an_incident_shows_all_that_belongs_to_it() {
    let store = Store::empty().await;
    let begun = Utc::now() - Duration::hours(1);
    let error = format!("first line\n{}\nlast line", "x".repeat(3_000));
    let record = store.post("remediation", &json!({ "name": "checkout", "namespace": "payments", "phase": "failed", "status": "failed",
        "action_type": "restart-pod", "alert_name": "KubePodCrashLooping", "severity": "Critical", "error_message": error,
        "start_time": time(begun), "end_time": time(begun + Duration::minutes(9)) })).await;
    let id = &record["id"];
    let at = |minutes: i64| time(begun + Duration::minutes(minutes));
    store.post("aianalysis", &json!({ "remediation_id": id, "analysis_type": "root-cause", "confidence": 0.9, "recommendation": "restart it", "model": "m", "timestamp": at(1) })).await;
    store.post("workflow", &json!({ "remediation_id": id, "workflow_name": "restart-and-verify", "phase": "executing", "step_count": 4, "start_time": at(2) })).await;
    store.post("execution", &json!({ "remediation_id": id, "action_type": "delete-pod", "target_kind": "Pod", "target_name": "checkout-1", "namespace": "payments",
        "status": "failed", "error_message": "the pod is protected", "start_time": at(3), "end_time": at(4) })).await;
    let Some(page) = Page::open(&store.url(), &format!("#/incident/{id}")).await else { return };
    page.shows("restart-and-verify").await;
    assert_eq!(page.value("document.querySelector('.error pre').textContent").await, json!(error));
    let events = "[...document.querySelectorAll('.axis small')].map((one) => one.textContent).filter((text) => /^[A-Z]/.test(text)).join()";
    assert_eq!(page.value(events).await, "Remediation,Analysis,Workflow,Execution, Pod/checkout-1");
    assert_eq!(page.value("document.querySelectorAll('.axis .bar .left').length").await, 4);
    for text in ["the pod is protected", "recorded by anonymous", "90 % sure", "/severity"] {
        page.shows(text).await;
    }
    page.keep_copies().await;
    let copied: Value = serde_json::from_str(&page.copied("Copy JSON").await).unwrap();
    assert_eq!(copied, store.get(&format!("/api/v1/audit/remediation/{id}/timeline")).await);
    let command = page.copied("Copy curl").await;
    assert!(
        command.starts_with("curl -sf ") && command.contains(&format!("/remediation/{id}/timeline")),
        "{command}"
    );
    page.click(".json summary").await;
    page.until("!document.querySelector('.json details').open").await;
    assert_eq!(page.value("document.body.innerText.includes('Grafana')").await, false);
    page.close().await;
}

/// A row opens beside the table, a second one instead, and two can be compared field by field.
#[tokio::test]
async fn a_record_opens_beside_the_table_and_is_compared_with_another() {
    let store = Store::filled().await;
    let Some(page) = Page::open(&store.url(), "#/?since=24h").await else { return };
    page.counts("1–50 of 120 records").await;
    let ids = page.ids().await;
    page.click("tbody tr[data-id]:nth-of-type(1)").await;
    page.shows("What happened").await;
    assert!(page.hash().await.contains(&format!("open={}", ids[0])));
    page.click_button("Compare").await;
    page.click("tbody tr[data-id]:nth-of-type(2)").await;
    page.click_button("Compare with the marked").await;
    page.until(&format!("location.hash.startsWith('#/compare/{}/{}')", ids[0], ids[1])).await;
    page.shows("fields differ").await;
    let named =
        page.value("[...document.querySelectorAll('.compare tbody th')].map((one) => one.textContent)").await;
    assert!(
        named.as_array().unwrap().contains(&json!("name"))
            && !named.as_array().unwrap().contains(&json!("recorded_by")),
        "{named}"
    );
    page.close().await;
}

/// The file has the records of the filter, on all pages, in the order shown.
#[tokio::test]
async fn an_export_is_what_is_shown() {
    let store = Store::filled().await;
    let Some(page) = Page::open(&store.url(), "#/?since=2000-01-01&severity=critical&sort=start_time").await
    else {
        return;
    };
    page.counts("1–26 of 26 records").await;
    let directory = tempfile::tempdir().unwrap();
    page.download_to(directory.path()).await;
    page.press("e").await;
    page.shows("26 records: those of the filters in force").await;
    assert!(
        page.value("document.querySelector('.command').innerText")
            .await
            .as_str()
            .unwrap()
            .contains("severity=critical")
    );
    page.click("dialog .main").await;
    let file = || {
        std::fs::read_dir(directory.path())
            .unwrap()
            .flatten()
            .map(|it| it.path())
            .find(|it| it.extension().is_some_and(|it| it == "ndjson"))
    };
    page.until("document.querySelector('.told').textContent.includes('.ndjson')").await;
    let mut poll = tokio::time::interval(std::time::Duration::from_millis(50));
    let saved = async {
        loop {
            poll.tick().await;
            if let Some(file) = file() {
                return file;
            }
        }
    };
    let file = tokio::time::timeout(crate::page::PATIENCE, saved).await.expect("nothing was saved");
    let text = std::fs::read_to_string(file).unwrap();
    let exported: Vec<i64> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].as_i64().unwrap())
        .collect();
    assert_eq!(exported, page.ids().await);
    // More than a browser holds is left to a shell.
    page.run(
        "const ask = window.fetch; window.fetch = async (url, how) => { const answer = await ask(url, how); \
         if (!String(url).includes('/audit/remediation?')) return answer; const page = await answer.json(); \
         page.pagination.total = 100001; return Response.json(page); }",
    )
    .await;
    page.press("r").await;
    page.counts("1–26 of 100,001 records").await;
    page.press("e").await;
    page.shows("too many for a browser to hold").await;
    page.until("document.querySelector('dialog .main').disabled").await;
    page.close().await;
}

/// What is stored while the page is live is shown; rows stay where they are under the pointer.
#[tokio::test]
async fn a_live_list_shows_what_is_new_and_moves_no_row_under_the_pointer() {
    let store = Store::filled().await;
    let Some(page) = Page::open(&store.url(), "#/?since=24h&live=true").await else { return };
    page.counts("1–50 of 120 records").await;
    let record = |name: &str| json!({ "name": name, "namespace": "payments", "phase": "processing", "action_type": "restart-pod", "alert_name": name });
    store.post("remediation", &record("FirstOfTheNew")).await;
    page.shows("FirstOfTheNew").await;
    page.point("tbody tr[data-id]:nth-of-type(3)", None).await;
    let before = page.ids().await;
    store.post("remediation", &record("SecondOfTheNew")).await;
    page.shows("1 new").await;
    assert_eq!(page.ids().await, before);
    page.click(".pill").await;
    page.shows("SecondOfTheNew").await;
    page.close().await;
}

/// A view is kept under a name and brought back by it; others are taken from text.
#[tokio::test]
async fn a_view_is_saved_under_a_name() {
    let store = Store::filled().await;
    let Some(page) = Page::open(&store.url(), "#/?since=24h&severity=critical").await else { return };
    page.until("document.querySelector('#total')?.textContent.includes('records')").await;
    page.click(".views > summary").await;
    page.write(".views input", &format!("critical today{ENTER}")).await;
    page.until("document.querySelector('.views li a')").await;
    page.go("#/health").await;
    page.shows("What the service depends on").await;
    page.refresh().await;
    page.click(".views > summary").await;
    page.click(".views li a").await;
    page.until("location.hash === '#/?since=24h&severity=critical'").await;
    page.run(
        "const text = document.querySelector('.views textarea'); text.value += '\\nlast week\\t#/?since=7d'; \
         text.dispatchEvent(new Event('change', { bubbles: true }))",
    )
    .await;
    page.until("document.querySelectorAll('.views li a').length === 2").await;
    page.close().await;
}
