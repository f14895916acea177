//! `datastorage sample`: loads realistic audits through the API of a running service, to have something to look at.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::failure::Failure;

const SAMPLE: &str = include_str!("../data/sample.json");

/// Longest a request may take: the service embeds the whole sample meanwhile.
const REQUEST_BOUND: Duration = Duration::from_secs(120);

/// Asks the service to answer once what was written can be found.
const UNTIL_SEARCHABLE: &str = "wait=60";

/// One remediation and what belongs to it. Times are relative, so that a sample is always recent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Story {
    /// How long ago it began, in minutes.
    minutes_ago: u32,
    /// How long it took, in seconds; absent while it goes on.
    took_seconds: Option<u32>,
    remediation: Map<String, Value>,
    #[serde(default)]
    analyses: Vec<Part>,
    #[serde(default)]
    workflows: Vec<Part>,
    #[serde(default)]
    executions: Vec<Part>,
}

/// A record that refers to a remediation.
#[derive(Debug, Deserialize)]
struct Part {
    /// How long after the remediation it began, in seconds.
    after_seconds: u32,
    /// How long it took, in seconds; absent for what has no end.
    took_seconds: Option<u32>,
    #[serde(flatten)]
    record: Map<String, Value>,
}

/// The records of one type that belong to a remediation.
type PartsOf = fn(&Story) -> &[Part];

/// Loads the sample if the service at `url` holds no remediation yet, and says what came of it.
pub(crate) async fn run(url: &str) -> Result<ExitCode, Failure> {
    let outcome = load(url, Utc::now()).await?;
    writeln!(std::io::stdout().lock(), "{outcome}").context("cannot write")?;
    Ok(ExitCode::SUCCESS)
}

async fn load(url: &str, now: DateTime<Utc>) -> Result<String> {
    let api = Api::new(url)?;
    if api.holds_remediations().await? {
        return Ok("the store already holds records".to_owned());
    }
    let stories = stories()?;
    let remediations = stories.iter().map(|story| story.remediation(now)).collect();
    let stored = api.write("remediation", remediations).await?;
    ensure!(stored.ids.len() == stories.len(), "{} remediations became {}", stories.len(), stored.ids.len());
    let mut count = stored.ids.len();
    let kinds: [(&str, &str, PartsOf); 3] = [
        ("aianalysis", "timestamp", |story| &story.analyses),
        ("workflow", "start_time", |story| &story.workflows),
        ("execution", "start_time", |story| &story.executions),
    ];
    for (kind, time, parts) in kinds {
        let of_story = |(story, id): (&Story, &i64)| {
            let record = |part: &Part| part.record(*id, time, story.start(now));
            parts(story).iter().map(record).collect::<Vec<_>>()
        };
        let records = stories.iter().zip(&stored.ids).flat_map(of_story).collect();
        count += api.write(kind, records).await?.ids.len();
    }
    let found = if stored.is_searchable { "searchable" } else { "not searchable yet: being embedded" };
    Ok(format!("{count} records loaded, {found}"))
}

fn stories() -> Result<Vec<Story>> {
    serde_json::from_str(SAMPLE).context("the sample is malformed")
}

impl Story {
    fn start(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        now - TimeDelta::minutes(self.minutes_ago.into())
    }

    fn remediation(&self, now: DateTime<Utc>) -> Value {
        timed(self.remediation.clone(), "start_time", self.start(now), self.took_seconds).into()
    }
}

impl Part {
    /// The record, which belongs to the remediation `id` that began at `start`.
    fn record(&self, id: i64, start_field: &str, start: DateTime<Utc>) -> Value {
        let begun = start + TimeDelta::seconds(self.after_seconds.into());
        let mut record = timed(self.record.clone(), start_field, begun, self.took_seconds);
        record.insert("remediation_id".to_owned(), id.into());
        record.into()
    }
}

/// `record` with its times put in.
fn timed(
    mut record: Map<String, Value>,
    start_field: &str,
    start: DateTime<Utc>,
    took_seconds: Option<u32>,
) -> Map<String, Value> {
    let text = |time: DateTime<Utc>| Value::from(time.to_rfc3339_opts(SecondsFormat::Micros, true));
    record.insert(start_field.to_owned(), text(start));
    if let Some(seconds) = took_seconds {
        record.insert("end_time".to_owned(), text(start + TimeDelta::seconds(seconds.into())));
    }
    record
}

