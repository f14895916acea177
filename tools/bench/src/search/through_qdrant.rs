//! S1: searches over HTTP, which the service answers through Qdrant, in turns with Qdrant asked directly for the vector of
//! the same text. Both sides embed the text anew.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use qdrant_client::Qdrant;
use qdrant_client::qdrant::{
    CollectionStatus, Condition, Filter, Query as Nearest, QueryPoints, QueryPointsBuilder,
    SearchParamsBuilder,
};
use serde_json::Value;
use storage_embedding::LocalEmbedder;
use storage_testkit::{ServiceProcess, TestQdrant};

use super::asked::{Filtered, NEIGHBOURS, Query, Recall, embed};
use crate::latency::{Latencies, median, of_each};
use crate::progress::step;
use crate::reader::Reader;
use crate::reconcile::{on_qdrant, reconcile};
use crate::records;
use crate::report::{Goal, Report};

/// Candidates that a search of the graph keeps, on both sides: as many as the service asks for.
const EF: u64 = 128;
/// How often to look whether Qdrant has indexed everything.
const PAUSE: Duration = Duration::from_millis(500);

/// Adds what `rounds` of all searches found.
pub(super) async fn measure(
    report: &mut Report,
    url: &str,
    qdrant: &TestQdrant,
    model: &LocalEmbedder,
    rounds: usize,
    queries: &[Query],
    filters: &[Filtered],
) -> Result<()> {
    let options =
        on_qdrant(records::only_reading("local")?, qdrant).set("DATASTORAGE__EMBEDDING__CACHE_BYTES", "0");
    let filling = reconcile(url, &options, &["--rebuild"]);
    step("points", filling, |it| format!("{} stored", it.found.points)).await?;
    let service = ServiceProcess::start(url, options).await?;
    let client = qdrant.client()?;
    let indexing = until_indexed(&client, qdrant.collection());
    step("Qdrant's indexing", indexing, |()| "done".to_owned()).await?;
    let mut sides =
        Sides { reader: Reader::connect(&service).await?, client, collection: qdrant.collection(), model };
    for filtered in filters {
        let (mut of_service, mut of_direct) = (Vec::new(), Vec::new());
        let [mut recall, mut recall_of_direct] = [Recall::default(), Recall::default()];
        // The first round fills caches, and its times are not counted.
        for number in 0..=rounds {
            let (mut services, mut directs) = (Vec::new(), Vec::new());
            for (query, truth) in queries.iter().zip(&filtered.truths) {
                let (took, similarities) = sides.through_the_service(query, filtered).await?;
                services.push(took);
                recall.add(truth, similarities.into_iter())?;
                let (took, similarities) = sides.directly(query, filtered).await?;
                directs.push(took);
                recall_of_direct.add(truth, similarities.into_iter())?;
            }
            if number > 0 {
                of_service.push(Latencies::of(services));
                of_direct.push(Latencies::of(directs));
            }
        }
        let (share, matching) = (filtered.share, filtered.matching);
        report
            .verdict(
                format!("S1: recall@10, {share} % ({matching} records)"),
                recall.share(),
                Goal::AtLeast(0.98),
            )
            .verdict(
                format!("S1: recall@10 of Qdrant asked directly, {share} %"),
                recall_of_direct.share(),
                Goal::None,
            )
            .verdict(
                format!("S1: service / embedding and Qdrant, p95, {share} %"),
                median(&of_service, 950) / median(&of_direct, 950),
                Goal::AtMost(1.3),
            );
        for (side, times) in [("service", of_service), ("embedding and Qdrant", of_direct)] {
            report.series(format!("{side}: p50, {share} %"), "ms", of_each(&times, 500)).series(
                format!("{side}: p95, {share} %"),
                "ms",
                of_each(&times, 950),
            );
        }
    }
    Ok(())
}

/// Waits until Qdrant optimises nothing any more.
async fn until_indexed(client: &Qdrant, collection: &str) -> Result<()> {
    loop {
        let info = client.collection_info(collection).await?.result.context("Qdrant tells nothing of it")?;
        if !matches!(info.status(), CollectionStatus::Yellow | CollectionStatus::Grey) {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The two that are asked.
struct Sides<'a> {
    reader: Reader,
    client: Qdrant,
    collection: &'a str,
    model: &'a LocalEmbedder,
}

impl Sides<'_> {
    /// How long the answer took, and how similar its hits are.
    async fn through_the_service(
        &mut self,
        query: &Query,
        filtered: &Filtered,
    ) -> Result<(Duration, Vec<f64>)> {
        let filter: String = filtered.pairs.iter().map(|(name, value)| format!("&{name}={value}")).collect();
        let path = format!(
            "/api/v1/audit/search?mode=semantic&limit={NEIGHBOURS}&q={}{filter}",
            encoded(&query.text)
        );
        let request = self.reader.request(&path);
        let started = Instant::now();
        self.reader.send(&request).await?;
        let took = started.elapsed();
        let answer = self.reader.body()?;
        let engine = answer.get("engine").and_then(Value::as_str);
        ensure!(engine == Some("qdrant"), "the service searched through {engine:?}");
        let hits = answer.get("data").and_then(Value::as_array).context("the answer has no hits")?;
        let similarity =
            |hit: &Value| hit.get("similarity").and_then(Value::as_f64).context("a hit has no similarity");
        Ok((took, hits.iter().map(similarity).collect::<Result<_>>()?))
    }

    /// The same of the text's vector, with the time to make it.
    async fn directly(&self, query: &Query, filtered: &Filtered) -> Result<(Duration, Vec<f64>)> {
        let started = Instant::now();
        let vector = embed(self.model, &query.text).await?;
        let mut request: QueryPoints = QueryPointsBuilder::new(self.collection)
            .query(Nearest::new_nearest(vector.as_slice().to_vec()))
            .limit(u64::try_from(NEIGHBOURS)?)
            .params(SearchParamsBuilder::default().hnsw_ef(EF))
            .into();
        if !filtered.pairs.is_empty() {
            let condition = |(name, value): &(&str, &str)| Condition::matches(*name, (*value).to_owned());
            request.filter = Some(Filter::must(filtered.pairs.iter().map(condition)));
        }
        let found = self.client.query(request).await?.result;
        let took = started.elapsed();
        Ok((took, found.iter().map(|point| f64::from(point.score)).collect()))
    }
}

/// A text as it may stand in a query string.
fn encoded(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::encoded;

    #[test]
    fn a_text_keeps_its_letters_in_a_query_string() {
        assert_eq!(encoded("5 of é & +"), "5%20of%20%C3%A9%20%26%20%2B");
    }
}
