//! The operations on records of one type.

use actix_web::http::Method;
use serde_json::{Value, json};
use storage_models::RecordType;
use storage_models::fields::EXAMPLE_ID;
use storage_query::AuditRecord;
use storage_validation::MAX_BATCH_RECORDS;

use super::operation::{Operation, Request, STORE};
use super::requires::Requires;
use super::{export, get, list, write};
use crate::export::Exported;
use crate::openapi::parameters::{self, EXAMPLE_ETAG};
use crate::openapi::{self, Named, schema};
use crate::problem::ProblemKind;
use crate::routes::body::MediaType;
use crate::store::edge::{AnyList, PagedQuery};

/// All of them, in the order in which they can be tried.
pub(super) fn operations<R: Exported + Named>() -> Vec<Operation>
where
    AnyList: From<PagedQuery<R>>,
{
    let export = export::operation::<R>(nouns(R::TYPE));
    let mut operations = vec![store::<R>(), store_batch::<R>(), list::<R>(), export, get::<R>()];
    if openapi::is_changeable(R::TYPE) {
        operations.push(update::<R>());
    }
    operations
}

/// The noun for a record of a type.
const fn noun(record_type: RecordType) -> &'static str {
    match record_type {
        RecordType::Remediation => "a remediation",
        RecordType::AiAnalysis => "an analysis",
        RecordType::Workflow => "a workflow run",
        RecordType::Execution => "an execution",
    }
}

const fn nouns(record_type: RecordType) -> &'static str {
    match record_type {
        RecordType::Remediation => "remediations",
        RecordType::AiAnalysis => "analyses",
        RecordType::Workflow => "workflow runs",
        RecordType::Execution => "executions",
    }
}

fn path<R: AuditRecord>() -> String {
    format!("/api/v1/audit/{}", R::TYPE.path())
}

fn store<R: AuditRecord + Named>() -> Operation {
    let (path, example) = (path::<R>(), openapi::new_example(R::TYPE));
    let send = |status| Request::new(status, path.clone());
    Operation::new(Method::POST, path.clone(), Requires::WRITE, write::write::<R>, "The record as it is stored.")
        .named(R::TYPE.path(), format!("write{}", R::NAME), format!("Store {}", noun(R::TYPE)))
        .about("The status 201 means that the record is committed. The service cleans names and escapes text in which \
                a browser might run something; `sanitized_fields` names each place, and the record's `alterations` \
                say how it changed. `Prefer: handling=lenient` also stores values that are otherwise refused for \
                their form; `adjusted_fields` names what it changed.")
        .parameters([write::consistency_parameter(write::Offer::Any)])
        .parameters(write::headers())
        .takes([(MediaType::Json, openapi::new_schema(R::TYPE), example.clone())])
        .may_fail(write::PROBLEMS)
        .may_fail(&[ProblemKind::TooManyMonths, ProblemKind::IndexUnavailable])
        .shown_by(send(201).body(MediaType::Json, example.clone()))
        .shown_by(send(201).header("Idempotency-Key", "key-1").body(MediaType::Json, example.clone()))
        .shown_by(send(422).header("Idempotency-Key", "key-1").body(MediaType::Json, other(&example)))
        .shown_by(send(400).body(MediaType::Json, json!({})))
        .shown_by(send(400).body(MediaType::Json, json!("{\"name\": ")))
        .shown_by(
            Request::new(400, format!("{path}?consistency=maybe")).body(MediaType::Json, example.clone()),
        )
        .shown_by(send(415).body_of("text/plain", example))
}

/// The same record with another value of one of its fields.
fn other(example: &Value) -> Value {
    let mut other = example.clone();
    if let Some(status) = other.get_mut("status") {
        *status = json!("unknown");
    } else if let Some(confidence) = other.get_mut("confidence") {
        *confidence = json!(0.5);
    }
    other
}

fn store_batch<R: AuditRecord + Named>() -> Operation {
    let (path, example) = (format!("{}/batch", path::<R>()), openapi::new_example(R::TYPE));
    let records =
        schema::list_of(openapi::new_schema(R::TYPE)).min_items(Some(1)).max_items(Some(MAX_BATCH_RECORDS));
    let line = json!(format!("{example}\n"));
    let lines = schema::text().description(Some("One record per line."));
    let send = |status| Request::new(status, path.clone());
    let summary = format!("Store many {}, all or none", nouns(R::TYPE));
    Operation::new(
        Method::POST,
        path.clone(),
        Requires::WRITE,
        write::write_batch::<R>,
        "The ids of the records.",
    )
    .named(R::TYPE.path(), format!("write{}Batch", R::NAME), summary)
    .parameters([write::consistency_parameter(write::Offer::NotStrict)])
    .parameters(write::headers())
    .takes([
        (MediaType::Json, records.into(), json!([example, example])),
        (MediaType::JsonLines, lines.into(), line.clone()),
    ])
    .may_fail(write::PROBLEMS)
    .may_fail(&[ProblemKind::TooManyMonths])
    .shown_by(send(201).body(MediaType::Json, json!([example, example])))
    .shown_by(send(201).body(MediaType::JsonLines, line))
    .shown_by(send(400).body(MediaType::Json, json!([])))
    .shown_by(send(415).body(MediaType::MergePatch, json!([example])))
}

