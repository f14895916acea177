//! The pages that need no permission. They never change while the process runs, so each is encoded once for each
//! encoding, and has an entity tag.

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::marker::PhantomData;

use actix_web::http::header::{
    AcceptEncoding, CONTENT_ENCODING, ContentEncoding, ETAG, Encoding, HeaderValue, IF_NONE_MATCH,
};
use actix_web::{FromRequest, Handler, HttpMessage as _, HttpRequest, HttpResponse};
use bytes::Bytes;
use data_encoding::HEXLOWER;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use sha2::{Digest as _, Sha256};
use tokio::sync::OnceCell;
use tokio::task::{JoinError, spawn_blocking};

use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::{Content, ResponseBuilder};

use super::answer::{Form, HandlerResult};
use super::etag;
use super::operation::{Operation, Request};
use super::requires::Requires;
use crate::explorer::FILES;
use crate::http::compress::ENCODINGS;
use crate::openapi;
use crate::openapi::responses::{Answers, empty};
use crate::openapi::schema;
use crate::problem::{self, Problem, ProblemKind};

/// Every page by its path, made when the first is asked for.
pub(super) struct Pages {
    /// The description of the API.
    document: fn() -> &'static str,
    made: OnceCell<HashMap<String, Encoded>>,
}

impl Pages {
    pub(super) fn new(document: fn() -> &'static str) -> Self {
        Self { document, made: OnceCell::new() }
    }

    /// The answer with the page of this path, as its client takes it.
    ///
    /// # Errors
    /// When there is no such page.
    pub(super) async fn answer(&self, request: &HttpRequest) -> Result<HttpResponse, Problem> {
        let document = self.document;
        let pages = self.made.get_or_try_init(|| off_thread(move || Ok(all(document())))).await?;
        let path = request.match_info().as_str();
        let page = pages.get(path).ok_or_else(|| Problem::new(ProblemKind::RouteNotFound))?;
        let mut known = request.headers().get_all(IF_NONE_MATCH).filter_map(|value| value.to_str().ok());
        if known.any(|header| etag::matches(header, &page.tag)) {
            return Ok(HttpResponse::NotModified().insert_header((ETAG, page.tag.as_str())).finish());
        }
        let (encoding, bytes) = page.encoded(chosen(request)).await?;
        let mut response = HttpResponse::Ok();
        response.content_type(page.media_type).insert_header((ETAG, page.tag.as_str()));
        if encoding != ContentEncoding::Identity {
            response.insert_header((CONTENT_ENCODING, HeaderValue::from_static(encoding.as_str())));
        }
        Ok(response.body(bytes))
    }
}

/// A page.
pub(super) trait Page: 'static {
    /// Its content by media type, each with an example.
    fn contents() -> Vec<(&'static str, Content)>;
}

/// 200 with a page and its tag, or 304 when the tag is known.
pub(super) struct Kept<P>(PhantomData<P>);

impl<P: Page> Form for Kept<P> {
    fn answers(about: &str) -> Answers {
        let contents = P::contents().into_iter();
        let page = contents
            .fold(tagged(about), |response, (media_type, content)| response.content(media_type, content));
        Answers::plain(200, page).and(304, tagged("The client has the current version."))
    }
}

/// With the tag of a page, which is not of the form that records' have.
fn tagged(about: &str) -> ResponseBuilder {
    let header = HeaderBuilder::new().schema(Some(schema::text()));
    empty(about)
        .header("ETag", header.description(Some("The version of the answer, for If-None-Match.")).build())
}

/// The operation that shows a page. `example` is a path of it.
pub(super) fn operation<H, Args, P>(path: &str, handler: H, about: &str, example: &str) -> Operation
where
    H: Handler<Args, Output = HandlerResult<Kept<P>>> + Send + Sync,
    Args: FromRequest + 'static,
    P: Page,
{
    Operation::get(path, Requires::Moderation, handler, about)
        .shown_by(Request::new(200, example))
        .shown_by(Request::new(304, example).header("If-None-Match", "*"))
}

/// A page as it is kept.
struct Encoded {
    media_type: &'static str,
    /// Of the content, however it is encoded.
    tag: String,
    plain: Bytes,
    gzip: OnceCell<Bytes>,
    deflate: OnceCell<Bytes>,
}

