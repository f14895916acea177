//! The remote embedder against a stand-in of its API.

use crate::embedder::conforms;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use storage_embedding::{
    EmbedError, Embedder, Fault, HashingEmbedder, OpenAiEmbedder, OpenAiSettings, OpenAiSettingsError, Retry,
};
use storage_testkit::{Authority, CertificatePair, TlsFront};
use wiremock::matchers::{body_partial_json, header, method, path};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

/// Answers as the API does, with hashed vectors, the last text's first. Refuses empty texts, as the API does, and texts
/// with `poison` in them. Vectors are not of length 1, as some models' are not.
struct StandIn;

impl Respond for StandIn {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let question: Value = request.body_json().unwrap();
        let texts: Vec<String> = serde_json::from_value(question["input"].clone()).unwrap();
        if texts.iter().any(|text| text.is_empty() || text.contains("poison")) {
            return ResponseTemplate::new(400).set_body_json(json!({ "error": { "message": "bad input" } }));
        }
        let vectors = futures_util::future::FutureExt::now_or_never(HashingEmbedder::new().embed(&texts));
        let vectors = vectors.unwrap().unwrap();
        let scaled =
            |index: usize| -> Vec<f32> { vectors[index].as_slice().iter().map(|it| it * 3.0).collect() };
        let data = (0..texts.len()).rev().map(|index| json!({ "index": index, "embedding": scaled(index) }));
        ResponseTemplate::new(200)
            .set_body_json(json!({ "object": "list", "data": data.collect::<Vec<_>>() }))
    }
}

/// Answers as it is told, once for each of the templates, then as [`StandIn`]. Counts the calls.
struct Script {
    answers: Vec<ResponseTemplate>,
    calls: Arc<AtomicUsize>,
}

impl Respond for Script {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        self.answers.get(call).cloned().unwrap_or_else(|| StandIn.respond(request))
    }
}

async fn server(answers: Vec<ResponseTemplate>) -> (MockServer, Arc<AtomicUsize>) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (server, calls) = (MockServer::start().await, Arc::new(AtomicUsize::new(0)));
    let script = Script { answers, calls: Arc::clone(&calls) };
    Mock::given(method("POST")).and(path("/v1/embeddings")).respond_with(script).mount(&server).await;
    (server, calls)
}

fn settings(server: &MockServer) -> OpenAiSettings {
    OpenAiSettings {
        url: format!("{}/v1/", server.uri()),
        root_certificates: None,
        model: "text-embedding-3-small".to_owned(),
        api_key: Some("sk-secret".into()),
        send_dimensions: true,
        timeout: Duration::from_secs(30),
        retries: 2,
    }
}

fn status(code: u16) -> ResponseTemplate {
    ResponseTemplate::new(code).set_body_json(json!({ "error": { "message": "says the API" } }))
}

fn data(items: Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({ "data": items }))
}

async fn embed(embedder: &OpenAiEmbedder, texts: &[&str]) -> Result<usize, EmbedError> {
    let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    embedder.embed(&texts).await.map(|vectors| vectors.len())
}

/// BR-STORAGE-008: with vectors in any order and of any length.
#[tokio::test]
async fn the_remote_embedder_conforms() {
    let (server, _) = server(vec![]).await;
    conforms(&OpenAiEmbedder::new(&settings(&server)).unwrap()).await;
}

/// BR-STORAGE-008: model, dimensions and key are sent as the API wants them, a batch in one call.
#[tokio::test]
async fn a_batch_is_one_call_with_the_key_in_its_header() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let server = MockServer::start().await;
    let question = json!({
        "model": "text-embedding-3-small", "input": ["a", "b"], "encoding_format": "float", "dimensions": 384
    });
    Mock::given(header("Authorization", "Bearer sk-secret"))
        .and(body_partial_json(question))
        .respond_with(StandIn)
        .expect(1)
        .mount(&server)
        .await;
    let embedder = OpenAiEmbedder::new(&settings(&server)).unwrap();
    assert_eq!(embed(&embedder, &["a", "b"]).await.unwrap(), 2);
    assert_eq!(embedder.model().name(), "openai:text-embedding-3-small");
    assert!(!format!("{:?}", settings(&server)).contains("sk-secret"));
}

