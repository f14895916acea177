//! The links to other pages of a list (RFC 8288).

use storage_query::PageRequest;

use crate::edge::RecordPage;
use crate::parameters::decode;

/// The value of the header `Link`: the first page, the one before and the one behind, as far as there are any.
pub(crate) fn of(path: &str, query: &str, page: &RecordPage) -> String {
    let (limit, offset) = (page.request.limit(), page.request.offset());
    let next = offset + limit;
    let mut links = Vec::with_capacity(3);
    if page.has_more && next <= PageRequest::MAX_OFFSET {
        links.push(link(path, query, next, "next"));
    }
    if offset > 0 {
        links.push(link(path, query, (offset - limit).max(0), "prev"));
    }
    links.push(link(path, query, 0, "first"));
    links.join(", ")
}

/// The same list at another offset. Relative to the host, which a proxy in front may know by another name.
fn link(path: &str, query: &str, offset: i64, relation: &str) -> String {
    let is_offset = |part: &str| decode(part.split('=').next().unwrap_or_default()).as_deref() == Some("offset");
    let mut parts: Vec<String> =
        query.split('&').filter(|part| !part.is_empty() && !is_offset(part)).map(escaped).collect();
    if offset > 0 {
        parts.push(format!("offset={offset}"));
    }
    let separator = if parts.is_empty() { "" } else { "?" };
    format!("<{path}{separator}{}>; rel=\"{relation}\"", parts.join("&"))
}

/// What could end the link before its time, escaped. Anything else came through the parser of the request line.
fn escaped(part: &str) -> String {
    part.replace('<', "%3C").replace('>', "%3E").replace('"', "%22")
}

#[cfg(test)]
mod tests {
    use storage_query::PageRequest;

    use super::of;
    use crate::edge::RecordPage;

    fn links(query: &str, limit: i64, offset: i64, has_more: bool) -> String {
        let request = PageRequest::new(limit, offset).unwrap();
        of("/a", query, &RecordPage { records: vec![], total: None, request, has_more })
    }

    /// BR-STORAGE-014
    #[test]
    fn every_link_keeps_the_filter_and_moves_the_offset() {
        for (query, limit, offset, has_more, expected) in [
            ("", 100, 0, false, "</a>; rel=\"first\""),
            ("", 100, 0, true, "</a?offset=100>; rel=\"next\", </a>; rel=\"first\""),
            (
                "namespace=x&offset=20&limit=10",
                10,
                20,
                true,
                "</a?namespace=x&limit=10&offset=30>; rel=\"next\", \
                 </a?namespace=x&limit=10&offset=10>; rel=\"prev\", </a?namespace=x&limit=10>; rel=\"first\"",
            ),
            ("limit=10&offset=5", 10, 5, false, "</a?limit=10>; rel=\"prev\", </a?limit=10>; rel=\"first\""),
            ("%6Fffset=0&a=\">", 10, 0, false, "</a?a=%22%3E>; rel=\"first\""),
            ("offset=100000", 100, 100_000, true, "</a?offset=99900>; rel=\"prev\", </a>; rel=\"first\""),
        ] {
            assert_eq!(links(query, limit, offset, has_more), expected, "{query}");
        }
    }
}
