//! Tokens against an API server that answers as Kubernetes does, and as it does on bad days.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::join_all;
use storage_testkit::{ApiFault, KubernetesApi, ServiceAccount};

use super::{Authorization, KubernetesSettings, KubernetesVerifier, MAX_LOOKUPS, connect};
use crate::auth::{Permission, Refusal, TokenVerifier as _};

const AUDIENCE: &str = "datastorage";
const NAMESPACE: &str = "audit";
const PATIENCE: Duration = Duration::from_secs(30);

/// A token with a text of its own that ends so many seconds from now.
fn token(text: &str, seconds: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let claims = format!(r#"{{"exp":{},"sub":"{text}"}}"#, now + seconds);
    format!("{}.{}.c2ln", URL_SAFE_NO_PAD.encode("{}"), URL_SAFE_NO_PAD.encode(claims))
}

fn settings() -> KubernetesSettings {
    KubernetesSettings {
        audience: AUDIENCE.to_owned(),
        authorization: Authorization::Review { namespace: NAMESPACE.to_owned() },
        timeout: PATIENCE,
        ttl: Duration::from_secs(60),
    }
}

async fn verifier(api: &KubernetesApi, settings: KubernetesSettings) -> Arc<KubernetesVerifier> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (client, namespace) = connect(Some(&api.kubeconfig()), settings.timeout).await.unwrap();
    assert_eq!(namespace, NAMESPACE);
    Arc::new(KubernetesVerifier::new(client, settings))
}

fn api() -> KubernetesApi {
    KubernetesApi::start(NAMESPACE).unwrap()
}

async fn outcome(verifier: &KubernetesVerifier, token: &str, wanted: Permission) -> String {
    match verifier.verify(token, Some(wanted)).await {
        Ok(verdict) => format!("{} {}", verdict.caller.name(), verdict.is_permitted),
        Err(Refusal::Rejected) => "rejected".to_owned(),
        Err(Refusal::Unavailable(reason)) => format!("unavailable: {reason}"),
    }
}

const WRITER: &str = "system:serviceaccount:remediation:controller";

/// BR-STORAGE-020: a genuine token for this service, whose user the roles allow it.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_account_may_do_what_its_roles_allow() {
    let api = api();
    let genuine = token("genuine", 600);
    api.knows(&genuine, ServiceAccount::new(WRITER, &[AUDIENCE]));
    api.allows(WRITER, &["create", "update"]);
    let verifier = verifier(&api, settings()).await;
    assert_eq!(verifier.recall(&genuine, Some(Permission::Write)).await, None);
    assert_eq!(outcome(&verifier, &genuine, Permission::Write).await, format!("{WRITER} true"));
    assert_eq!(outcome(&verifier, &genuine, Permission::Read).await, format!("{WRITER} false"));
    assert_eq!(outcome(&verifier, &genuine, Permission::Admin).await, format!("{WRITER} false"));
    api.allows(WRITER, &["create"]);
    assert_eq!(api.token_reviews(), 1);
    let verdict = verifier.recall(&genuine, Some(Permission::Write)).await.unwrap();
    assert!(verdict.is_permitted && verdict.caller.name() == WRITER);
    assert_eq!(api.access_reviews(), 5, "what is remembered is not asked again");
}

/// A role that allows half of what a permission is about does not give it.
#[tokio::test(flavor = "multi_thread")]
async fn half_a_permission_is_none() {
    let api = api();
    let genuine = token("genuine", 600);
    api.knows(&genuine, ServiceAccount::new(WRITER, &[AUDIENCE]));
    api.allows(WRITER, &["create", "list"]);
    let verifier = verifier(&api, settings()).await;
    for permission in Permission::ALL {
        assert_eq!(outcome(&verifier, &genuine, permission).await, format!("{WRITER} false"), "{permission}");
    }
}

