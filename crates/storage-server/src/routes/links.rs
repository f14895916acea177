//! The links to other pages of a list (RFC 8288).

use storage_models::Timestamp;

use crate::routes::parameters::decode;
use crate::store::edge::ItemPage;

/// The parameters that say which page of a list is meant.
const PAGE_PARAMETERS: [&str; 2] = ["offset", "cursor"];

/// Where a page begins.
#[derive(Clone, Copy)]
enum PageStart<'a> {
    First,
    Offset(i64),
    /// It knows which instants the ages of the filter meant.
    Cursor(&'a str),
}

/// The parameters of times that were given as ages, each with the instant that it means.
type Ages = [(&'static str, Timestamp)];

/// The value of the header `Link`: the first page, the one before and the one behind, as far as there are any.
///
/// The one behind is where a cursor leads, and the one before a page that a cursor led to: records that are written meanwhile
/// move offsets, and a walk by them would show some twice. All are of the same list: in the links that have no cursor, an age
/// becomes the instant that it meant.
pub(crate) fn of(path: &str, query: &str, page: &ItemPage, ages: &Ages) -> String {
    let next = page.next_cursor.as_deref().filter(|_| page.has_more).map(PageStart::Cursor);
    let previous = match page.offset().map(|offset| (offset, offset - page.request.limit())) {
        Some((1.., offset @ 1..)) => Some(PageStart::Offset(offset)),
        Some((1.., _)) => Some(PageStart::First),
        Some(_) => None,
        None => page.previous_cursor.as_deref().map(PageStart::Cursor),
    };
    let starts = [(next, "next"), (previous, "prev"), (Some(PageStart::First), "first")];
    let links =
        starts.into_iter().filter_map(|(start, relation)| Some(link(path, query, start?, ages, relation)));
    links.collect::<Vec<_>>().join(", ")
}

/// The same list at another place. Relative to the host, which a proxy in front may know by another name.
fn link(path: &str, query: &str, start: PageStart<'_>, ages: &Ages, relation: &str) -> String {
    let ages: &Ages = if matches!(start, PageStart::Cursor(_)) { &[] } else { ages };
    let kept = query.split('&').filter(|part| !part.is_empty());
    let mut parts: Vec<String> = kept.filter_map(|part| kept_part(part, ages)).collect();
    match start {
        PageStart::First => {}
        PageStart::Offset(offset) => parts.push(format!("offset={offset}")),
        PageStart::Cursor(cursor) => parts.push(format!("cursor={cursor}")),
    }
    let separator = if parts.is_empty() { "" } else { "?" };
    format!("<{path}{separator}{}>; rel=\"{relation}\"", parts.join("&"))
}

/// The part of a parameter that a link keeps: nothing of a parameter that names a page.
fn kept_part(part: &str, ages: &Ages) -> Option<String> {
    let Some(name) = decode(part.split('=').next().unwrap_or_default()) else { return Some(escaped(part)) };
    if PAGE_PARAMETERS.contains(&name.as_str()) {
        return None;
    }
    let age = ages.iter().find(|(known, _)| *known == name);
    Some(age.map_or_else(|| escaped(part), |(name, instant)| format!("{name}={instant}")))
}

/// Escapes the characters that could end the link early. All others have passed the parser of the request line.
fn escaped(part: &str) -> String {
    part.replace('<', "%3C").replace('>', "%3E").replace('"', "%22")
}

#[cfg(test)]
mod tests {
    use storage_models::Timestamp;
    use storage_query::PageRequest;

    use super::of;
    use crate::store::edge::ItemPage;

    fn page(limit: i64, offset: i64, has_more: bool) -> ItemPage {
        let request = PageRequest::new(limit, offset).unwrap();
        ItemPage {
            items: vec![],
            total: None,
            request,
            is_after_cursor: false,
            has_more,
            is_cut: false,
            next_cursor: None,
            previous_cursor: None,
        }
    }

    fn links(query: &str, page: &ItemPage) -> String {
        of("/a", query, page, &[])
    }

    fn before_more(limit: i64, offset: i64) -> ItemPage {
        ItemPage { next_cursor: Some("c2".to_owned()), ..page(limit, offset, true) }
    }

    /// F67, BR-STORAGE-014: every link keeps the filter, and the next page is where a cursor leads.
    #[test]
    fn every_link_keeps_the_filter_and_the_next_is_by_cursor() {
        let after_cursor = |page: ItemPage| ItemPage { is_after_cursor: true, ..page };
        for (query, page, expected) in [
            ("", page(100, 0, false), "</a>; rel=\"first\""),
            ("", before_more(100, 0), "</a?cursor=c2>; rel=\"next\", </a>; rel=\"first\""),
            (
                "namespace=x&offset=20&limit=10",
                before_more(10, 20),
                "</a?namespace=x&limit=10&cursor=c2>; rel=\"next\", \
                 </a?namespace=x&limit=10&offset=10>; rel=\"prev\", </a?namespace=x&limit=10>; rel=\"first\"",
            ),
            (
                "limit=10&offset=5",
                page(10, 5, false),
                "</a?limit=10>; rel=\"prev\", </a?limit=10>; rel=\"first\"",
            ),
            (
                "limit=10&offset=10",
                page(10, 10, false),
                "</a?limit=10>; rel=\"prev\", </a?limit=10>; rel=\"first\"",
            ),
            ("%6Fffset=0&a=\">", page(10, 0, false), "</a?a=%22%3E>; rel=\"first\""),
            (
                "limit=10&cursor=c1&name=x",
                ItemPage { previous_cursor: Some("c0".to_owned()), ..after_cursor(before_more(10, 0)) },
                "</a?limit=10&name=x&cursor=c2>; rel=\"next\", </a?limit=10&name=x&cursor=c0>; rel=\"prev\", \
                 </a?limit=10&name=x>; rel=\"first\"",
            ),
            // A feed goes on from where it ends, but there is no page yet.
            (
                "cursor=c1",
                ItemPage { has_more: false, ..after_cursor(before_more(10, 0)) },
                "</a>; rel=\"first\"",
            ),
        ] {
            assert_eq!(links(query, &page), expected, "{query}");
        }
    }

    /// F67: a link without a cursor is of the list that was answered, however late it is followed.
    #[test]
    fn ages_become_the_instants_they_meant_where_no_cursor_knows_them() {
        let at: Timestamp = "2026-01-31T00:00:00Z".parse().unwrap();
        let links = of("/a", "si%6Ece=7d&offset=20&limit=10&name=x", &before_more(10, 20), &[("since", at)]);
        let kept = "since=2026-01-31T00:00:00.000000Z&limit=10&name=x";
        let expected = format!(
            "</a?si%6Ece=7d&limit=10&name=x&cursor=c2>; rel=\"next\", </a?{kept}&offset=10>; rel=\"prev\", \
             </a?{kept}>; rel=\"first\""
        );
        assert_eq!(links, expected);
    }
}
