//! A browser with the explorer in it, driven by the commands of WebDriver (W3C) that chromedriver takes.
//!
//! They are sent as they are: the client that is kept for Rust has serde_json keep the order of keys, which would change
//! every program that is built beside the tests.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// Longer than anything here should take; a wait that reaches it fails the test.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Keys as WebDriver names them.
pub(crate) const ENTER: &str = "\u{e007}";
pub(crate) const ESCAPE: &str = "\u{e00c}";
pub(crate) const END: &str = "\u{e010}";
pub(crate) const LEFT: &str = "\u{e012}";
const SHIFT: &str = "\u{e008}";

/// The member by which WebDriver marks an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// What makes Chromium quiet and small, and lets it run as root.
const ARGUMENTS: [&str; 8] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
];

/// The explorer of a service, in a browser of its own.
pub(crate) struct Page {
    client: reqwest::Client,
    /// The address of the browser's session.
    session: String,
    /// The address of the explorer.
    base: String,
    process: Child,
}

/// A program in `PATH`.
fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|directory| directory.join(name)).find(|file| file.is_file())
}

impl Page {
    /// Opens the explorer, at this address behind `#`; `None` where there is no browser.
    pub(crate) async fn open(service: &str, hash: &str) -> Option<Self> {
        let (Some(chromium), Some(chromedriver)) = (program("chromium"), program("chromedriver")) else {
            assert!(env::var_os("CI").is_none(), "chromium and chromedriver must be there in CI");
            eprintln!(
                "SKIPPED: chromium and chromedriver are not in PATH, so nothing of the explorer is tested"
            );
            return None;
        };
        let mut process = Command::new(chromedriver)
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let driver = format!("http://127.0.0.1:{}/session", port(&mut process).await);
        let client = reqwest::Client::builder().timeout(PATIENCE).build().unwrap();
        let mut page = Self { client, session: driver, base: format!("{service}/ui/"), process };
        let options = json!({ "binary": chromium, "args": ARGUMENTS });
        let wanted = json!({ "goog:chromeOptions": options, "goog:loggingPrefs": { "browser": "ALL" } });
        let opened = page.send(Method::POST, "", json!({ "capabilities": { "alwaysMatch": wanted } })).await;
        page.session = format!("{}/{}", page.session, opened["sessionId"].as_str().unwrap());
        page.size(1600, 1000).await;
        page.go(hash).await;
        Some(page)
    }

    /// Sends a command; its value.
    async fn send(&self, method: Method, path: &str, body: Value) -> Value {
        let mut request = self.client.request(method.clone(), format!("{}{path}", self.session));
        if method == Method::POST {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let is_done = answer.status().is_success();
        let value = answer.json::<Value>().await.unwrap()["value"].take();
        assert!(is_done, "{path} {body}: {}", value["message"]);
        value
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        self.send(Method::POST, path, body).await
    }

    /// Shows the view of this address behind `#`.
    pub(crate) async fn go(&self, hash: &str) {
        self.post("/url", json!({ "url": format!("{}{hash}", self.base) })).await;
    }

    pub(crate) async fn back(&self) {
        self.post("/back", json!({})).await;
    }

    pub(crate) async fn refresh(&self) {
        self.post("/refresh", json!({})).await;
    }

    /// Sends a command of the DevTools protocol.
    pub(crate) async fn command(&self, method: &str, parameters: Value) {
        self.post("/goog/cdp/execute", json!({ "cmd": method, "params": parameters })).await;
    }

    pub(crate) async fn size(&self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.command("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// Draws as if the system preferred these colours.
    pub(crate) async fn colours(&self, scheme: &str) {
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.command("Emulation.setEmulatedMedia", features).await;
    }

    /// Runs a script in the page.
    pub(crate) async fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", json!({ "script": script, "args": [] })).await
    }

    /// Runs a script that calls its argument with what it comes to.
    pub(crate) async fn run_to_end(&self, script: &str) -> Value {
        self.post("/execute/async", json!({ "script": script, "args": [] })).await
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
    pub(crate) async fn close(mut self) {
        let log = self.post("/se/log", json!({ "type": "browser" })).await;
        let faults: Vec<_> = log
            .as_array()
            .unwrap()
            .iter()
            .filter(|entry| entry["level"] == "SEVERE")
            .filter_map(|entry| entry["message"].as_str())
            .filter(|message| !message.contains("Failed to load resource"))
            .collect();
        assert!(faults.is_empty(), "{faults:#?}");
        self.send(Method::DELETE, "", Value::Null).await;
        self.process.kill().await.unwrap();
    }
}

/// The port that chromedriver says it has.
async fn port(process: &mut Child) -> u16 {
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let said = async {
        loop {
            let line = lines.next_line().await.unwrap().unwrap();
            let port = line.rsplit_once("successfully on port ").map(|(_, rest)| rest.trim_end_matches('.'));
            if let Some(port) = port.and_then(|port| port.parse().ok()) {
                return port;
            }
        }
    };
    tokio::time::timeout(PATIENCE, said).await.unwrap()
}