/// BR-STORAGE-020: a token for another service, one that has ended, and an unknown one are rejected; the no is remembered.
#[tokio::test(flavor = "multi_thread")]
async fn tokens_for_others_and_of_the_past_are_rejected() {
    let api = api();
    let (other, expired, unaware) = (token("other", 600), token("expired", 600), token("unaware", 600));
    api.knows(&other, ServiceAccount::new(WRITER, &["https://kubernetes.default.svc"]));
    api.knows(&expired, ServiceAccount::new(WRITER, &[AUDIENCE]).expired());
    api.knows(&unaware, ServiceAccount::new(WRITER, &[AUDIENCE]).without_audiences());
    api.allows(WRITER, &["create", "update"]);
    let verifier = verifier(&api, settings()).await;
    for token in [&other, &expired, &unaware, &token("made up", 600)] {
        for _ in 0..2 {
            assert_eq!(outcome(&verifier, token, Permission::Write).await, "rejected", "{token}");
        }
    }
    assert_eq!(api.token_reviews(), 4, "a no is asked for once");
    for text in ["opaque", "a.b.c", &token("past", 0)] {
        assert_eq!(outcome(&verifier, text, Permission::Write).await, "rejected", "{text}");
    }
    assert_eq!(api.token_reviews(), 4, "what cannot be a token is not asked for");
}

/// A rotated token is a new token of the same caller; the old one counts no longer than it is remembered.
#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_token_is_the_same_caller_and_a_yes_ends_with_its_token() {
    let api = api();
    let (old, new) = (token("old", 2), token("new", 600));
    api.knows(&old, ServiceAccount::new(WRITER, &[AUDIENCE]));
    api.knows(&new, ServiceAccount::new(WRITER, &[AUDIENCE]));
    api.allows(WRITER, &["create", "update"]);
    let verifier = verifier(&api, settings()).await;
    for token in [&old, &new] {
        assert_eq!(outcome(&verifier, token, Permission::Write).await, format!("{WRITER} true"));
    }
    // Remembered for a minute it would outlive what it says of itself.
    let mut poll = tokio::time::interval(Duration::from_millis(20));
    let forgotten = async {
        while verifier.recall(&old, None).await.is_some() {
            poll.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), forgotten).await.unwrap();
    assert_eq!(outcome(&verifier, &old, Permission::Write).await, "rejected");
    assert_eq!(outcome(&verifier, &new, Permission::Write).await, format!("{WRITER} true"));
}

/// F46: what is remembered only for a moment is still told from a stranger's token, until it is rejected.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_good_is_told_from_a_stranger_s_until_it_is_rejected() {
    let api = api();
    let (genuine, made_up) = (token("genuine", 600), token("made up", 600));
    api.knows(&genuine, ServiceAccount::new(WRITER, &[AUDIENCE]));
    api.allows(WRITER, &["create", "update"]);
    let forgetful = KubernetesSettings { ttl: Duration::ZERO, ..settings() };
    let verifier = verifier(&api, forgetful).await;
    assert!(!verifier.was_good(&genuine));
    assert_eq!(outcome(&verifier, &genuine, Permission::Write).await, format!("{WRITER} true"));
    assert_eq!(outcome(&verifier, &made_up, Permission::Write).await, "rejected");
    assert_eq!(verifier.recall(&genuine, Some(Permission::Write)).await, None);
    assert!(verifier.was_good(&genuine) && !verifier.was_good(&made_up));
    api.set_fault(Some(ApiFault::Status(500)));
    assert!(outcome(&verifier, &genuine, Permission::Write).await.starts_with("unavailable"));
    assert!(verifier.was_good(&genuine), "an error says nothing of the token");
    api.set_fault(None);
    api.knows(&genuine, ServiceAccount::new(WRITER, &[AUDIENCE]).expired());
    assert_eq!(outcome(&verifier, &genuine, Permission::Write).await, "rejected");
    assert!(!verifier.was_good(&genuine));
}

/// F25: an API server that fails, hangs or is gone is neither a yes nor a no, is not remembered, and holds no request up
/// longer than the deadline; who is known already is served meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_fails_is_not_remembered_and_holds_nobody_up() {
    let api = api();
    let (known, new) = (token("known", 600), token("new", 600));
    for token in [&known, &new] {
        api.knows(token, ServiceAccount::new(WRITER, &[AUDIENCE]));
    }
    api.allows(WRITER, &["create", "update"]);
    let short = KubernetesSettings { timeout: Duration::from_millis(500), ..settings() };
    let verifier = verifier(&api, short).await;
    assert_eq!(outcome(&verifier, &known, Permission::Write).await, format!("{WRITER} true"));
    for fault in
        [ApiFault::Status(500), ApiFault::Status(403), ApiFault::Status(429), ApiFault::Cut, ApiFault::Hang]
    {
        api.set_fault(Some(fault));
        let started = tokio::time::Instant::now();
        let told = outcome(&verifier, &new, Permission::Write).await;
        assert!(told.starts_with("unavailable"), "{fault:?}: {told}");
        assert!(started.elapsed() < Duration::from_secs(10), "{fault:?}");
        assert_eq!(outcome(&verifier, &known, Permission::Write).await, format!("{WRITER} true"));
    }
    api.set_fault(None);
    assert_eq!(outcome(&verifier, &new, Permission::Write).await, format!("{WRITER} true"));
}