/// The service's API, as far as the sample needs it.
struct Api<'a> {
    url: &'a str,
    client: reqwest::Client,
}

/// The answer to a batch.
#[derive(Debug)]
struct Stored {
    /// The records' ids, in the order of the batch.
    ids: Vec<i64>,
    /// Whether they can be found already.
    is_searchable: bool,
}

impl<'a> Api<'a> {
    fn new(url: &'a str) -> Result<Self> {
        let client = reqwest::Client::builder().no_proxy().timeout(REQUEST_BOUND).build();
        Ok(Self { url: url.trim_end_matches('/'), client: client.context("no HTTP client can be made")? })
    }

    async fn holds_remediations(&self) -> Result<bool> {
        let url = format!("{}/api/v1/audit/remediation?limit=1", self.url);
        let page = ask(self.client.get(&url)).await.with_context(|| format!("GET {url}"))?;
        let total = page.pointer("/pagination/total").and_then(Value::as_u64);
        Ok(total.with_context(|| format!("GET {url} gives no total"))? > 0)
    }

    async fn write(&self, kind: &str, records: Vec<Value>) -> Result<Stored> {
        let url = format!("{}/api/v1/audit/{kind}/batch", self.url);
        let request = self.client.post(&url).header("Prefer", UNTIL_SEARCHABLE).json(&records);
        let stored = ask(request).await.with_context(|| format!("POST {url}"))?;
        let ids = stored.get("ids").and_then(Value::as_array).map(|ids| ids.iter().filter_map(Value::as_i64));
        let ids = ids.with_context(|| format!("POST {url} gives no ids: {stored}"))?.collect();
        Ok(Stored { ids, is_searchable: stored.get("vector_sync").is_some_and(|it| it == "synced") })
    }
}

/// The body of a successful answer. A refusal's is shown: the problem document says what is wrong.
async fn ask(request: reqwest::RequestBuilder) -> Result<Value> {
    let response = request.send().await?;
    let (status, body) = (response.status(), response.text().await?);
    ensure!(status.is_success(), "{status} {body}");
    serde_json::from_str(&body).with_context(|| format!("not JSON: {body}"))
}

#[cfg(test)]
mod tests {
    //! Tests for the sample's own form.

    use std::collections::HashSet;

    use super::{Value, stories};

    /// The longest age: the sample is loaded into a store whose partitions reach a month back.
    const OLDEST_MINUTES: u32 = 28 * 24 * 60;

    #[test]
    fn every_story_is_complete_and_consistent() {
        let stories = stories().unwrap();
        assert!(stories.len() >= 40, "{}", stories.len());
        for story in &stories {
            let text = |field: &str| story.remediation.get(field).and_then(Value::as_str);
            let name = text("name").unwrap();
            for field in ["namespace", "action_type", "phase", "status"] {
                assert!(text(field).is_some(), "{name}: {field}");
            }
            let finished = matches!(text("phase"), Some("completed" | "failed"));
            assert_eq!(finished, story.took_seconds.is_some(), "{name}: only what is finished has an end");
            let judged = matches!(text("status"), Some("success" | "failed" | "unknown"));
            assert_eq!(finished, judged, "{name}: phase and status agree");
            assert!(story.minutes_ago <= OLDEST_MINUTES, "{name}");
            assert!(
                story.took_seconds.is_none_or(|it| it <= story.minutes_ago * 60),
                "{name} ends in the future"
            );
        }
    }

    #[test]
    fn the_sample_has_parts_of_every_kind_and_no_story_twice() {
        let stories = stories().unwrap();
        let count = |parts: fn(&super::Story) -> usize| stories.iter().map(parts).sum::<usize>();
        assert!(count(|it| it.analyses.len()) >= 8);
        assert!(count(|it| it.workflows.len()) >= 5);
        assert!(count(|it| it.executions.len()) >= 8);
        let requests: HashSet<_> =
            stories.iter().map(|it| it.remediation.get("remediation_request_id")).collect();
        assert_eq!(requests.len(), stories.len());
    }
}
