//! The operations of operators.

use serde_json::{Value, json};
use utoipa::openapi::path::HttpMethod;
use utoipa::openapi::schema::Schema;
use utoipa::openapi::{ObjectBuilder, RefOr};

use super::answers::Body;
use super::kinds::{Kind, closed, list_of, nullable, object};
use super::operation::{Operation, Request, body_of};
use super::responses::json_body;
use crate::problem::ProblemKind;

const LEVEL: &str = "/api/v1/admin/log-level";
const SETTINGS: &str = "/api/v1/admin/settings";
const JSON: &str = "application/json";

/// One level, alone or for a target.
macro_rules! directive {
    () => {
        "(((storage_|datastorage)[A-Za-z0-9_]*=)?(off|error|warn|info|debug|trace)|[A-Za-z0-9_]+=(off|error|warn|info))"
    };
}

/// What is taken, but for paths inside of crates and for spaces.
const LEVELS: &str = concat!("^", directive!(), "(,", directive!(), ")*$");

/// All of them.
pub(super) fn all() -> Vec<Operation> {
    let operations = [show_level(), set_level(), reset_level(), settings()];
    operations
        .into_iter()
        .map(|operation| {
            operation.tag("admin").may_fail(&[ProblemKind::InvalidParameters, ProblemKind::Overloaded])
        })
        .collect()
}

/// The schemas of their bodies.
pub(super) fn schemas() -> [(&'static str, ObjectBuilder); 3] {
    let text = || Kind::Text.schema(false);
    let flag = || Kind::Flag.schema(false);
    let value = nullable(text().description(Some("As it was written; null when not set, and for a secret.")));
    let setting = object::<RefOr<Schema>>([
        ("name", text().into()),
        ("value", RefOr::T(Schema::Object(value))),
        ("is_set", flag().into()),
        ("is_secret", flag().into()),
        ("source", text().description(Some("The defaults, a file, the environment or a flag.")).into()),
    ]);
    let level = object([
        ("level", text().description(Some("What is logged."))),
        ("configured", text().description(Some("What the settings say."))),
    ]);
    let settings =
        object([("data", list_of(setting).description(Some("In the order of docs/settings.md.")))]);
    [("LogLevel", level), ("NewLogLevel", new_level()), ("Settings", settings)]
}

fn new_level() -> ObjectBuilder {
    let about = "`off`, `error`, `warn`, `info`, `debug` or `trace`, alone or as `target=level`, with commas between \
                 them. Below info only targets that begin with `storage_` or `datastorage` are logged.";
    let level = Kind::Text.schema(true).pattern(Some(LEVELS)).description(Some(about));
    closed().property("level", level).required("level")
}

fn level_body(level: &str) -> Body {
    Body { schema: "LogLevel".to_owned(), example: json!({ "level": level, "configured": "info" }) }
}

fn show_level() -> Operation {
    Operation::get(LEVEL, "logLevel", "What is logged")
        .answers(200, json_body("Levels by target.", &level_body("info")))
        .shown_by(Request::new(200, LEVEL))
        .shown_by(Request::new(400, format!("{LEVEL}?verbose=true")))
}

fn set_level() -> Operation {
    let wanted = |level: Value| json!({ "level": level });
    let example = wanted(json!("info,storage_dualwrite=debug"));
    Operation::new(HttpMethod::Put, LEVEL, "setLogLevel", "Log more or less")
        .about("By target, from now on until the process ends. Who changed what is in the log.")
        .takes(body_of([(JSON, super::kinds::named("NewLogLevel"), example.clone())]))
        .answers(200, json_body("It is so now.", &level_body("info,storage_dualwrite=debug")))
        .may_fail(&[
            ProblemKind::BadRequest,
            ProblemKind::MalformedJson,
            ProblemKind::ValidationFailed,
            ProblemKind::RequestTimeout,
            ProblemKind::BodyTooLarge,
            ProblemKind::UnsupportedMediaType,
        ])
        .shown_by(Request::new(200, LEVEL).body(JSON, example))
        .shown_by(Request::new(400, LEVEL).body(JSON, wanted(json!("loud"))))
        .shown_by(Request::new(400, LEVEL).body(JSON, wanted(json!("hyper=trace"))))
}

fn reset_level() -> Operation {
    Operation::new(HttpMethod::Delete, LEVEL, "resetLogLevel", "Log as the settings say")
        .answers(200, json_body("It is so now.", &level_body("info")))
        .shown_by(Request::new(200, LEVEL))
        .shown_by(Request::new(400, format!("{LEVEL}?verbose=true")))
}

fn settings() -> Operation {
    let example = json!({ "data": [{
        "name": "server.addr", "value": "127.0.0.1:8080", "is_set": true, "is_secret": false, "source": "the defaults"
    }] });
    let body = Body { schema: "Settings".to_owned(), example };
    Operation::get(SETTINGS, "settings", "The settings in force")
        .about("Each with where it comes from. Of a secret only whether it is set.")
        .answers(200, json_body("All of them.", &body))
        .shown_by(Request::new(200, SETTINGS))
        .shown_by(Request::new(400, format!("{SETTINGS}?all=true")))
}