/// F25: many requests with one token are one look-up; many tokens are at most so many, and the rest are told at once.
#[tokio::test(flavor = "multi_thread")]
async fn lookups_are_shared_and_bounded() {
    let api = api();
    let shared = token("shared", 600);
    api.knows(&shared, ServiceAccount::new(WRITER, &[AUDIENCE]));
    api.allows(WRITER, &["create", "update"]);
    let verifier = verifier(&api, settings()).await;
    api.set_fault(Some(ApiFault::Hang));
    let asking = |token: String| {
        let verifier = Arc::clone(&verifier);
        tokio::spawn(async move { outcome(&verifier, &token, Permission::Write).await })
    };
    let many: Vec<_> = (0..50).map(|_| asking(shared.clone())).collect();
    api.wait_for_reviews(1).await;
    let others: Vec<_> = (1..MAX_LOOKUPS).map(|n| asking(token(&format!("made up {n}"), 600))).collect();
    api.wait_for_reviews(MAX_LOOKUPS).await;
    let told = outcome(&verifier, &token("one too many", 600), Permission::Write).await;
    assert_eq!(told, "unavailable: too many token reviews are waiting for the Kubernetes API");
    api.set_fault(None);
    for told in join_all(many).await {
        assert_eq!(told.unwrap(), format!("{WRITER} true"));
    }
    for told in join_all(others).await {
        assert_eq!(told.unwrap(), "rejected");
    }
    assert_eq!(api.token_reviews(), MAX_LOOKUPS);
}

/// With a list, the cluster is asked whose token it is and nothing more.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_accounts_stands_in_for_roles() {
    let api = api();
    let (listed, other) = (token("listed", 600), token("other", 600));
    api.knows(&listed, ServiceAccount::new(WRITER, &[AUDIENCE]));
    api.knows(&other, ServiceAccount::new("system:serviceaccount:remediation:other", &[AUDIENCE]));
    let list = HashMap::from([(WRITER.to_owned(), [Permission::Write].into_iter().collect())]);
    let verifier =
        verifier(&api, KubernetesSettings { authorization: Authorization::List(list), ..settings() }).await;
    assert_eq!(outcome(&verifier, &listed, Permission::Write).await, format!("{WRITER} true"));
    assert_eq!(outcome(&verifier, &listed, Permission::Read).await, format!("{WRITER} false"));
    assert!(outcome(&verifier, &other, Permission::Write).await.ends_with("other false"));
    assert!(verifier.recall(&listed, Some(Permission::Write)).await.unwrap().is_permitted);
    assert_eq!(api.access_reviews(), 0);
}

/// A certificate that another authority signed is not believed: the token does not leave.
#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_with_a_foreign_certificate_is_not_asked() {
    let (api, other) = (api(), api());
    let genuine = token("genuine", 600);
    api.knows(&genuine, ServiceAccount::new(WRITER, &[AUDIENCE]));
    let config = std::fs::read_to_string(api.kubeconfig()).unwrap();
    let foreign = std::fs::read_to_string(other.kubeconfig()).unwrap();
    let authority = |text: &str| {
        text.lines().find(|line| line.contains("certificate-authority-data")).unwrap().to_owned()
    };
    std::fs::write(api.kubeconfig(), config.replace(&authority(&config), &authority(&foreign))).unwrap();
    let verifier = verifier(&api, settings()).await;
    let told = outcome(&verifier, &genuine, Permission::Write).await;
    assert!(told.starts_with("unavailable"), "{told}");
    assert_eq!(api.token_reviews(), 0);
}