/// The same choice as in the middleware that compresses, which then has nothing to do.
fn chosen(request: &HttpRequest) -> ContentEncoding {
    let accepted = request.get_header::<AcceptEncoding>();
    match accepted.and_then(|accepted| accepted.negotiate(ENCODINGS.iter())) {
        Some(Encoding::Known(encoding)) => encoding,
        Some(Encoding::Unknown(_)) | None => ContentEncoding::Identity,
    }
}

fn all(document: &'static str) -> HashMap<String, Encoded> {
    let documents = [("/openapi.json", Bytes::from(document)), ("/openapi-3.0.json", older_form(document))];
    let documents = documents.map(|(path, text)| (path.to_owned(), Encoded::new("application/json", text)));
    let files = openapi::files().map(|(name, media_type, bytes)| {
        (format!("/docs/{name}"), Encoded::new(media_type, Bytes::from_owner(bytes)))
    });
    let explorer = FILES.iter().map(|file| {
        (format!("/ui/{}", file.name), Encoded::new(file.media_type, Bytes::from_static(file.bytes)))
    });
    let problems = ProblemKind::ALL
        .iter()
        .map(|kind| (kind.path(), Encoded::new("text/plain; charset=utf-8", problem::page(*kind).into())));
    documents.into_iter().chain(files).chain(explorer).chain(problems).collect()
}

/// The document as generators take it that do not know OpenAPI 3.1.
fn older_form(document: &str) -> Bytes {
    // The document is JSON.
    let document = serde_json::from_str(document).unwrap_or_default();
    openapi::form_3_0(document).to_string().into()
}

impl Encoded {
    fn new(media_type: &'static str, plain: Bytes) -> Self {
        let tag = format!("\"{}\"", HEXLOWER.encode(&Sha256::digest(&plain)));
        Self { media_type, tag, plain, gzip: OnceCell::new(), deflate: OnceCell::new() }
    }

    /// The page in this encoding, and the encoding it is in.
    async fn encoded(&self, wanted: ContentEncoding) -> Result<(ContentEncoding, Bytes), Problem> {
        let plain = self.plain.clone();
        let encoded = match wanted {
            ContentEncoding::Gzip => self.gzip.get_or_try_init(|| off_thread(move || gzip(&plain))).await?,
            ContentEncoding::Deflate => {
                self.deflate.get_or_try_init(|| off_thread(move || deflate(&plain))).await?
            }
            _ => return Ok((ContentEncoding::Identity, plain)),
        };
        Ok((wanted, encoded.clone()))
    }
}

fn gzip(plain: &[u8]) -> io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain)?;
    encoder.finish().map(Bytes::from)
}

fn deflate(plain: &[u8]) -> io::Result<Bytes> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain)?;
    encoder.finish().map(Bytes::from)
}

/// Does what takes more than a moment where no other request waits for it.
async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Problem> {
    let failed = |panicked: JoinError| Problem::new(ProblemKind::Internal).cause(panicked);
    spawn_blocking(work)
        .await
        .map_err(failed)?
        .map_err(|error| Problem::new(ProblemKind::Internal).cause(error))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::ContentEncoding;

    use super::Encoded;

    /// F48: the bytes of the second answer are those of the first, not made again.
    #[tokio::test]
    async fn a_page_is_encoded_once() {
        let page = Encoded::new("text/plain", "a page ".repeat(1_000).into());
        for wanted in [ContentEncoding::Gzip, ContentEncoding::Deflate] {
            let (encoding, first) = page.encoded(wanted).await.unwrap();
            let (_, second) = page.encoded(wanted).await.unwrap();
            assert_eq!((encoding, first.as_ptr()), (wanted, second.as_ptr()));
            assert!(first.len() < 100, "{wanted:?}: {} bytes", first.len());
        }
        let (encoding, plain) = page.encoded(ContentEncoding::Identity).await.unwrap();
        assert_eq!((encoding, plain.as_ptr()), (ContentEncoding::Identity, page.plain.as_ptr()));
    }

    #[test]
    fn another_content_has_another_tag() {
        let tag = |content: &'static str| Encoded::new("text/plain", content.into()).tag;
        assert_eq!(tag("a"), tag("a"));
        assert_ne!(tag("a"), tag("b"));
    }
}
