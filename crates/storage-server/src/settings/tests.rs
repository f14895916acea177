//! Settings as a whole: layers, faults, and the documents made from them.

use std::io::Write as _;
use std::time::Duration;

use secrecy::ExposeSecret as _;

use super::{Flag, InvalidSettings, Provider, Settings, Sources, default_file, reference};
use crate::LogFormat;

fn sources(environment: &[(&str, &str)]) -> Sources {
    let mut environment: Vec<_> =
        environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    // The default provider needs a model's directory, which no default can name.
    environment.push(("DATASTORAGE__EMBEDDING__PROVIDER".to_owned(), "hashing".to_owned()));
    Sources { environment, ..Sources::default() }
}

fn file(ending: &str, text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::Builder::new().suffix(ending).tempfile().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn faults_with(provider: &str, environment: &[(&str, &str)]) -> Vec<String> {
    let mut sources = sources(environment);
    let (key, name, value) = ("embedding.provider", "--provider", provider.to_owned());
    sources.flags.push(Flag { key, name, value });
    Settings::load(&sources).map_or_else(|invalid| keys(&invalid), |_| Vec::new())
}

fn faults(environment: &[(&str, &str)]) -> Vec<String> {
    Settings::load(&sources(environment)).map_or_else(|invalid| keys(&invalid), |_| Vec::new())
}

fn keys(invalid: &InvalidSettings) -> Vec<String> {
    invalid.faults().iter().map(|fault| fault.key.clone()).collect()
}

#[test]
fn the_defaults_are_usable_but_for_the_model() {
    let settings = Settings::load(&sources(&[])).unwrap();
    assert_eq!(settings.server.addr.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.server.admin_addr.to_string(), "127.0.0.1:9090");
    assert_eq!(
        settings.database.config(),
        Ok("host='localhost' port=5432 dbname='kubernaut' user='postgres'".parse().unwrap())
    );
    assert_eq!(keys(&Settings::load(&Sources::default()).unwrap_err()), ["embedding.model_dir"]);
    assert!(Settings::load_for_maintenance(&Sources::default()).is_ok());
}

#[test]
fn a_later_source_overrides_an_earlier_one() {
    let toml =
        file(".toml", "[log]\nlevel = 'warn'\nformat = 'json'\n[database]\nport = 1\npassword = 12345\n");
    let mut sources = sources(&[("DATASTORAGE__LOG__LEVEL", "debug"), ("DATASTORAGE__DATABASE__PORT", "2")]);
    sources.file = Some(toml.path().to_owned());
    sources.flags.push(Flag { key: "database.port", name: "--db-port", value: "3".to_owned() });
    let settings = Settings::load(&sources).unwrap();
    assert_eq!((settings.log.level.as_str(), settings.log.format), ("debug", LogFormat::Json));
    assert_eq!(settings.database.port, Some(3));
    assert_eq!(settings.database.password.unwrap().expose_secret(), "12345");
    assert_eq!(settings.embedding.provider, Provider::Hashing);
}

#[test]
fn yaml_is_read_as_toml_is() {
    let yaml = file(".yaml", "writer:\n  writers: 1\n  byte_budget: 32MiB\nschema:\n  bootstrap: true\n");
    let mut sources = sources(&[]);
    sources.file = Some(yaml.path().to_owned());
    let settings = Settings::load(&sources).unwrap();
    assert_eq!((settings.writer.writers, settings.writer.byte_budget.bytes()), (1, 32 << 20));
    assert!(settings.schema.bootstrap);
}

/// F20, F23: what is unknown, unreadable, out of range or contradictory is refused, all of it at once.
#[test]
fn every_fault_of_every_source_is_told_at_once() {
    let toml = file(
        ".toml",
        "[server]\nadr = '127.0.0.1:1'\n[projector]\nbatch = 0\n[nonsense]\nx = 1\n[log]\nlevel = [1]\n",
    );
    let mut sources = sources(&[
        ("DATASTORAGE__SERVER__REQUEST_TIMEOUT", "soon"),
        ("DATASTORAGE__DATABASE__PASSWORD", ""),
        ("DATASTORAGE__WRITER__WRITERS", "many"),
        ("DATASTORAGE__TYPO", "x"),
        ("DATASTORAGE_WITHOUT_SECOND_UNDERSCORE", "ignored"),
        ("PATH", "ignored"),
    ]);
    sources.file = Some(toml.path().to_owned());
    sources.flags.push(Flag { key: "server.addr", name: "--addr", value: "nowhere".to_owned() });
    let invalid = Settings::load(&sources).unwrap_err();
    assert_eq!(
        keys(&invalid),
        [
            "server.addr",
            "server.request_timeout",
            "writer.writers",
            "projector.batch",
            "log.level",
            "nonsense.x",
            "server.adr",
            "typo"
        ]
    );
    let text = invalid.to_string();
    assert!(text.starts_with("8 settings are wrong:\n"), "{text}");
    assert!(text.contains("`nowhere` (the flag --addr)"), "{text}");
    assert!(text.contains("`soon` (the environment)"), "{text}");
}

/// F23: a fault names the setting, what was given, where it was given, and what to do.
#[test]
fn a_fault_shows_what_was_given_and_where() {
    let toml = file(
        ".toml",
        "[projector]\nbatch = 0\n[export]\ntimeout = '0s'\n[database]\nurl = 'postgres://h/d'\n",
    );
    let mut sources =
        sources(&[("DATASTORAGE__AUTH__MODE", "token"), ("DATASTORAGE__SERVER__REQUEST_TIMEOUT", "4s")]);
    sources.file = Some(toml.path().to_owned());
    sources.flags.push(Flag { key: "database.host", name: "--db-host", value: "h".to_owned() });
    let path = toml.path().display();
    let expected = [
        "5 settings are wrong:".to_owned(),
        "auth.mode must be none, tokens or kubernetes, not `token` (the environment)".to_owned(),
        format!("export.timeout must be at least 1ms, not `0s` ({path})"),
        format!("projector.batch must be from 1 to 1000, not `0` ({path})"),
        format!(
            "database.host cannot be combined with database.url: remove one of the two; database.url is a secret \
             ({path}), database.host is `h` (the flag --db-host)"
        ),
        "database.statement_timeout must be shorter than server.request_timeout; server.request_timeout is `4s` (the \
         environment), database.statement_timeout is `5s` (the defaults)"
            .to_owned(),
    ];
    assert_eq!(Settings::load(&sources).unwrap_err().to_string(), expected.join("\n  "));
}

/// A setting that cannot be read is not blamed for what its default would contradict.
#[test]
fn what_cannot_be_read_contradicts_nothing() {
    let environment = [
        ("DATASTORAGE__SERVER__REQUEST_TIMEOUT", "soon"),
        ("DATASTORAGE__DATABASE__STATEMENT_TIMEOUT", "20s"),
        ("DATASTORAGE__DATABASE__PASSWORD_FILE", "/nowhere"),
        ("DATASTORAGE__DATABASE__PORT", "99999"),
    ];
    let expected =
        ["server.request_timeout", "database.port", "writer.step_timeout", "projector.step_timeout"];
    assert_eq!(faults(&environment), expected);
}

#[test]
fn values_that_contradict_each_other_are_refused() {
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);
    let cases: [Case<'_>; 12] = [
        (&[("DATASTORAGE__SERVER__ADDR", "0.0.0.0:8080")], &["server.addr"]),
        (&[("DATASTORAGE__SERVER__ADDR", "[::]:8080")], &["server.addr"]),
        (&[("DATASTORAGE__SERVER__ADDR", "127.0.0.1:9090")], &["server.admin_addr"]),
        (&[("DATASTORAGE__SERVER__REQUEST_TIMEOUT", "4s")], &["database.statement_timeout"]),
        (&[("DATASTORAGE__WRITER__STEP_TIMEOUT", "5s")], &["writer.step_timeout"]),
        (&[("DATASTORAGE__PROJECTOR__STEP_TIMEOUT", "1s")], &["projector.step_timeout"]),
        (&[("DATASTORAGE__SERVER__DRAIN_DELAY", "20s")], &["server.drain_delay"]),
        (
            &[("DATASTORAGE__SERVER__BODY_LIMIT", "64MiB"), ("DATASTORAGE__WRITER__BYTE_BUDGET", "1MiB")],
            &["writer.byte_budget"],
        ),
        (
            &[("DATASTORAGE__DATABASE__READ_CONNECTIONS", "42"), ("DATASTORAGE__PROJECTOR__WORKERS", "4")],
            &["database.read_connections"],
        ),
        (
            &[("DATASTORAGE__DATABASE__URL", "postgres://u@h/d"), ("DATASTORAGE__DATABASE__HOST", "h")],
            &["database.host"],
        ),
        (&[("DATASTORAGE__DATABASE__URL", "mysql://u:secret@h/d")], &["database.url"]),
        (
            &[
                ("DATASTORAGE__DATABASE__PASSWORD", "secret"),
                ("DATASTORAGE__DATABASE__PASSWORD_FILE", "/nowhere/at/all"),
            ],
            &["database.password_file", "database.password_file"],
        ),
    ];
    for (environment, expected) in cases {
        assert_eq!(faults(environment), expected, "{environment:?}");
    }
    assert_eq!(
        Settings::load(&sources(&[("DATASTORAGE__SERVER__ADMIN_ADDR", "0.0.0.0:9090")]))
            .map(|settings| settings.server.admin_addr.to_string()),
        Ok("0.0.0.0:9090".to_owned())
    );
}

