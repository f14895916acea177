//! What the page says when there is nothing to show, or something is in the way.

use serde_json::json;
use storage_testkit::{Fault, FaultProxy, TestDatabase, environment};

use crate::page::Page;
use crate::store::{Store, options};

/// 401 asks for a token; with one the same view is shown. A token that may not read is told which permission it lacks, and
/// no token is in an address, in `localStorage` or in what is copied.
#[tokio::test]
async fn a_token_is_asked_for_and_stays_in_the_tab() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("tokens");
    let reader = token(&file, "auditor", "audit:read").await;
    let writer = token(&file, "controller", "audit:write").await;
    let options = options()
        .set("DATASTORAGE__AUTH__MODE", "tokens")
        .set("DATASTORAGE__AUTH__TOKENS_FILE", file.to_str().unwrap());
    let store = Store::with(options).await;
    let Some(page) = Page::open(&store.url(), "#/?since=7d").await else { return };
    page.shows("kubectl create token auditor").await;
    give(&page, "dst_0123456789012345678901234567890123456789012").await;
    page.shows("does not accept this token").await;
    give(&page, &writer).await;
    page.shows("audit:read").await;
    page.until(&means("forbidden")).await;
    page.click(".who").await;
    give(&page, &reader).await;
    page.shows("Nothing matches").await;
    assert_eq!(page.hash().await, "#/?since=7d");
    let kept = page.value("JSON.stringify([localStorage, location.href, document.body.innerHTML])").await;
    assert!(!kept.as_str().unwrap().contains(&reader), "{kept}");
    assert!(page.value("sessionStorage.length").await == json!(1));
    page.close().await;
}

async fn give(page: &Page, token: &str) {
    page.write("dialog input[type=password]", token).await;
    page.click("dialog .main").await;
}

