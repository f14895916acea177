//! What each view shows, and that the address says it.

use crate::page::{ENTER, Page};
use crate::store::{Store, time};
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
    page.close().await;
}

/// A search says by what each hit was found, and keeps the mode in the address.
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
    assert_eq!(page.value(events).await, "Remediation,Analysis,Workflow,Execution");
    assert_eq!(page.value("document.querySelectorAll('.axis .bar .left').length").await, 4);
    for text in ["the pod is protected", "recorded by anonymous", "90 % sure", "/severity"] {
        page.shows(text).await;
    }
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

/// The health page names every part.
#[tokio::test]
async fn health_names_each_part() {
    let store = Store::filled().await;
    let Some(page) = Page::open(&store.url(), "#/health").await else { return };
    for text in ["postgresql", "embedder"] {
        page.shows(text).await;
    }
    page.close().await;
}

/// A view is kept under a name and brought back by it.
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
    page.close().await;
}
