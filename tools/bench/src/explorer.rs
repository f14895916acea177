//! The explorer in Chromium over very many records: how long until its views are painted, and what they ask for.
//!
//! The records are the sample that `datastorage sample` stores, with its vectors, copied by SQL over three months.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Error, Result, ensure};
use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};
use serde_json::{Value, json};
use storage_dualwrite::counters::{FOLD_LIMIT, fold};
use storage_testkit::{Browser, environment};
use tokio::process::Command;

use super::latency::Latencies;
use super::stand::{Stand, until_searchable};
use crate::progress::{answer, step};

/// Copies that one statement stores.
const CHUNK: usize = 100_000;

/// Tells in each document when its first rows were painted: the frame after the one in which they are there.
const NOTE_ROWS: &str = "const look = () => requestAnimationFrame(document.querySelector('tr[data-id]') \
    ? () => { window.rowsPainted = performance.now(); } : look); look();";

/// What is true while nothing is awaited.
const SETTLED: &str = "!document.querySelector('.old, .waiting')";

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Records.
    #[arg(long, default_value_t = 1_000_000)]
    rows: usize,
    /// Times that each view is measured.
    #[arg(long, default_value_t = 10)]
    runs: usize,
    /// `local` or `hashing`.
    #[arg(long, default_value = "local")]
    embedder: String,
    /// A directory for screenshots of the views.
    #[arg(long)]
    screenshots: Option<PathBuf>,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let browser =
        Browser::start().await?.context("chromium and chromedriver are not both in PATH: install them")?;
    // The page is opened more often than one address may.
    let unlimited = "limits.stranger_rate=0".parse().map_err(Error::msg)?;
    let stand = Stand::start_with("explorer", &arguments.embedder, &[unlimited]).await?;
    let outcome = measure(&stand, &browser, arguments).await;
    browser.close().await?;
    stand.end().await?;
    outcome
}

async fn measure(stand: &Stand, browser: &Browser, arguments: &Arguments) -> Result<()> {
    step("records", fill(stand, arguments.rows), |()| format!("{} stored", arguments.rows)).await?;
    browser.size(1600, 1000).await?;
    browser.command("Page.addScriptToEvaluateOnNewDocument", json!({ "source": NOTE_ROWS })).await?;
    let page = Page { browser, base: format!("{}/ui/", stand.service.url()) };
    let mut views = vec![Measured::new("first view, nothing in the browser's cache")];
    views.extend(ACTIONS.iter().map(|action| Measured::new(action.name)));
    // The first turn fills caches and is not counted.
    for turn in 0..=arguments.runs {
        for (place, view) in views.iter_mut().enumerate() {
            let times = match place.checked_sub(1).and_then(|place| ACTIONS.get(place)) {
                None => page.first_view().await?,
                Some(action) => page.act(action).await?,
            };
            if turn > 0 {
                view.add(times);
            }
        }
    }
    print(arguments, &views);
    if let Some(directory) = &arguments.screenshots {
        page.take(directory).await?;
    }
    Ok(())
}

/// What a user does on the first view, and what the page shows then.
struct Action {
    name: &'static str,
    does: &'static str,
    shows: &'static str,
}

const ACTIONS: [Action; 5] = [
    Action {
        name: "search, to its hits",
        does: "const box = document.querySelector('#search'); box.value = 'pods run out of memory and are restarted'; \
               box.dispatchEvent(new Event('input', { bubbles: true })); \
               requestAnimationFrame(() => box.form.requestSubmit())",
        shows: "document.querySelector('#total').textContent.includes('best hits')",
    },
    Action {
        name: "click on a facet, to its rows",
        does: "window.all = document.querySelector('#total').textContent; document.querySelector('.facets label').click()",
        shows: "document.querySelector('#total').textContent !== window.all && !document.querySelector('.results.old')",
    },
    Action {
        name: "second page",
        does: "document.querySelector('.pager button:last-child').click()",
        shows: "document.querySelector('#total').textContent.startsWith('51–')",
    },
    Action {
        name: "all time, to the newest rows",
        does: "window.all = document.querySelector('#total').textContent; document.querySelector('.chip button').click()",
        shows: "document.querySelector('#total').textContent !== window.all && !document.querySelector('.results.old')",
    },
    Action {
        name: "page of an incident",
        does: "location.hash = `#/incident/${document.querySelector('tr[data-id]').dataset.id}`",
        shows: "document.querySelector('.incident.page .axis')",
    },
];