fn list<R: AuditRecord + Named>() -> Operation
where
    AnyList: From<PagedQuery<R>>,
{
    let path = path::<R>();
    let filtered = match R::TYPE {
        RecordType::Remediation => {
            "namespace=payments,checkout&severity=critical&metadata.reason=CrashLoopBackOff&cluster.not=test"
        }
        RecordType::AiAnalysis => "remediation_id=1&since=2026-01-01",
        RecordType::Workflow => "remediation_id=1&phase=planning&phase=executing",
        RecordType::Execution => "dry_run=false&target_kind=Pod",
    };
    list::operation::<R>(path.clone())
        .named(R::TYPE.path(), format!("list{}", R::NAME), format!("List {}", nouns(R::TYPE)))
        .about(
            "A record matches if it matches every filter. It matches a filter if it has one of its values. Values, \
             `.prefix` and `.null=true` of the same field are alternatives; `.not` excludes records from them. A list \
             by ascending `created_at` is a feed: continue it with its cursor. Only the cursor of a feed allows a \
             later `created_since`.",
        )
        .parameters(parameters::filter::<R>())
        .parameters(parameters::page::<R>())
        .shown_by(Request::new(200, path.clone()))
        .shown_by(Request::new(200, format!("{path}?{filtered}&limit=2&sort=-created_at")))
        .shown_by(Request::new(200, format!("{path}?total=none&offset=1")))
        .shown_by(Request::new(200, format!("{path}?recorded_by.not=nobody&created_since=1w&sort=created_at")))
        .shown_by(Request::new(400, format!("{path}?limit=0&nmae=x&cursor=1")))
        .shown_by(Request::new(400, format!("{path}?created_since=2020-01-01&created_until=2021-01-01")))
}

fn get<R: AuditRecord + Named>() -> Operation {
    let path = path::<R>();
    let one = format!("{path}/{EXAMPLE_ID}");
    Operation::get(format!("{path}/{{id}}"), Requires::READ, get::get::<R>, "The record.")
        .named(R::TYPE.path(), format!("get{}", R::NAME), format!("Read {}", noun(R::TYPE)))
        .parameters([parameters::id(), parameters::if_none_match()])
        .may_fail(STORE)
        .may_fail(&[ProblemKind::RecordNotFound])
        .shown_by(Request::new(200, one.clone()))
        .shown_by(Request::new(304, one.clone()).header("If-None-Match", EXAMPLE_ETAG))
        .shown_by(Request::new(404, format!("{path}/9223372036854775807")))
        .shown_by(Request::new(404, format!("{path}/none")))
        .shown_by(Request::new(400, format!("{one}?full=true")))
}

fn update<R: AuditRecord + Named>() -> Operation {
    let path = path::<R>();
    let one = format!("{path}/{EXAMPLE_ID}");
    let patch = match R::TYPE {
        RecordType::Remediation => json!({ "metadata": { "restarts": 18, "reviewed": true } }),
        RecordType::Workflow | RecordType::AiAnalysis | RecordType::Execution => json!({ "current_step": 2 }),
    };
    let end = json!({ "phase": "completed", "status": "success" });
    let (schema, about) = (openapi::patch_schema(R::TYPE), "The record after the change.");
    let send = |status| Request::new(status, one.clone());
    let of_version = |status| send(status).header("If-Match", EXAMPLE_ETAG);
    let of_another = |status, path: &str| Request::new(status, path).header("If-Match", "\"1-1\"");
    Operation::new(Method::PATCH, format!("{path}/{{id}}"), Requires::WRITE, write::update::<R>, about)
        .named(R::TYPE.path(), format!("update{}", R::NAME), format!("Change {}", noun(R::TYPE)))
        .about(
            "Send a merge patch (RFC 7396). Phases and steps cannot go back, and a finished record cannot be changed.",
        )
        .parameters([parameters::id(), write::if_match_header()])
        .parameters([write::consistency_parameter(write::Offer::NotStrict)])
        .parameters(write::headers())
        .takes([
            (MediaType::MergePatch, schema.clone(), patch.clone()),
            (MediaType::Json, schema, patch.clone()),
        ])
        .may_fail(write::PROBLEMS)
        .may_fail(&[
            ProblemKind::RecordNotFound,
            ProblemKind::Conflict,
            ProblemKind::PreconditionFailed,
            ProblemKind::PreconditionRequired,
        ])
        .shown_by(of_version(200).body(MediaType::MergePatch, patch.clone()))
        .shown_by(of_another(412, &one).body(MediaType::MergePatch, patch.clone()))
        .shown_by(send(428).body(MediaType::MergePatch, patch.clone()))
        .shown_by(of_version(400).body(MediaType::MergePatch, json!({ "id": 2 })))
        .shown_by(of_version(200).body(MediaType::Json, end))
        .shown_by(
            of_version(409).body(MediaType::Json, json!({ "phase": "failed", "status": "failed" })),
        )
        .shown_by(
            of_another(404, &format!("{path}/9223372036854775807")).body(MediaType::MergePatch, patch),
        )
}
