//! A browser with the explorer in it.

use std::env;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use storage_testkit::Browser;

/// Longer than anything here should take; a wait that reaches it fails the test.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Keys as WebDriver names them.
pub(crate) const ENTER: &str = "\u{e007}";
pub(crate) const ESCAPE: &str = "\u{e00c}";
pub(crate) const END: &str = "\u{e010}";
pub(crate) const HOME: &str = "\u{e011}";
pub(crate) const LEFT: &str = "\u{e012}";
pub(crate) const RIGHT: &str = "\u{e014}";
const SHIFT: &str = "\u{e008}";

/// The member by which WebDriver marks an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// The explorer of a service, in a browser of its own.
pub(crate) struct Page {
    browser: Browser,
    /// The address of the explorer.
    base: String,
}

impl Page {
    /// Opens the explorer, at this address behind `#`; `None` where there is no browser.
    pub(crate) async fn open(service: &str, hash: &str) -> Option<Self> {
        let Some(browser) = Browser::start().await.unwrap() else {
            assert!(env::var_os("CI").is_none(), "chromium and chromedriver must be there in CI");
            eprintln!(
                "SKIPPED: chromium and chromedriver are not in PATH, so nothing of the explorer is tested"
            );
            return None;
        };
        let page = Self { browser, base: format!("{service}/ui/") };
        page.size(1600, 1000).await;
        page.go(hash).await;
        Some(page)
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        self.browser.post(path, body).await.unwrap()
    }

    /// Shows the view of this address behind `#`.
    pub(crate) async fn go(&self, hash: &str) {
        self.browser.go(&format!("{}{hash}", self.base)).await.unwrap();
    }

    pub(crate) async fn back(&self) {
        self.post("/back", json!({})).await;
    }

    pub(crate) async fn refresh(&self) {
        self.post("/refresh", json!({})).await;
    }

    /// Keeps what the page copies, for [`Self::copied`].
    pub(crate) async fn keep_copies(&self) {
        let keep = "navigator.clipboard.writeText = async (text) => { window.copied = text; }";
        self.run(keep).await;
    }

    /// What the button that says this copies.
    pub(crate) async fn copied(&self, button: &str) -> String {
        self.run("window.copied = ''").await;
        self.click_button(button).await;
        self.until("window.copied").await.as_str().unwrap().to_owned()
    }

    /// Sends a command of the DevTools protocol.
    pub(crate) async fn command(&self, method: &str, parameters: Value) {
        self.browser.command(method, parameters).await.unwrap();
    }

    pub(crate) async fn size(&self, width: u32, height: u32) {
        self.browser.size(width, height).await.unwrap();
    }

    /// Draws as if the system preferred these colours.
    pub(crate) async fn colours(&self, scheme: &str) {
        self.browser.colours(scheme).await.unwrap();
    }

    /// Runs a script in the page.
    pub(crate) async fn run(&self, script: &str) -> Value {
        self.browser.run(script).await.unwrap()
    }

    /// Runs a script that calls its argument with what it comes to.
    pub(crate) async fn run_to_end(&self, script: &str) -> Value {
        self.browser.run_to_end(script).await.unwrap()
    }

    /// The value of an expression in the page.
    pub(crate) async fn value(&self, expression: &str) -> Value {
        self.run(&format!("return ({expression})")).await
    }

    /// Waits until an expression is true in the page, and gives its value.
    pub(crate) async fn until(&self, expression: &str) -> Value {
        let mut poll = tokio::time::interval(Duration::from_millis(50));
        let holds = async {
            loop {
                poll.tick().await;
                let value = self.value(expression).await;
                if !matches!(value, Value::Null | Value::Bool(false))
                    && value != json!("")
                    && value != json!(0)
                {
                    return value;
                }
            }
        };
        match tokio::time::timeout(PATIENCE, holds).await {
            Ok(value) => value,
            Err(_) => {
                panic!("never came true: {expression}\n{}", self.value("document.body.innerText").await)
            }
        }
    }

    /// Waits until the page shows this text.
    pub(crate) async fn shows(&self, text: &str) {
        self.until(&format!("document.body.innerText.includes({})", json!(text))).await;
    }

    /// Waits until nothing is awaited in the page.
    pub(crate) async fn settles(&self) {
        self.until("!document.querySelector('.old, .waiting')").await;
    }

    /// Waits until the table says that it shows this much.
    pub(crate) async fn counts(&self, summary: &str) {
        self.until(&format!("document.querySelector('#total')?.textContent === {}", json!(summary))).await;
        self.settles().await;
    }

