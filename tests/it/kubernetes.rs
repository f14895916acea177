//! Who may do what: service accounts of a cluster.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::{Method, StatusCode};
use storage_testkit::{ApiFault, KubernetesApi, ServiceAccount};

use crate::support::{Answer, Service, options, remediation};

const WRITER: &str = "system:serviceaccount:remediation:controller";
const LIST: &str = "/api/v1/audit/remediation";

fn token(text: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let claims = format!(r#"{{"exp":{},"sub":"{text}"}}"#, now + 3_600);
    format!("{}.{}.c2lnbmF0dXJl", URL_SAFE_NO_PAD.encode("{}"), URL_SAFE_NO_PAD.encode(claims))
}

async fn send(service: &Service, method: Method, token: &str) -> Answer {
    let mut request =
        service.client.request(method.clone(), format!("{}{LIST}", service.process.url())).bearer_auth(token);
    if method == Method::POST {
        request = request.header("Content-Type", "application/json").body(remediation("guarded").to_string());
    }
    Answer::of(request.send().await.unwrap()).await
}

/// BR-STORAGE-020, F25: a controller writes with its service account's token and may not read; who is known is served
/// while the cluster's API is away, who is new is told to come again; no token is in the log.
#[tokio::test(flavor = "multi_thread")]
async fn service_accounts_do_what_their_roles_allow() {
    let api = KubernetesApi::start("audit").unwrap();
    let options = options()
        .set("DATASTORAGE__AUTH__MODE", "kubernetes")
        .set("DATASTORAGE__KUBERNETES__KUBECONFIG", api.kubeconfig().to_str().unwrap())
        .set("DATASTORAGE__KUBERNETES__TIMEOUT", "1s")
        .set("DATASTORAGE__LOG__LEVEL", "trace");
    let service = Service::with(options).await;
    let (genuine, other, late) = (token("genuine"), token("other"), token("late"));
    api.knows(&genuine, ServiceAccount::new(WRITER, &["datastorage"]));
    api.knows(&late, ServiceAccount::new(WRITER, &["datastorage"]));
    api.knows(&other, ServiceAccount::new(WRITER, &["vault"]));
    api.allows(WRITER, &["create", "update"]);

    send(&service, Method::POST, &genuine).await.expect(201);
    assert_eq!(send(&service, Method::GET, &genuine).await.status, StatusCode::FORBIDDEN);
    assert_eq!(send(&service, Method::POST, &other).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(send(&service, Method::POST, "opaque").await.status, StatusCode::UNAUTHORIZED);
    let reviews = api.token_reviews();

    api.set_fault(Some(ApiFault::Hang));
    send(&service, Method::POST, &genuine).await.expect(201);
    let refused = send(&service, Method::POST, &late).await.expect(503);
    assert_eq!(refused.json()["type"], "/problems/authentication-unavailable");
    assert!(!refused.text.contains("127.0.0.1"), "{refused:?}");
    api.set_fault(None);
    send(&service, Method::POST, &late).await.expect(201);
    assert_eq!(api.token_reviews(), reviews + 2, "what failed was asked again, what is known was not");

    let log = service.log().await;
    assert!(log.contains(WRITER), "{log}");
    for token in [&genuine, &other, &late] {
        assert!(!log.contains(token.as_str()), "{log}");
    }
    assert!(!log.contains("the-services-own-token"), "{log}");
}