/// BR-STORAGE-017: what passes is tried again within the call.
#[tokio::test]
async fn failures_that_pass_are_tried_again() {
    for answer in [status(500), status(503), status(429).insert_header("Retry-After", "0"), status(408)] {
        let (server, calls) = server(vec![answer]).await;
        let embedder = OpenAiEmbedder::new(&settings(&server)).unwrap();
        assert_eq!(embed(&embedder, &["a"]).await.unwrap(), 1);
        assert_eq!(calls.load(Ordering::SeqCst), 2);
    }
}

/// F24: an API that asks for ten minutes is asked once and then calls to it are paused; the caller is told for how
/// long.
#[tokio::test]
async fn a_long_retry_after_is_honoured_by_all_callers() {
    let (server, calls) = server(vec![status(429).insert_header("Retry-After", "600")]).await;
    let embedder = OpenAiEmbedder::new(&settings(&server)).unwrap();
    let error = embed(&embedder, &["a"]).await.unwrap_err();
    assert_eq!((error.fault(), error.retry()), (Fault::Provider, Retry::After(Duration::from_secs(600))));
    let again = embed(&embedder, &["b"]).await.unwrap_err();
    let Retry::After(left) = again.retry() else { panic!("{again:?}") };
    assert!(left > Duration::from_secs(500), "{left:?}");
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

/// F24, BR-STORAGE-017: every answer that is no vectors is an outage, which blames no text.
#[tokio::test]
async fn what_an_api_does_wrong_is_an_outage() {
    let short = json!([{ "index": 0, "embedding": [0.1, 0.2, 0.3] }]);
    let unit = |index: usize| json!({ "index": index, "embedding": vec![0.5; 384] });
    for (answer, words) in [
        (status(401), "openai.api_key_file"),
        (status(404), "does not have the model"),
        (status(500), "says the API"),
        (data(short), "have 3 numbers"),
        (data(json!([])), "its answer has 0 vectors for 1 texts"),
        (data(json!([unit(1)])), "index 1"),
        (data(json!([{ "index": 0, "embedding": vec![0.0; 384] }])), "zeros alone"),
        (ResponseTemplate::new(200).set_body_string("{\"data\": [{\"index\": 0, \"embedd"), "expected JSON"),
        (ResponseTemplate::new(200).set_body_bytes(vec![b' '; 9 << 20]), "longer than"),
        (ResponseTemplate::new(302).insert_header("Location", "/elsewhere"), "302"),
    ] {
        let (server, _) = server(vec![answer; 4]).await;
        let embedder = OpenAiEmbedder::new(&OpenAiSettings { retries: 1, ..settings(&server) }).unwrap();
        let error = embed(&embedder, &["a"]).await.unwrap_err();
        assert_eq!(error.fault(), Fault::Provider, "{error}");
        assert!(error.to_string().contains(words), "{words}: {error}");
        assert!(!error.to_string().contains("sk-secret"));
    }
}

/// An API that does not answer costs a bounded time, and after three calls no caller waits for it.
#[tokio::test]
async fn a_slow_api_is_given_up_and_then_left_alone() {
    let slow = StandInSlow;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(slow).mount(&server).await;
    let timeout = Duration::from_millis(50);
    let embedder = OpenAiEmbedder::new(&OpenAiSettings { timeout, retries: 0, ..settings(&server) }).unwrap();
    for _ in 0..3 {
        assert_eq!(embed(&embedder, &["a"]).await.unwrap_err().fault(), Fault::Provider);
    }
    let left_alone = embed(&embedder, &["a"]).await.unwrap_err();
    assert!(left_alone.to_string().contains("calls to it are paused"), "{left_alone}");
    assert!(matches!(left_alone.retry(), Retry::After(_)));
}

struct StandInSlow;

impl Respond for StandInSlow {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        StandIn.respond(request).set_delay(Duration::from_secs(60))
    }
}

