//! What the page shows of counts and outcomes.

use crate::page::{END, ENTER, LEFT, Page};
use crate::store::Store;

/// A facet counts the other values too when one is chosen, and the table has as many as the facet says.
#[tokio::test]
async fn a_facet_narrows_the_table_and_not_itself() {
    let store = Store::filled().await;
    let Some(page) = Page::open(&store.url(), "#/?since=24h").await else { return };
    page.counts("1–50 of 120 records").await;
    let counts = "JSON.stringify([...document.querySelectorAll('.facets fieldset:first-of-type label')].map((label) => label.innerText.split(/\\s+/).filter(Boolean)))";
    page.until("document.querySelectorAll('.facets label').length > 4").await;
    let before = page.value(counts).await;
    let critical = store.total("since=24h&severity=critical").await;
    assert!(before.as_str().unwrap().contains(&format!("[\"critical\",\"{critical}\"]")), "{before}");
    page.click_label("critical").await;
    page.counts(&format!("1–{critical} of {critical} records")).await;
    page.until("location.hash.includes('severity=critical')").await;
    assert_eq!(page.value(counts).await, before);
    page.click_label("critical").await;
    page.counts("1–50 of 120 records").await;
    page.close().await;
}

/// The table of numbers adds up to the count of the records, and dragging over bars shows theirs alone.
#[tokio::test]
async fn the_bars_have_the_numbers_of_the_records_and_zoom() {
    let store = Store::filled().await;
    let Some(page) = Page::open(&store.url(), "#/?since=24h").await else { return };
    page.counts("1–50 of 120 records").await;
    page.click(".trend details summary").await;
    let column = |number: u8| {
        format!(
            "[...document.querySelectorAll('.numbers td:nth-of-type({number})')].reduce((sum, cell) => sum + Number(cell.textContent), 0)"
        )
    };
    assert_eq!(page.until(&column(1)).await, 120);
    assert_eq!(page.value(&column(3)).await, store.total("since=24h&status=failed").await);
    page.point(".histogram svg", Some(300)).await;
    page.until("/since=\\d{4}-.*until=\\d{4}-/.test(location.hash)").await;
    let filter = page.hash().await.replace("#/?", "");
    let total = store.total(&filter).await;
    assert!(total > 0 && total < 120, "{total}");
    page.until(&format!("document.querySelector('#total').textContent.endsWith(' of {total} records')"))
        .await;
    page.close().await;
}

/// The bars are read and zoomed by the arrow keys, and what they say is text.
#[tokio::test]
async fn the_bars_are_read_and_zoomed_by_keys() {
    let store = Store::filled().await;
    let Some(page) = Page::open(&store.url(), "#/?since=24h").await else { return };
    page.counts("1–50 of 120 records").await;
    page.until("document.querySelector('.histogram svg')").await;
    page.run("document.querySelector('.histogram svg').focus()").await;
    page.press(END).await;
    page.press_shifted(&[LEFT, LEFT]).await;
    let reading = page.until("/UTC: \\d+ records/.test(document.querySelector('.reading').textContent) && document.querySelector('.reading').textContent").await;
    let said: i64 =
        reading.as_str().unwrap().split("UTC: ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    page.press(ENTER).await;
    page.until(&format!("document.querySelector('#total').textContent.endsWith(' of {said} records')")).await;
    page.close().await;
}

/// The health page says how far the index is behind and how each part is, and the head of the page who is asking.
#[tokio::test]
async fn health_says_how_far_search_is_behind() {
    let store = Store::filled().await;
    let Some(page) = Page::open(&store.url(), "#/health").await else { return };
    for text in ["Waiting", "Parked", "Drift", "postgresql", "embedder", "anonymous"] {
        page.shows(text).await;
    }
    page.close().await;
}

/// What worked is counted for what is shown, and on the page of an incident for its like.
#[tokio::test]
async fn what_worked_is_counted_for_what_is_shown() {
    let store = Store::filled().await;
    let Some(page) = Page::open(&store.url(), "#/?since=24h&alert_name=KubeNodeNotReady&outcomes=true").await
    else {
        return;
    };
    page.until("document.querySelector('.outcomes tbody th')").await;
    assert_eq!(
        page.value("document.querySelector('.outcomes tbody th').textContent").await,
        "scale-deployment"
    );
    page.click("tbody tr[data-id]").await;
    page.until("document.querySelector('.occurrences tbody tr.open')").await;
    page.shows("Similar incidents").await;
    // The advice's own words: the answer is there, whatever it says.
    let legends = "[...document.querySelectorAll('.outcome-legend')]";
    page.until(&format!(
        "{legends}.some((one) => /Counted in the cluster (east|west)/.test(one.textContent))"
    ))
    .await;
    page.click_button("Count other clusters too").await;
    page.until(&format!("{legends}.some((one) => one.textContent.includes('Counted in all clusters'))"))
        .await;
    page.close().await;
}

/// What worked for a search is counted in all clusters, which is said, or in the one that is chosen, which is a filter.
#[tokio::test]
async fn what_worked_for_a_search_is_limited_to_a_cluster() {
    let store = Store::filled().await;
    let Some(page) = Page::open(&store.url(), "#/?q=node+is+not+ready&outcomes=true").await else { return };
    page.shows("Counted are like incidents of all time in").await;
    page.until("document.querySelector('.counted select').selectedOptions[0].text === 'all clusters'").await;
    page.until("[...document.querySelectorAll('.counted option')].some((one) => one.value === 'west')").await;
    page.run(
        "const choice = document.querySelector('.counted select'); choice.value = 'west'; \
         choice.dispatchEvent(new Event('change', { bubbles: true }))",
    )
    .await;
    page.until("location.hash.includes('cluster=west')").await;
    page.until(
        "performance.getEntriesByType('resource').some((one) => /advice[?].*cluster=west/.test(one.name))",
    )
    .await;
    page.until(
        "[...document.querySelectorAll('.chip')].some((chip) => chip.textContent.includes('Cluster west'))",
    )
    .await;
    page.close().await;
}