/// The explorer of the service.
struct Page<'a> {
    browser: &'a Browser,
    base: String,
}

/// How long a view took, and what it asked for.
struct Times {
    /// Until what was asked for was painted.
    painted: f64,
    /// Until all parts of the view were.
    settled: f64,
    /// Path, milliseconds and bytes of each request.
    requests: Vec<(String, f64, f64)>,
}

impl Page<'_> {
    /// Opens the page anew.
    async fn first_view(&self) -> Result<Times> {
        self.browser.go("about:blank").await?;
        self.browser.command("Network.clearBrowserCache", json!({})).await?;
        self.browser.go(&self.base).await?;
        let script = format!("const done = arguments[0]; {}", watch("window.rowsPainted"));
        let value = self.browser.run_to_end(&script).await?;
        let painted = self.browser.run("return window.rowsPainted").await?;
        Times::read(&value, Some(&painted))
    }

    /// Does something on the first view.
    async fn act(&self, Action { does, shows, .. }: &Action) -> Result<Times> {
        self.first_view().await?;
        let script = format!(
            "const done = arguments[0]; performance.clearResourceTimings(); const begun = performance.now(); {does}; {}",
            watch(shows)
        );
        let value = self.browser.run_to_end(&script).await?;
        Times::read(&value, value.get("painted"))
    }

    async fn take(&self, directory: &Path) -> Result<()> {
        std::fs::create_dir_all(directory)?;
        let newest = "return document.querySelector('tr[data-id]').dataset.id";
        self.first_view().await?;
        let id = self.browser.run(newest).await?;
        let id = id.as_str().context("no row has an id")?;
        let views = [
            ("list", "?since=24h".to_owned()),
            ("search", "?q=pods+run+out+of+memory".to_owned()),
            ("worked", "?since=30d&severity=critical&outcomes=true".to_owned()),
            ("beside", format!("?since=24h&open={id}")),
            ("incident", format!("incident/{id}")),
        ];
        for scheme in ["light", "dark"] {
            self.browser.colours(scheme).await?;
            for (width, height) in [(400, 860), (1600, 1000)] {
                self.browser.size(width, height).await?;
                for (name, hash) in &views {
                    self.browser.go(&format!("{}#/{hash}", self.base)).await?;
                    self.browser
                        .run_to_end(&format!(
                            "const done = arguments[0]; {}",
                            watch("document.querySelector('h2')")
                        ))
                        .await?;
                    let file = directory.join(format!("{name}-{width}-{scheme}.png"));
                    std::fs::write(file, self.browser.screenshot().await?)?;
                }
            }
        }
        Ok(())
    }
}

/// The end of a script that calls `done` when `shows` is true and nothing is awaited any more, each one frame later.
fn watch(shows: &str) -> String {
    format!(
        "const from = typeof begun === 'undefined' ? 0 : begun; let painted; \
         const look = () => {{ const now = performance.now() - from; \
         if (painted === undefined && ({shows})) requestAnimationFrame(() => {{ painted = performance.now() - from; look(); }}); \
         else if (painted !== undefined && {SETTLED}) requestAnimationFrame(() => done({{ painted, settled: performance.now() - from, \
         requests: performance.getEntriesByType('resource').map((one) => [one.name.replace(location.origin, ''), one.duration, one.transferSize]) }})); \
         else requestAnimationFrame(look); }}; look();"
    )
}

impl Times {
    fn read(value: &Value, painted: Option<&Value>) -> Result<Self> {
        let number =
            |value: Option<&Value>| value.and_then(Value::as_f64).context("the page has measured nothing");
        let requests =
            value.get("requests").and_then(Value::as_array).context("the page lists no requests")?;
        let request = |one: &Value| {
            let path = one.get(0).and_then(Value::as_str).context("a request has no path")?;
            Ok((path.to_owned(), number(one.get(1))?, number(one.get(2))?))
        };
        Ok(Self {
            painted: number(painted)?,
            settled: number(value.get("settled"))?,
            requests: requests.iter().map(request).collect::<Result<_>>()?,
        })
    }
}

/// A view, measured several times.
struct Measured {
    name: &'static str,
    painted: Vec<Duration>,
    settled: Vec<Duration>,
    /// Of the last time.
    requests: Vec<(String, f64, f64)>,
}

impl Measured {
    const fn new(name: &'static str) -> Self {
        Self { name, painted: Vec::new(), settled: Vec::new(), requests: Vec::new() }
    }