/// F15: a text that the API refuses is to blame only when the API takes another one.
#[tokio::test]
async fn a_refused_text_is_told_from_a_refused_parameter() {
    let (server, _) = server(vec![]).await;
    let embedder = OpenAiEmbedder::new(&settings(&server)).unwrap();
    let error = embed(&embedder, &["poison"]).await.unwrap_err();
    assert_eq!((error.fault(), error.retry()), (Fault::Text, Retry::Never));

    let (server, _) = self::server(vec![status(400), status(400)]).await;
    let embedder = OpenAiEmbedder::new(&settings(&server)).unwrap();
    assert_eq!(embed(&embedder, &["a"]).await.unwrap_err().fault(), Fault::Provider);
}

/// Texts and the key leave only for a server whose certificate is for its name and from an authority that is trusted.
#[tokio::test]
async fn only_an_api_with_the_right_certificate_is_asked() {
    let (server, calls) = server(Vec::new()).await;
    let (authority, stranger) = (Authority::new().unwrap(), Authority::new().unwrap());
    let good = authority.server(&["127.0.0.1"]).unwrap();
    let bad = [
        (authority.server(&["api.example"]).unwrap(), authority.pem(), "NotValidForName"),
        (authority.expired_server(&["127.0.0.1"]).unwrap(), authority.pem(), "Expired"),
        (good.clone(), stranger.pem(), "UnknownIssuer"),
    ];
    let over = async |certificate: &CertificatePair, roots: Option<String>| {
        let front = TlsFront::start(*server.address(), certificate).await.unwrap();
        let url = format!("https://{}/v1", front.address());
        let roots = roots.map(String::into_bytes);
        let settings = OpenAiSettings { url, root_certificates: roots, retries: 0, ..settings(&server) };
        embed(&OpenAiEmbedder::new(&settings).unwrap(), &["a"]).await
    };
    for (certificate, roots, because) in bad {
        let error = over(&certificate, Some(roots)).await.unwrap_err();
        assert_eq!(error.fault(), Fault::Provider, "{error:?}");
        assert!(format!("{error:?}").contains(because), "{because}: {error:?}");
    }
    let error = over(&good, None).await.unwrap_err();
    assert!(
        format!("{error:?}").contains("UnknownIssuer"),
        "this machine does not know the authority: {error:?}"
    );
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    assert_eq!(over(&good, Some(authority.pem())).await.unwrap(), 1);
}

#[test]
fn settings_that_cannot_be_used_are_refused() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let settings = |url: &str, key: &str| OpenAiSettings {
        url: url.to_owned(),
        root_certificates: None,
        model: "m".to_owned(),
        api_key: Some(key.into()),
        send_dimensions: false,
        timeout: Duration::from_secs(1),
        retries: 0,
    };
    for (url, key) in [("ftp://h", "k"), ("nowhere", "k"), ("http://h", "sk\nsecret")] {
        let error = OpenAiEmbedder::new(&settings(url, key)).err().unwrap();
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    let with = |url, pem: &str| {
        let roots = Some(pem.as_bytes().to_vec());
        OpenAiEmbedder::new(&OpenAiSettings { root_certificates: roots, ..settings(url, "k") }).err().unwrap()
    };
    let damaged = "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";
    assert!(matches!(with("https://h", damaged), OpenAiSettingsError::Certificates(_)));
    assert!(matches!(with("https://h", "none"), OpenAiSettingsError::NoCertificate));
    assert!(matches!(with("http://h", damaged), OpenAiSettingsError::NeedlessCertificates));
}