/// BR-STORAGE-020, F23: an address that others can reach needs a mode, and a mode needs what it knows callers by.
#[test]
fn what_is_said_of_authentication_is_checked() {
    let tokens = file("", "");
    let broken = file("", "a token\n");
    let (path, broken) = (tokens.path().display().to_string(), broken.path().display().to_string());
    let open = ("DATASTORAGE__SERVER__ADDR", "0.0.0.0:8080");
    let mode = ("DATASTORAGE__AUTH__MODE", "tokens");
    let tokens_file = "DATASTORAGE__AUTH__TOKENS_FILE";
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);
    let cases: [Case<'_>; 7] = [
        (&[open], &["server.addr"]),
        (&[open, (tokens_file, &path)], &["server.addr"]),
        (&[open, mode, (tokens_file, &path)], &[]),
        (&[open, mode], &["auth.tokens_file"]),
        (&[mode, (tokens_file, "/nowhere")], &["auth.tokens_file"]),
        (&[mode, (tokens_file, &broken)], &["auth.tokens_file"]),
        (&[("DATASTORAGE__AUTH__MODE", "off")], &["auth.mode"]),
    ];
    for (environment, expected) in cases {
        assert_eq!(faults(environment), expected, "{environment:?}");
    }
}

/// BR-STORAGE-020, F23: a cluster is checked only when callers are to be known by it.
#[test]
fn what_is_said_of_kubernetes_is_checked() {
    let mode = ("DATASTORAGE__AUTH__MODE", "kubernetes");
    let kubeconfig = ("DATASTORAGE__KUBERNETES__KUBECONFIG", "/nowhere");
    let list = ("DATASTORAGE__KUBERNETES__AUTHORIZATION", "list");
    let readers = ("DATASTORAGE__KUBERNETES__READERS", "remediation/controller, audit/console");
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);
    let cases: [Case<'_>; 9] = [
        (&[kubeconfig], &[]),
        (&[mode], &[]),
        (&[mode, ("DATASTORAGE__SERVER__ADDR", "0.0.0.0:8080")], &[]),
        (&[mode, kubeconfig], &["kubernetes.kubeconfig"]),
        (&[mode, list], &["kubernetes.authorization"]),
        (&[mode, readers], &["kubernetes.authorization"]),
        (&[mode, list, readers], &[]),
        (&[mode, ("DATASTORAGE__KUBERNETES__READERS", "controller")], &["kubernetes.readers"]),
        (
            &[
                mode,
                ("DATASTORAGE__KUBERNETES__CACHE_TTL", "61s"),
                ("DATASTORAGE__KUBERNETES__TIMEOUT", "0s"),
            ],
            &["kubernetes.timeout", "kubernetes.cache_ttl"],
        ),
    ];
    for (environment, expected) in cases {
        assert_eq!(faults(environment), expected, "{environment:?}");
    }
}