    /// Waits for an element, by CSS or by XPath; its path in the session.
    async fn find(&self, selector: &str) -> String {
        let (using, found) = if selector.starts_with('/') {
            ("xpath", format!("document.evaluate({}, document, null, 9).singleNodeValue", json!(selector)))
        } else {
            ("css selector", format!("document.querySelector({})", json!(selector)))
        };
        self.until(&format!("Boolean({found})")).await;
        let element = self.post("/element", json!({ "using": using, "value": selector })).await;
        format!("/element/{}", element[ELEMENT].as_str().unwrap())
    }

    pub(crate) async fn click(&self, selector: &str) {
        let element = self.find(selector).await;
        self.post(&format!("{element}/click"), json!({})).await;
    }

    /// Clicks the button that says this.
    pub(crate) async fn click_button(&self, text: &str) {
        self.click(&format!("//button[normalize-space()='{text}']")).await;
    }

    /// Clicks the label whose text begins like this.
    pub(crate) async fn click_label(&self, text: &str) {
        self.click(&format!("//label[starts-with(normalize-space(), '{text}')]")).await;
    }

    /// Types into a field.
    pub(crate) async fn write(&self, selector: &str, text: &str) {
        let element = self.find(selector).await;
        self.post(&format!("{element}/value"), json!({ "text": text })).await;
    }

    /// Presses keys, wherever the focus is.
    pub(crate) async fn press(&self, keys: &str) {
        self.press_all(&keys.chars().map(String::from).collect::<Vec<_>>(), &[]).await;
    }

    /// Presses keys while Shift is held.
    pub(crate) async fn press_shifted(&self, keys: &[&str]) {
        self.press_all(&keys.iter().map(|&key| key.to_owned()).collect::<Vec<_>>(), &[SHIFT]).await;
    }

    async fn press_all(&self, keys: &[String], held: &[&str]) {
        let act = |kind: &str, key: &str| json!({ "type": kind, "value": key });
        let holds = held.iter().map(|key| act("keyDown", key));
        let presses = keys.iter().flat_map(|key| [act("keyDown", key), act("keyUp", key)]);
        let releases = held.iter().map(|key| act("keyUp", key));
        let actions: Vec<_> = holds.chain(presses).chain(releases).collect();
        self.post("/actions", json!({ "actions": [{ "type": "key", "id": "keys", "actions": actions }] }))
            .await;
    }

    /// Moves the pointer onto an element, and, given a way, drags from there to the right.
    pub(crate) async fn point(&self, selector: &str, drag: Option<i32>) {
        let element = self.find(selector).await;
        let origin = json!({ ELEMENT: element.trim_start_matches("/element/") });
        let mut actions = vec![json!({ "type": "pointerMove", "origin": origin, "x": 0, "y": 0 })];
        if let Some(way) = drag {
            actions.extend([
                json!({ "type": "pointerDown", "button": 0 }),
                json!({ "type": "pointerMove", "origin": "pointer", "x": way, "y": 0, "duration": 100 }),
                json!({ "type": "pointerUp", "button": 0 }),
            ]);
        }
        let pointer = json!({ "type": "pointer", "id": "mouse", "actions": actions });
        self.post("/actions", json!({ "actions": [pointer] })).await;
    }

    /// The address behind `#`, as people read it.
    pub(crate) async fn hash(&self) -> String {
        self.value("location.hash").await.as_str().unwrap().to_owned()
    }

    /// The ids of the rows that are shown.
    pub(crate) async fn ids(&self) -> Vec<i64> {
        let rows = "[...document.querySelectorAll('tr[data-id]')].map((row) => Number(row.dataset.id))";
        let ids = self.value(rows).await;
        ids.as_array().unwrap().iter().map(|id| id.as_i64().unwrap()).collect()
    }

    /// Has downloads put into a directory.
    pub(crate) async fn download_to(&self, directory: &Path) {
        let parameters = json!({ "behavior": "allow", "downloadPath": directory });
        self.command("Browser.setDownloadBehavior", parameters).await;
    }

    /// Ends the browser; fails on what its console calls an error. An answer that refuses is no fault of the page.
    pub(crate) async fn close(self) {
        let mut faults = self.browser.close().await.unwrap();
        faults.retain(|message| !message.contains("Failed to load resource"));
        assert!(faults.is_empty(), "{faults:#?}");
    }
}
