//! Everything that the API lists.

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use storage_models::RecordType;

use crate::model::Fields;

/// Records of one page.
const PAGE: u32 = 1_000;

/// Shows every record of a type, page by page; how many there were, and how many the API says there are.
pub(crate) async fn each(
    http: &reqwest::Client,
    url: &str,
    kind: RecordType,
    mut see: impl FnMut(&Fields),
) -> Result<(u64, u64)> {
    let (mut read, mut total, mut cursor) = (0, None, None::<String>);
    loop {
        let path = format!("{url}/api/v1/audit/{}", kind.path());
        let mut query = vec![("limit", PAGE.to_string())];
        query.extend(cursor.take().map(|cursor| ("cursor", cursor)));
        let response = http.get(path).query(&query).send().await?;
        let (status, page) = (response.status(), response.json::<Value>().await?);
        ensure!(status.is_success(), "the list of {kind} is answered {status}: {page}");
        for record in page.get("data").and_then(Value::as_array).into_iter().flatten() {
            see(record.as_object().context("a list has an entry that is not a record")?);
            read += 1;
        }
        let pagination = page.get("pagination").context("a page has no pagination")?;
        total = total.or_else(|| pagination.get("total").and_then(Value::as_u64));
        match pagination.get("next_cursor").and_then(Value::as_str) {
            Some(next) => cursor = Some(next.to_owned()),
            None => return Ok((read, total.context("the list has no total")?)),
        }
    }
}