/// A text in YAML stays the text that it is, also where another reader would take it for a number or a boolean.
#[test]
fn yaml_keeps_texts_that_look_like_something_else() {
    let yaml = file(".yaml", "database:\n  user: no\n  password: 0123\n  name: 1_000\n");
    let mut sources = sources(&[]);
    sources.file = Some(yaml.path().to_owned());
    let config = Settings::load(&sources).unwrap().database.config().unwrap();
    assert_eq!(config.get_password(), Some(b"0123".as_slice()));
    assert_eq!((config.get_user(), config.get_dbname()), (Some("no"), Some("1_000")));
}

/// BR-STORAGE-018: what a parser says of a file names the line and shows nothing of it.
#[test]
fn a_file_that_is_no_toml_or_yaml_is_told_by_its_line() {
    for (ending, text, words) in [
        (".toml", "[database]\npassword = \"hunter2\n", "is not TOML in line 2: "),
        (".yaml", "database:\n  password: \"hunter2\n  user: x\n", "is not YAML: "),
        (".json", "{}", "give a file that ends in .toml, .yaml or .yml"),
    ] {
        let broken = file(ending, text);
        let sources = Sources { file: Some(broken.path().to_owned()), ..Sources::default() };
        let told = Settings::load(&sources).unwrap_err().to_string();
        // The file might name the model, which is not set otherwise.
        assert!(told.starts_with("1 setting is wrong:\n"), "{told}");
        assert!(told.contains(words) && !told.contains("hunter2"), "{told}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_a_fault_beside_the_others() {
    let broken = file(".toml", "[server\n");
    let mut sources = sources(&[("DATASTORAGE__WRITER__WRITERS", "0")]);
    sources.file = Some(broken.path().to_owned());
    assert_eq!(
        keys(&Settings::load(&sources).unwrap_err()),
        [&broken.path().display().to_string(), "writer.writers"]
    );
}

/// F23
#[test]
fn the_api_is_checked_only_when_it_is_used() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let url = ("DATASTORAGE__OPENAI__URL", "nowhere");
    let key = ("DATASTORAGE__OPENAI__API_KEY_FILE", "/nowhere");
    assert_eq!(faults_with("hashing", &[url, key]), [""; 0]);
    assert_eq!(faults_with("openai", &[]), [""; 0]);
    assert_eq!(faults_with("openai", &[url]), ["openai.url"]);
    assert_eq!(faults_with("openai", &[key]), ["openai.api_key_file"]);
}

/// F23: Redis that is named and cannot be meant is refused at start; Redis that is merely unavailable is not.
#[test]
fn what_is_said_of_redis_is_checked() {
    let certificate = file(".pem", "no certificate");
    let path = certificate.path().display().to_string();
    let url = "DATASTORAGE__REDIS__URL";
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);
    let cases: [Case<'_>; 8] = [
        (&[(url, "redis://127.0.0.1:1/0")], &[]),
        (&[(url, "http://u:hunter2@h")], &["redis.url"]),
        (&[("DATASTORAGE__REDIS__PASSWORD_FILE", "/nowhere")], &[]),
        (&[(url, "redis://h"), ("DATASTORAGE__REDIS__PASSWORD_FILE", "/nowhere")], &["redis.password_file"]),
        (&[(url, "redis://h"), ("DATASTORAGE__REDIS__URL_FILE", &path)], &["redis.url_file", "redis.url"]),
        (&[(url, "redis://h"), ("DATASTORAGE__REDIS__CA_FILE", &path)], &["redis.url"]),
        (&[(url, "rediss://h"), ("DATASTORAGE__REDIS__CA_FILE", &path)], &["redis.url"]),
        (
            &[("DATASTORAGE__REDIS__CONNECTIONS", "0"), ("DATASTORAGE__REDIS__TIMEOUT", "0s")],
            &["redis.timeout", "redis.connections"],
        ),
    ];
    for (environment, expected) in cases {
        assert_eq!(faults(environment), expected, "{environment:?}");
    }
    let invalid = Settings::load(&sources(&[(url, "http://u:hunter2@h")])).unwrap_err().to_string();
    assert!(!invalid.contains("hunter2"), "{invalid}");
}

