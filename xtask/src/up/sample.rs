//! Loads a sample of realistic audits through the service's own API.

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};

const SAMPLE: &str = include_str!("../../data/sample.json");

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

/// Loads the sample if the service at `url` holds no remediation yet; how many records were loaded.
pub(super) async fn load_into_empty(url: String) -> Result<usize> {
    tokio::task::spawn_blocking(move || load(&url, Utc::now())).await?
}

fn load(url: &str, now: DateTime<Utc>) -> Result<usize> {
    let api = Api::new(url);
    if api.holds_remediations()? {
        return Ok(0);
    }
    let mut loaded = 0;
    for story in stories()? {
        let start = now - TimeDelta::minutes(story.minutes_ago.into());
        let record = timed(story.remediation, "start_time", start, story.took_seconds);
        let id = api.write("remediation", record)?;
        let parts = [
            ("aianalysis", "timestamp", story.analyses),
            ("workflow", "start_time", story.workflows),
            ("execution", "start_time", story.executions),
        ];
        loaded += 1;
        for (kind, time, parts) in parts {
            for part in parts {
                let begun = start + TimeDelta::seconds(part.after_seconds.into());
                let mut record = timed(part.record, time, begun, part.took_seconds);
                record.insert("remediation_id".to_owned(), id.into());
                api.write(kind, record)?;
                loaded += 1;
            }
        }
    }
    Ok(loaded)
}

fn stories() -> Result<Vec<Story>> {
    serde_json::from_str(SAMPLE).context("xtask/data/sample.json is malformed")
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
    agent: ureq::Agent,
}

impl<'a> Api<'a> {
    fn new(url: &'a str) -> Self {
        // Refusals are read, not turned into errors: the problem document says what is wrong.
        let config = ureq::Agent::config_builder().proxy(None).http_status_as_error(false).build();
        Self { url, agent: ureq::Agent::new_with_config(config) }
    }

    fn holds_remediations(&self) -> Result<bool> {
        let url = format!("{}/api/v1/audit/remediation?limit=1", self.url);
        let mut response = self.agent.get(&url).call().with_context(|| format!("GET {url}"))?;
        let body = response.body_mut().read_to_string()?;
        ensure!(response.status().is_success(), "GET {url}: {} {body}", response.status());
        let page: Value = serde_json::from_str(&body).with_context(|| format!("GET {url}: {body}"))?;
        let total = page.pointer("/pagination/total").and_then(Value::as_u64);
        Ok(total.with_context(|| format!("GET {url} gives no total"))? > 0)
    }

    /// Writes a record and returns its id.
    fn write(&self, kind: &str, record: Map<String, Value>) -> Result<i64> {
        let url = format!("{}/api/v1/audit/{kind}", self.url);
        let record = Value::from(record);
        let mut response = self.agent.post(&url).send_json(&record).with_context(|| format!("POST {url}"))?;
        let body = response.body_mut().read_to_string()?;
        ensure!(response.status().is_success(), "POST {url}: {} {body}\nsent: {record}", response.status());
        let stored: Value = serde_json::from_str(&body).with_context(|| format!("POST {url}: {body}"))?;
        stored.get("id").and_then(Value::as_i64).with_context(|| format!("POST {url} gives no id: {body}"))
    }
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
