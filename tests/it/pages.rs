//! The pages that are open to all callers: encoded once, known by a tag, and no way around the limits.

use std::io::Read as _;

use flate2::read::{GzDecoder, ZlibDecoder};
use reqwest::Method;

use crate::support::{Answer, Service, options};

/// F48: a page comes in the encoding that is asked for, with one strong tag, and is not sent again to those who have it.
#[tokio::test]
async fn an_open_page_is_encoded_as_asked_and_known_by_its_tag() {
    let service = Service::start().await;
    for path in [
        "/openapi.json",
        "/docs/swagger-ui-bundle.js",
        "/docs/index.html",
        "/problems/conflict",
        "/ui/",
        "/ui/main.js",
    ] {
        let url = format!("{}{path}", service.process.url());
        let plain = service.get(path).await.expect(200);
        let tag = plain.header("ETag");
        assert!(tag.starts_with('"') && tag.len() > 32, "{tag}");
        for encoding in ["gzip", "deflate"] {
            let packed = service.client.get(&url).header("Accept-Encoding", encoding).send().await.unwrap();
            let header = |name: &str| packed.headers()[name].to_str().unwrap().to_owned();
            assert_eq!([header("Content-Encoding"), header("ETag")], [encoding, tag], "{path}");
            assert_eq!(header("Vary"), "Accept-Encoding", "{path}");
            let bytes = packed.bytes().await.unwrap();
            let mut unpacked = String::new();
            match encoding {
                "gzip" => GzDecoder::new(&bytes[..]).read_to_string(&mut unpacked).unwrap(),
                _ => ZlibDecoder::new(&bytes[..]).read_to_string(&mut unpacked).unwrap(),
            };
            assert!(unpacked == plain.text, "{path} as {encoding}");
            let known =
                service.client.get(&url).header("Accept-Encoding", encoding).header("If-None-Match", tag);
            let known = Answer::of(known.send().await.unwrap()).await.expect(304);
            assert_eq!((known.text.as_str(), known.header("ETag")), ("", tag), "{path}");
        }
        let head = service.send(Method::HEAD, path).await.expect(200);
        assert_eq!(head.header("ETag"), tag, "{path}");
    }
}

/// F48: an address that asks for the open pages without end is put off, and health is still answered.
#[tokio::test]
async fn the_open_pages_are_no_way_around_the_limits() {
    let options = options()
        .set("DATASTORAGE__LIMITS__STRANGER_RATE", "1")
        .set("DATASTORAGE__LIMITS__STRANGER_BURST", "5");
    let service = Service::with(options).await;
    let mut refused = 0;
    for _ in 0..50 {
        let answer = service.get("/openapi.json").await;
        refused += usize::from(answer.status == 429);
    }
    assert!(refused > 0, "50 requests at once were answered");
    service.get("/health").await.expect(200);
    service.get("/api/v1/audit/remediation").await.expect(200);
}

/// The explorer moves to where its parts are beside it, is asked for again after an upgrade, and may load and run nothing but
/// its own files.
#[tokio::test]
async fn the_explorer_is_whole_and_runs_its_own_files_alone() {
    let service = Service::start().await;
    assert_eq!(service.get("/ui").await.expect(200).text, service.get("/ui/").await.expect(200).text);
    let page = service.get("/ui/").await.expect(200);
    assert_eq!(
        [page.header("Content-Type"), page.header("Cache-Control")],
        ["text/html; charset=utf-8", "no-cache"]
    );
    let policy = page.header("Content-Security-Policy");
    for part in [
        "default-src 'none'",
        "script-src 'self';",
        "require-trusted-types-for 'script'",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.contains(part) && !policy.contains("unsafe"), "{policy}");
    }
    let quoted = |text: &str, before: &str| -> Vec<String> {
        text.split(before).skip(1).filter_map(|rest| Some(rest.split('"').next()?.to_owned())).collect()
    };
    let named = [quoted(&page.text, "src=\""), quoted(&page.text, "href=\"")].concat();
    let files: Vec<_> = named.into_iter().filter(|name| !name.starts_with("data:")).collect();
    assert!(files.len() > 5, "{files:?}");
    for file in files {
        let part = service.get(&format!("/ui/{file}")).await.expect(200);
        for import in quoted(&part.text, "from \"./") {
            service.get(&format!("/ui/{import}")).await.expect(200);
        }
    }
    service.get("/ui/none.js").await.expect(404);
}
