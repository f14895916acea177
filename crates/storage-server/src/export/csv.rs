//! Records as CSV (RFC 4180): a header row, commas, CRLF, quotes where they are needed.
//!
//! An absent value is an empty field, an empty text a quoted one. Spreadsheets run a cell that begins like a
//! formula, and what alerts say is not to be trusted; so a text that begins so has an apostrophe before it, and a
//! text that begins with an apostrophe one more. Who reads the file by a program takes one leading apostrophe off
//! and has every text as it is stored.

use std::io::Write as _;

use storage_models::fields::{Members, Value};
use storage_query::AuditRecord;

/// The characters that begin a formula in some spreadsheet, full-width forms included, and the apostrophe itself.
const GUARDED: [char; 12] = ['=', '+', '-', '@', '\t', '\r', '\n', '\'', '＝', '＋', '－', '＠'];

/// The characters that make quotes necessary.
const QUOTED: [char; 4] = [',', '"', '\r', '\n'];

/// The byte order mark, from which spreadsheets recognise UTF-8.
pub(super) const BYTE_ORDER_MARK: &str = "\u{feff}";

/// The records that can be exported.
pub(crate) trait Exported: AuditRecord + Members {}

impl<R: AuditRecord + Members> Exported for R {}

/// The names of the columns, which are those of a record's JSON.
pub(super) fn write_header<R: Exported>(out: &mut Vec<u8>) {
    let names: Vec<_> = R::MEMBERS.iter().map(|member| member.name).collect();
    out.extend_from_slice(names.join(",").as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// One record.
pub(super) fn write_row<R: Exported>(out: &mut Vec<u8>, record: &R) {
    for (place, member) in R::MEMBERS.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        write_value(out, &(member.read)(record));
    }
    out.extend_from_slice(b"\r\n");
}

/// Only texts and documents can hold what must be quoted or guarded; a number's sign begins no formula.
fn write_value(out: &mut Vec<u8>, value: &Value<'_>) {
    // Writing to a vector cannot fail.
    let _ = match value {
        Value::Null => Ok(()),
        Value::Text(text) => return write_text(out, text),
        Value::Json(json) => return write_text(out, json.as_str()),
        Value::Time(time) => write!(out, "{time}"),
        Value::Integer(number) => write!(out, "{number}"),
        Value::Real(number) => write!(out, "{number}"),
        Value::Boolean(flag) => write!(out, "{flag}"),
    };
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    let guard = if text.starts_with(GUARDED) { "'" } else { "" };
    // Writing to a vector cannot fail.
    let _ = if text.is_empty() || text.contains(QUOTED) {
        write!(out, "\"{guard}{}\"", text.replace('"', "\"\""))
    } else {
        write!(out, "{guard}{text}")
    };
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use storage_models::fields::{Members as _, Value};
    use storage_models::{JsonText, Remediation, Timestamp};

    use super::{write_row, write_text};

    fn remediation() -> Remediation {
        let at: Timestamp = "2026-01-05T00:00:00Z".parse().unwrap();
        let made = Remediation::of_values(|name| match name {
            "id" => Value::Integer(7),
            "name" => Value::Text("a, \"b\"".into()),
            "namespace" => Value::Text("".into()),
            "phase" | "status" => Value::Text("failed".into()),
            "action_type" => Value::Text("=1+1".into()),
            "recorded_by" => Value::Text("operator".into()),
            "start_time" | "end_time" | "created_at" | "updated_at" => Value::Time(at),
            "duration_ms" => Value::Integer(-5),
            "error_message" => Value::Text("one\ntwo".into()),
            "metadata" => Value::Json(Cow::Owned(JsonText::new("{\"team\": \"a\"}".to_owned()).unwrap())),
            _ => Value::Null,
        });
        made.unwrap()
    }

    #[test]
    fn a_row_quotes_what_must_be_and_tells_absent_from_empty() {
        let mut row = Vec::new();
        write_row(&mut row, &remediation());
        let expected = "7,\"a, \"\"b\"\"\",\"\",failed,'=1+1,,failed,2026-01-05T00:00:00.000000Z,\
             2026-01-05T00:00:00.000000Z,-5,,,,,,,\"one\ntwo\",\"{\"\"team\"\": \"\"a\"\"}\",operator,,,\
             2026-01-05T00:00:00.000000Z,2026-01-05T00:00:00.000000Z";
        let row = String::from_utf8(row).unwrap();
        assert!(row.starts_with(expected) && row.ends_with("\r\n"), "{row}");
    }

    /// Each guard can be taken off again: nothing else begins with an apostrophe.
    #[test]
    fn what_begins_like_a_formula_has_an_apostrophe_before_it() {
        for (text, expected) in [
            ("a=b", "a=b"),
            ("=HYPERLINK(\"x\")", "\"'=HYPERLINK(\"\"x\"\")\""),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(1)", "'@SUM(1)"),
            ("\t=1", "'\t=1"),
            ("\r=1", "\"'\r=1\""),
            ("＝1", "'＝1"),
            ("'a", "''a"),
            ("a'", "a'"),
            (" =1", " =1"),
        ] {
            let mut out = Vec::new();
            write_text(&mut out, text);
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{text:?}");
        }
    }
}