/// F23: certificates that cannot be used, or that no TLS would look at, are refused at start.
#[test]
fn what_is_said_of_tls_to_others_is_checked() {
    let none = file(".pem", "no certificate");
    let none = none.path().display().to_string();
    let (ca, tls) = ("DATASTORAGE__DATABASE__CA_FILE", "DATASTORAGE__DATABASE__TLS");
    let url = ("DATASTORAGE__DATABASE__URL", "postgres://u@h/d?sslmode=verify-full");
    let qdrant = ("DATASTORAGE__QDRANT__CA_FILE", none.as_str());
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);
    let cases: [Case<'_>; 10] = [
        (&[(tls, "verify-full")], &[]),
        (&[url], &[]),
        (&[(tls, "prefer")], &["database.tls"]),
        (&[(ca, "/nowhere")], &["database.ca_file"]),
        (&[(ca, &none)], &["database.ca_file"]),
        (&[(ca, &none), (tls, "off")], &["database.ca_file"]),
        (&[url, (tls, "off")], &["database.url"]),
        (&[("DATASTORAGE__SCHEMA__OWNER_URL", url.1), (tls, "off")], &["schema.owner_url"]),
        (&[("DATASTORAGE__QDRANT__URL", "https://h:6334"), qdrant], &["qdrant.ca_file"]),
        (&[("DATASTORAGE__QDRANT__URL", "http://h:6334"), qdrant], &["qdrant.ca_file"]),
    ];
    for (environment, expected) in cases {
        assert_eq!(faults(environment), expected, "{environment:?}");
    }
    let openai = |url: &str| {
        let environment =
            [("DATASTORAGE__OPENAI__URL", url), ("DATASTORAGE__OPENAI__CA_FILE", none.as_str())];
        faults_with("openai", &environment)
    };
    assert_eq!(openai("https://h/v1"), ["openai.ca_file"]);
    assert_eq!(openai("http://h/v1"), ["openai.ca_file"]);
}

