//! The links to other pages of a list (RFC 8288).

use storage_query::PageRequest;

use crate::edge::ItemPage;
use crate::parameters::decode;

/// The parameters that say which page of a list is meant.
const PLACES: [&str; 2] = ["offset", "cursor"];

/// Where a page begins.
enum Place<'a> {
    First,
    Offset(i64),
    Cursor(&'a str),
}

/// The value of the header `Link`: the first page, the one before and the one behind, as far as there are any.
/// None leads back from a page that a cursor led to.
pub(crate) fn of(path: &str, query: &str, page: &ItemPage) -> String {
    let mut links = Vec::with_capacity(3);
    if let Some(next) = next(page) {
        links.push(link(path, query, &next, "next"));
    }
    if let Some(offset @ 1..) = page.offset() {
        let place = Some(offset - page.request.limit()).filter(|offset| *offset > 0);
        links.push(link(path, query, &place.map_or(Place::First, Place::Offset), "prev"));
    }
    links.push(link(path, query, &Place::First, "first"));
    links.join(", ")
}

/// By cursor when that is how this page was reached, where offsets end, and behind a page that ends before its limit.
fn next(page: &ItemPage) -> Option<Place<'_>> {
    let by_offset = page.offset().filter(|_| !page.is_cut).map(|offset| offset + page.request.limit());
    let next = match by_offset {
        Some(offset @ ..=PageRequest::MAX_OFFSET) => Some(Place::Offset(offset)),
        _ => page.next_cursor.as_deref().map(Place::Cursor),
    };
    next.filter(|_| page.has_more)
}

/// The same list at another place. Relative to the host, which a proxy in front may know by another name.
fn link(path: &str, query: &str, place: &Place<'_>, relation: &str) -> String {
    let mut parts: Vec<String> =
        query.split('&').filter(|part| !part.is_empty() && !is_place(part)).map(escaped).collect();
    match place {
        Place::First => {}
        Place::Offset(offset) => parts.push(format!("offset={offset}")),
        Place::Cursor(cursor) => parts.push(format!("cursor={cursor}")),
    }
    let separator = if parts.is_empty() { "" } else { "?" };
    format!("<{path}{separator}{}>; rel=\"{relation}\"", parts.join("&"))
}

fn is_place(part: &str) -> bool {
    let name = decode(part.split('=').next().unwrap_or_default());
    name.is_some_and(|name| PLACES.contains(&name.as_str()))
}

/// What could end the link before its time, escaped. Anything else came through the parser of the request line.
fn escaped(part: &str) -> String {
    part.replace('<', "%3C").replace('>', "%3E").replace('"', "%22")
}

#[cfg(test)]
mod tests {
    use storage_query::PageRequest;

    use super::of;
    use crate::edge::ItemPage;

    fn page(limit: i64, offset: i64, has_more: bool) -> ItemPage {
        let request = PageRequest::new(limit, offset).unwrap();
        let (is_after_cursor, is_cut, next_cursor) = (false, false, None);
        ItemPage { items: vec![], total: None, request, is_after_cursor, has_more, is_cut, next_cursor }
    }

    fn links(query: &str, limit: i64, offset: i64, has_more: bool) -> String {
        of("/a", query, &page(limit, offset, has_more))
    }

    #[test]
    fn after_a_cursor_the_next_page_is_behind_the_next_cursor() {
        let next_cursor = Some("c2".to_owned());
        for (query, page, expected) in [
            (
                "limit=10&cursor=c1&name=x",
                ItemPage { is_after_cursor: true, next_cursor: next_cursor.clone(), ..page(10, 0, true) },
                "</a?limit=10&name=x&cursor=c2>; rel=\"next\", </a?limit=10&name=x>; rel=\"first\"",
            ),
            (
                "cursor=c1",
                ItemPage { is_after_cursor: true, next_cursor: next_cursor.clone(), ..page(10, 0, false) },
                "</a>; rel=\"first\"",
            ),
            (
                "offset=100000",
                ItemPage { next_cursor: next_cursor.clone(), ..page(100, 100_000, true) },
                "</a?cursor=c2>; rel=\"next\", </a?offset=99900>; rel=\"prev\", </a>; rel=\"first\"",
            ),
            (
                "limit=10",
                ItemPage { next_cursor, ..page(10, 0, true) },
                "</a?limit=10&offset=10>; rel=\"next\", </a?limit=10>; rel=\"first\"",
            ),
        ] {
            assert_eq!(of("/a", query, &page), expected, "{query}");
        }
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
