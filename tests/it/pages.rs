//! The pages that are open to everybody: encoded once, known by a tag, and no way around the limits.

use std::io::Read as _;

use flate2::read::{GzDecoder, ZlibDecoder};
use reqwest::Method;

use crate::support::{Answer, Service, options};

/// F48: a page comes in the encoding that is asked for, with one strong tag, and is not sent again to those who have it.
#[tokio::test]
async fn an_open_page_is_encoded_as_asked_and_known_by_its_tag() {
    let service = Service::start().await;
    for path in ["/openapi.json", "/docs/swagger-ui-bundle.js", "/docs/index.html", "/problems/conflict"] {
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