/// The log says when records cross a network readable, and only then.
#[test]
fn an_unprotected_way_to_the_database_is_noticed() {
    for (url, tls, is_readable) in [
        ("postgres://u@db.example/d", "", true),
        ("postgres://u@10.0.0.7/d", "off", true),
        ("postgres://u@db.example/d", "verify-full", false),
        ("postgres://u@db.example/d?sslmode=require", "", false),
        ("postgres://u@localhost/d", "", false),
        ("postgres://u@127.0.0.1/d", "", false),
        ("postgres://u@[::1]/d", "", false),
        ("host=/run/postgresql user=u", "", false),
        ("host=localhost,db.example user=u", "", true),
    ] {
        let environment = [("DATASTORAGE__DATABASE__URL", url), ("DATASTORAGE__DATABASE__TLS", tls)];
        let settings = Settings::load(&sources(&environment)).unwrap();
        assert_eq!(settings.database.is_readable_on_the_way(), is_readable, "{environment:?}");
    }
}

#[test]
fn a_redis_address_and_password_from_files_lose_their_line_ends() {
    let (address, password) = (file("", "rediss://cache:6380/1\n"), file("", "s e'cret\n"));
    let settings = Settings::load(&sources(&[
        ("DATASTORAGE__REDIS__URL_FILE", &address.path().display().to_string()),
        ("DATASTORAGE__REDIS__PASSWORD_FILE", &password.path().display().to_string()),
    ]))
    .unwrap();
    let redis = settings.redis.to_cache(settings.embedding.cache_ttl).unwrap().unwrap();
    assert_eq!(redis.url.expose_secret(), "rediss://cache:6380/1");
    assert_eq!(redis.password.unwrap().expose_secret(), "s e'cret");
    assert_eq!(redis.ttl, Duration::from_secs(300));
    assert!(Settings::load(&sources(&[])).unwrap().redis.to_cache(redis.ttl).unwrap().is_none());
}

