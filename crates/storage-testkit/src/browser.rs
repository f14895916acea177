//! Chromium, driven by the commands of WebDriver (W3C) that chromedriver takes.
//!
//! The commands are sent as they are: the client that is kept for Rust has serde_json keep the order of keys, which would
//! change every program that is built beside it.

use std::env;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio_rustls::rustls::crypto::ring;

use crate::TestkitError;

/// Longer than any command takes.
const PATIENCE: Duration = Duration::from_secs(60);

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

/// A browser with one window.
///
/// Its programs end when this value is dropped.
#[derive(Debug)]
pub struct Browser {
    client: reqwest::Client,
    /// The address of the session that chromedriver keeps.
    session: String,
    process: Child,
}

/// A program in `PATH`.
fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|directory| directory.join(name)).find(|file| file.is_file())
}

impl Browser {
    /// Starts Chromium; `None` when `chromium` and `chromedriver` are not both in `PATH`.
    ///
    /// # Errors
    /// [`TestkitError::Browser`].
    pub async fn start() -> Result<Option<Self>, TestkitError> {
        let (Some(chromium), Some(chromedriver)) = (program("chromium"), program("chromedriver")) else {
            return Ok(None);
        };
        let mut process = Command::new(chromedriver)
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| TestkitError::browser("start chromedriver", &error))?;
        let driver = format!("http://127.0.0.1:{}/session", port(&mut process).await?);
        // The client wants one even for addresses without TLS; another may have been first.
        let _ = ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .timeout(PATIENCE)
            .build()
            .map_err(|error| TestkitError::browser("make the client", &error))?;
        let mut browser = Self { client, session: driver, process };
        let options = json!({ "binary": chromium, "args": ARGUMENTS });
        let wanted = json!({ "goog:chromeOptions": options, "goog:loggingPrefs": { "browser": "ALL" } });
        let opened = browser.post("", json!({ "capabilities": { "alwaysMatch": wanted } })).await?;
        browser.session = format!("{}/{}", browser.session, text(&opened, "sessionId"));
        Ok(Some(browser))
    }

    async fn send(&self, method: Method, path: &str, body: &Value) -> Result<Value, TestkitError> {
        let fault = |error: &dyn std::error::Error| TestkitError::browser(&format!("{path} {body}"), error);
        let mut request = self.client.request(method.clone(), format!("{}{path}", self.session));
        if method == Method::POST {
            request = request.json(body);
        }
        let answer = request.send().await.map_err(|error| fault(&error))?;
        let is_done = answer.status().is_success();
        let mut value: Value = answer.json().await.map_err(|error| fault(&error))?;
        let value = value.get_mut("value").map(Value::take).unwrap_or_default();
        if is_done { Ok(value) } else { Err(fault(&std::io::Error::other(text(&value, "message")))) }
    }

    /// Sends a command that has this path behind the session's; its value.
    ///
    /// # Errors
    /// [`TestkitError::Browser`].
    pub async fn post(&self, path: &str, body: Value) -> Result<Value, TestkitError> {
        self.send(Method::POST, path, &body).await
    }

    /// Goes to a URL.
    ///
    /// # Errors
    /// [`TestkitError::Browser`].
    pub async fn go(&self, url: &str) -> Result<(), TestkitError> {
        self.post("/url", json!({ "url": url })).await.map(drop)
    }

    /// Sends a command of the DevTools protocol; its result.
    ///
    /// # Errors
    /// [`TestkitError::Browser`].
    pub async fn command(&self, method: &str, parameters: Value) -> Result<Value, TestkitError> {
        self.post("/goog/cdp/execute", json!({ "cmd": method, "params": parameters })).await
    }

    /// Gives the page this many pixels.
    ///
    /// # Errors
    /// [`TestkitError::Browser`].
    pub async fn size(&self, width: u32, height: u32) -> Result<(), TestkitError> {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.command("Emulation.setDeviceMetricsOverride", size).await.map(drop)
    }

    /// Draws as if the system preferred these colours: `light` or `dark`.
    ///
    /// # Errors
    /// [`TestkitError::Browser`].
    pub async fn colours(&self, scheme: &str) -> Result<(), TestkitError> {
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.command("Emulation.setEmulatedMedia", features).await.map(drop)
    }

    /// Runs the body of a function in the page; what it returns.
    ///
    /// # Errors
    /// [`TestkitError::Browser`].
    pub async fn run(&self, script: &str) -> Result<Value, TestkitError> {
        self.post("/execute/sync", json!({ "script": script, "args": [] })).await
    }

    /// Runs the body of a function in the page, which calls its argument with what it comes to.
    ///
    /// # Errors
    /// [`TestkitError::Browser`].
    pub async fn run_to_end(&self, script: &str) -> Result<Value, TestkitError> {
        self.post("/execute/async", json!({ "script": script, "args": [] })).await
    }

    /// What the page looks like, as PNG.
    ///
    /// # Errors
    /// [`TestkitError::Browser`].
    pub async fn screenshot(&self) -> Result<Vec<u8>, TestkitError> {
        let shot = self.command("Page.captureScreenshot", json!({ "format": "png" })).await?;
        STANDARD
            .decode(text(&shot, "data"))
            .map_err(|error| TestkitError::browser("read the screenshot", &error))
    }

    /// Ends the browser; what its console called an error.
    ///
    /// # Errors
    /// [`TestkitError::Browser`].
    pub async fn close(mut self) -> Result<Vec<String>, TestkitError> {
        let log = self.post("/se/log", json!({ "type": "browser" })).await?;
        let entries = log.as_array().into_iter().flatten();
        let faults =
            entries.filter(|entry| text(entry, "level") == "SEVERE").map(|entry| text(entry, "message"));
        let faults = faults.collect();
        self.send(Method::DELETE, "", &Value::Null).await?;
        self.process.kill().await.map_err(|error| TestkitError::browser("end chromedriver", &error))?;
        Ok(faults)
    }
}

/// A text of an answer; empty when it is not there.
fn text(answer: &Value, name: &str) -> String {
    answer.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The port that chromedriver says it has.
async fn port(process: &mut Child) -> Result<u16, TestkitError> {
    let fault = |error: &dyn std::error::Error| TestkitError::browser("start chromedriver", error);
    let silent = || fault(&std::io::Error::other("it did not say on which port it listens"));
    let mut lines = BufReader::new(process.stdout.take().ok_or_else(silent)?).lines();
    let said = async {
        while let Some(line) = lines.next_line().await.map_err(|error| fault(&error))? {
            let port = line.rsplit_once("successfully on port ").map(|(_, rest)| rest.trim_end_matches('.'));
            if let Some(port) = port.and_then(|port| port.parse().ok()) {
                return Ok(port);
            }
        }
        Err(silent())
    };
    tokio::time::timeout(PATIENCE, said).await.map_err(|error| fault(&error))?
}
