//! What Qdrant holds, read with its own client.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use qdrant_client::qdrant::point_id::PointIdOptions;
use qdrant_client::qdrant::{RetrievedPoint, ScrollPointsBuilder};
use storage_testkit::TestQdrant;

use super::database::Database;
use super::finding::Check;
use crate::model::compare_index;

/// Points of one page.
const PAGE: u32 = 5_000;

/// The versions of all points, by id.
pub(super) async fn versions(qdrant: &TestQdrant) -> Result<BTreeMap<i64, i64>> {
    let client = qdrant.client()?;
    let mut versions = BTreeMap::new();
    let mut from = None;
    loop {
        let mut request =
            ScrollPointsBuilder::new(qdrant.collection()).limit(PAGE).with_payload(true).with_vectors(false);
        if let Some(from) = from.take() {
            request = request.offset::<qdrant_client::qdrant::PointId>(from);
        }
        let page = client.scroll(request).await.context("Qdrant does not list its points")?;
        for point in &page.result {
            let (id, version) = read(point).context("Qdrant holds a point without id or version")?;
            versions.insert(id, version);
        }
        match page.next_page_offset {
            Some(next) => from = Some(next),
            None => return Ok(versions),
        }
    }
}

fn read(point: &RetrievedPoint) -> Option<(i64, i64)> {
    let id = match point.id.as_ref()?.point_id_options.as_ref()? {
        PointIdOptions::Num(id) => i64::try_from(*id).ok()?,
        PointIdOptions::Uuid(_) => return None,
    };
    Some((id, point.payload.get("version")?.as_integer()?))
}

pub(crate) async fn check(database: &mut Database, qdrant: &TestQdrant) -> Result<Check> {
    let (stored, indexed) = (database.versions().await?, versions(qdrant).await?);
    let looked_at = u64::try_from(stored.len())?;
    let differences = compare_index(&stored, &indexed);
    Ok(Check {
        name: "Qdrant holds every remediation in its last version, and no other",
        looked_at,
        differences,
    })
}
