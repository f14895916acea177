//! What an operator does without a pointer.

use crate::page::{ENTER, ESCAPE, Page};
use crate::store::Store;

/// From the search to a record, to its page and back, by keys alone.
#[tokio::test]
async fn every_view_is_reached_by_keys() {
    let store = Store::filled().await;
    let Some(page) = Page::open(&store.url(), "#/?since=24h").await else { return };
    page.counts("1–50 of 120 records").await;
    let ids = page.ids().await;
    page.press("j").await;
    page.press("j").await;
    page.press("k").await;
    page.press("j").await;
    page.press(ENTER).await;
    page.until(&format!("location.hash.includes('open={}')", ids[1])).await;
    page.press("j").await;
    page.until(&format!("location.hash.includes('open={}')", ids[2])).await;
    page.press(ENTER).await;
    page.until(&format!("location.hash === '#/incident/{}'", ids[2])).await;
    page.shows("What worked for this").await;
    page.press(ESCAPE).await;
    page.until(&format!("location.hash.includes('open={}')", ids[2])).await;
    page.press(ESCAPE).await;
    page.until("location.hash === '#/?since=24h'").await;
    page.press("o").await;
    page.shows("What worked here").await;
    page.press("?").await;
    page.shows("move the time back and forward").await;
    page.press(ESCAPE).await;
    page.until("!document.querySelector('dialog')").await;
    page.press("/").await;
    page.until("document.activeElement.id === 'search'").await;
    page.press(&format!("node is not ready{ENTER}")).await;
    page.shows("best hits").await;
    page.settles().await;
    let best = page.ids().await[0];
    page.press("j").await;
    page.press(ENTER).await;
    page.until(&format!("location.hash.includes('open={best}')")).await;
    page.shows("What worked for this").await;
    page.close().await;
}

/// The brackets move the time by its own length, there and back.
#[tokio::test]
async fn brackets_move_the_time() {
    let store = Store::filled().await;
    let Some(page) =
        Page::open(&store.url(), "#/?since=2026-01-02T00:00:00Z&until=2026-01-03T00:00:00Z").await
    else {
        return;
    };
    page.shows("Nothing matches").await;
    page.press("[").await;
    page.until("location.hash === '#/?since=2026-01-01T00:00:00.000Z&until=2026-01-02T00:00:00.000Z'").await;
    page.press("]").await;
    page.until("location.hash === '#/?since=2026-01-02T00:00:00.000Z&until=2026-01-03T00:00:00.000Z'").await;
    page.close().await;
}

/// `y` copies the address of the view, and the choices of time and of colours stay with the browser.
#[tokio::test]
async fn the_link_is_copied_and_choices_are_kept() {
    let store = Store::filled().await;
    let Some(page) = Page::open(&store.url(), "#/?since=24h").await else { return };
    page.counts("1–50 of 120 records").await;
    page.press("y").await;
    page.shows("Link copied").await;
    page.click_button("UTC").await;
    page.click_button("◐ System").await;
    page.click_button("☀ Light").await;
    page.refresh().await;
    page.counts("1–50 of 120 records").await;
    page.until(
        "[...document.querySelectorAll('.head button')].some((one) => one.textContent.startsWith('UTC+'))",
    )
    .await;
    page.until("document.documentElement.dataset.colours === 'dark'").await;
    page.close().await;
}