    fn add(&mut self, times: Times) {
        self.painted.push(Duration::from_secs_f64(times.painted / 1e3));
        self.settled.push(Duration::from_secs_f64(times.settled / 1e3));
        self.requests = times.requests;
    }
}

fn print(arguments: &Arguments, views: &[Measured]) {
    answer(&format!(
        "the explorer over {} records, embedder {}; milliseconds until painted; goal: the first view below 1000",
        arguments.rows, arguments.embedder
    ));
    answer(
        "view                                         p50     max | all parts p50     max | requests     kB",
    );
    for Measured { name, painted, settled, requests } in views {
        let (painted, settled) = (Latencies::of(painted.clone()), Latencies::of(settled.clone()));
        answer(&format!(
            "{name:<43} {:>5.0} {:>7.0} | {:>13.0} {:>7.0} | {:>8} {:>6.1}",
            painted.p50(),
            painted.per_mille(1000),
            settled.p50(),
            settled.per_mille(1000),
            requests.len(),
            requests.iter().map(|(_, _, bytes)| bytes).sum::<f64>() / 1e3
        ));
    }
    for Measured { name, requests, .. } in views {
        answer(&format!("requests of: {name}"));
        for (path, took, bytes) in requests.iter().filter(|(path, ..)| !path.starts_with("/ui/")) {
            answer(&format!("{took:>7.0} ms {:>7.1} kB  {path}", bytes / 1e3));
        }
    }
}

/// Stores the sample, and copies of it until there are so many records, with all that is derived from them.
async fn fill(stand: &Stand, rows: usize) -> Result<()> {
    let program = environment::required(environment::SERVICE_BIN)?;
    let mut sample = Command::new(program);
    sample.args(["sample", "--url", &stand.service.url()]).stdout(Stdio::null());
    ensure!(sample.status().await?.success(), "the sample cannot be stored");
    let mut connection = AsyncPgConnection::establish(&stand.database_url).await?;
    until_searchable(&mut connection).await?;
    connection
        .batch_execute(
            "CREATE TEMPORARY TABLE sample AS SELECT *, row_number() OVER (ORDER BY id) AS place FROM remediation_audit;
             SELECT ensure_audit_partition('remediation_audit', (now() - age * interval '1 month')::date)
             FROM generate_series(0, 3) AS age",
        )
        .await?;
    for from in (1..=rows).step_by(CHUNK) {
        connection.batch_execute(&copy(from, rows.min(from + CHUNK - 1), rows)).await?;
    }
    while fold(&mut connection, FOLD_LIMIT).await? > 0 {}
    connection.batch_execute(COPY_DERIVED).await?;
    connection.batch_execute("VACUUM ANALYZE").await?;
    connection.batch_execute("CHECKPOINT").await?;
    Ok(())
}

/// Copies of the sample's records, evenly over ninety days, the last one a moment ago.
fn copy(from: usize, to: usize, rows: usize) -> String {
    format!(
        "INSERT INTO remediation_audit (name, namespace, phase, action_type, target_name, status, start_time, end_time,
             environment, cluster, remediation_request_id, alert_name, alert_fingerprint, severity, error_message, metadata)
         SELECT name, namespace, phase, action_type, target_name, status, at, at + (end_time - start_time), environment, cluster,
             'req-' || n / 3, alert_name, alert_fingerprint, severity, error_message, metadata
         FROM (SELECT n, now() - interval '90 days' * (1 - n / {rows}::float8) AS at,
                   1 + (hashint8extended(n, 1) & 1073741823) % (SELECT count(*) FROM sample) AS place
               FROM generate_series({from}, {to}) AS n) AS drawn JOIN sample USING (place)"
    )
}

/// A copy has the words and the vector of the record that it is a copy of, which alone has its name in the sample.
const COPY_DERIVED: &str = "
    INSERT INTO remediation_words (record_id, start_time, version, text_key, words)
    SELECT copied.id, copied.start_time, copied.updated_at, text_key, words
    FROM remediation_audit AS copied JOIN sample USING (name) JOIN remediation_words ON record_id = sample.id
    ON CONFLICT DO NOTHING;
    INSERT INTO remediation_vector (slot, record_id, start_time, version, embedding_id, incident_key)
    SELECT slot, copied.id, copied.start_time, copied.updated_at, embedding_id, incident_key
    FROM remediation_audit AS copied JOIN sample USING (name) JOIN remediation_vector ON record_id = sample.id
    ON CONFLICT DO NOTHING";