/// Makes a token and puts it into the file.
async fn token(file: &std::path::Path, name: &str, permission: &str) -> String {
    let bin = environment::required(environment::SERVICE_BIN).unwrap();
    let arguments = ["token", "new", name, "--permission", permission, "--append", file.to_str().unwrap()];
    let output = tokio::process::Command::new(bin).args(arguments).output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// 429 says how long to wait, and lets the reader try again then.
#[tokio::test]
async fn too_many_requests_are_told_with_the_time_to_wait() {
    let options = options()
        .set("DATASTORAGE__LIMITS__STRANGER_RATE", "1")
        .set("DATASTORAGE__LIMITS__STRANGER_BURST", "1")
        .set("DATASTORAGE__LIMITS__CALLER_RATE", "1")
        .set("DATASTORAGE__LIMITS__CALLER_BURST", "1");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("tokens");
    let reader = token(&file, "auditor", "audit:read").await;
    let options = options
        .set("DATASTORAGE__AUTH__MODE", "tokens")
        .set("DATASTORAGE__AUTH__TOKENS_FILE", file.to_str().unwrap());
    let store = Store::with(options).await;
    let Some(page) = Page::open(&store.url(), "#/health").await else { return };
    page.value(&format!("sessionStorage.setItem('datastorage.token', {})", json!(reader))).await;
    page.go("#/?since=24h").await;
    page.until("[...document.querySelectorAll('.problem button')].some((one) => one.textContent.startsWith('Try again'))").await;
    page.shows("Correlation id").await;
    page.until(&means("rate-limited")).await;
    page.close().await;
}

/// Whether a problem that is shown links to the page of its type.
fn means(problem: &str) -> String {
    format!("document.querySelector('.problem a[href=\"/problems/{problem}\"]')")
}

/// 503 is shown as the service words it, with its page; when the database is back, trying again shows the records.
#[tokio::test]
async fn a_database_that_is_away_is_told_and_tried_again() {
    let database = TestDatabase::create().await.unwrap();
    let url = database.server_url().unwrap();
    let proxy = FaultProxy::for_postgres(&url).await.unwrap();
    let store = Store::reaching(database, &proxy.url(&url), options()).await;
    let Some(page) = Page::open(&store.url(), "#/?since=24h").await else { return };
    page.shows("Nothing matches").await;
    proxy.set(Fault::Refuse);
    proxy.cut_all();
    page.press("r").await;
    page.until("document.querySelector('.results .problem a[href^=\"/problems/\"]')").await;
    proxy.set(Fault::Pass);
    let again = "(() => { const button = document.querySelector('.results .problem button:not(:disabled)'); if (button?.textContent === 'Try again') button.click(); return document.body.innerText.includes('Nothing matches'); })()";
    page.until(again).await;
    page.close().await;
}

/// Without a network the page says so, keeps what it shows, and asks again when told to.
#[tokio::test]
async fn offline_is_told_and_what_is_shown_stays() {
    let store = Store::filled().await;
    let Some(page) = Page::open(&store.url(), "#/?since=24h").await else { return };
    page.counts("1–50 of 120 records").await;
    let conditions = |offline: bool| json!({ "offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 });
    page.command("Network.enable", json!({})).await;
    page.command("Network.emulateNetworkConditions", conditions(true)).await;
    page.press("r").await;
    page.shows("those shown are old").await;
    assert_eq!(page.ids().await.len(), 50);
    page.command("Network.emulateNetworkConditions", conditions(false)).await;
    page.press("r").await;
    page.until("!document.querySelector('.results .problem')").await;
    page.close().await;
}

#[tokio::test]
async fn an_empty_store_says_that_it_is_empty() {
    let store = Store::empty().await;
    let Some(page) = Page::open(&store.url(), "#/").await else { return };
    page.shows("No record is stored yet").await;
    page.go("#/incident/1").await;
    page.shows("There is no remediation with the id 1").await;
    page.close().await;
}

/// What cannot be read, here or by the service, is named, and the view is shown without it.
#[tokio::test]
async fn an_address_that_cannot_be_read_shows_the_view_without_that_part() {
    let store = Store::filled().await;
    let Some(page) = Page::open(&store.url(), "#/?since=24h&sort=banana&colour=red&severity=zzz").await
    else {
        return;
    };
    page.counts("1–50 of 120 records").await;
    for text in ["sort=banana", "colour=red", "severity must be one of"] {
        page.shows(text).await;
    }
    page.go("#/nowhere?since=24h").await;
    page.shows("/nowhere: there is no such page").await;
    page.counts("1–50 of 120 records").await;
    page.close().await;
}

/// Text that tries to be markup is shown as it was sent, and nothing of it runs.
#[tokio::test]
async fn stored_markup_is_text() {
    let store = Store::empty().await;
    let markup =
        "<img src=x onerror=\"document.title='run'\"><script>document.title='run'</script> &amp; <b>bold</b>";
    let record = store.post("remediation", &json!({ "name": "n", "namespace": "payments", "phase": "failed", "status": "failed", "action_type": "restart-pod",
        "target_name": "javascript:alert`1`", "alert_name": "[x](javascript:alert)", "error_message": markup, "metadata": { "<i>key</i>": markup } })).await;
    let Some(page) = Page::open(&store.url(), &format!("#/incident/{}", record["id"])).await else { return };
    page.shows("What happened").await;
    assert_eq!(page.value("document.querySelector('.error pre').textContent").await, json!(markup));
    assert!(
        page.value("document.querySelector('.json').textContent")
            .await
            .as_str()
            .unwrap()
            .contains("<i>key</i>")
    );
    page.go("#/?since=24h&columns=alert_name,error_message,target_name").await;
    page.counts("1–1 of 1 record").await;
    assert_eq!(
        page.value("document.querySelectorAll('img, script:not([src]), td b, i:not([class])').length").await,
        0
    );
    assert_ne!(page.value("document.title").await, "run");
    page.close().await;
}