/// BR-STORAGE-018: a secret is in no message and in no dump.
#[test]
fn secrets_are_shown_nowhere() {
    let secret = "hunter2-hunter2";
    let url = format!("postgres://u:{secret}@h/d");
    let settings = Settings::load(&sources(&[
        ("DATASTORAGE__DATABASE__URL", &url),
        ("DATASTORAGE__SCHEMA__OWNER_URL", &url),
    ]))
    .unwrap();
    assert!(!format!("{settings:?} {:?}", settings.database.connectors().unwrap()).contains(secret));
    let invalid = Settings::load(&sources(&[
        ("DATASTORAGE__DATABASE__URL", &format!("postgres://u:{secret}@h:port/d")),
        ("DATASTORAGE__DATABASE__PASSWORD", secret),
        ("DATASTORAGE__DATABASE__PASSWORD_FILE", "/nowhere"),
    ]))
    .unwrap_err();
    assert!(!invalid.to_string().contains(secret), "{invalid}");
}

#[test]
fn a_password_from_a_file_reaches_the_address_without_its_line_end() {
    let password = file("", "s e'cret\n");
    let path = password.path().display().to_string();
    let settings = Settings::load(&sources(&[
        ("DATASTORAGE__DATABASE__HOST", "db"),
        ("DATASTORAGE__DATABASE__PASSWORD_FILE", &path),
    ]))
    .unwrap();
    assert_eq!(settings.database.config().unwrap().get_password(), Some(b"s e'cret".as_slice()));
}

#[test]
fn a_password_reaches_the_driver_whatever_it_is_made_of() {
    let secret = "p'a\\s s?&%/ü";
    for address in [
        "postgres://u@h/d",
        "postgres://u@h/d?connect_timeout=5",
        "postgres://u@one:5432,two:5433/d",
        "host=h user=u",
    ] {
        let environment =
            [("DATASTORAGE__DATABASE__URL", address), ("DATASTORAGE__DATABASE__PASSWORD", secret)];
        let settings = Settings::load(&sources(&environment)).unwrap();
        assert_eq!(settings.database.config().unwrap().get_password(), Some(secret.as_bytes()), "{address}");
    }
}

#[test]
fn the_sample_is_a_settings_file_that_changes_nothing() {
    let sample = default_file();
    let sample = file(".toml", &sample);
    let mut with_file = sources(&[]);
    with_file.file = Some(sample.path().to_owned());
    // But for where each comes from.
    let load = |sources: &Sources| Settings { effective: Vec::new(), ..Settings::load(sources).unwrap() };
    assert_eq!(format!("{:?}", load(&with_file)), format!("{:?}", load(&sources(&[]))));
}

#[test]
fn the_reference_in_docs_is_not_stale() {
    crate::documents::assert_current("settings.md", &reference());
}

/// F23: a Qdrant that is named and cannot be meant is refused at start; one that is merely unavailable is not.
#[test]
fn what_is_said_of_qdrant_is_checked() {
    let key = file("", "s3cret\n");
    let path = key.path().display().to_string();
    let url = ("DATASTORAGE__QDRANT__URL", "http://127.0.0.1:1");
    let key_file = "DATASTORAGE__QDRANT__API_KEY_FILE";
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);
    let cases: [Case<'_>; 7] = [
        (&[url], &[]),
        (&[("DATASTORAGE__QDRANT__URL", "qdrant:6334")], &["qdrant.url"]),
        (&[url, (key_file, "/nowhere")], &["qdrant.api_key_file"]),
        (&[url, (key_file, &path), ("DATASTORAGE__QDRANT__API_KEY", "k")], &["qdrant.api_key_file"]),
        (&[url, ("DATASTORAGE__QDRANT__API_KEY", "gr\u{fc}n\n")], &["qdrant.api_key"]),
        (&[url, ("DATASTORAGE__QDRANT__COLLECTION", "a b")], &["qdrant.collection"]),
        (&[("DATASTORAGE__QDRANT__TIMEOUT", "0s")], &["qdrant.timeout"]),
    ];
    for (environment, expected) in cases {
        assert_eq!(faults(environment), expected, "{environment:?}");
    }
    let settings = Settings::load(&sources(&[url, (key_file, &path)])).unwrap();
    let qdrant = settings.qdrant.to_index().unwrap().unwrap();
    assert_eq!(qdrant.api_key.unwrap().expose_secret(), "s3cret");
    assert!(Settings::load(&sources(&[])).unwrap().qdrant.to_index().unwrap().is_none());
}
