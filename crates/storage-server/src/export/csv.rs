//! Records as CSV (RFC 4180): a header row, commas, CRLF, quotes where they are needed.
//!
//! An absent value is an empty field, an empty text a quoted one. Spreadsheets run a cell that begins like a
//! formula, and what alerts say is not to be trusted; so a text that begins so has an apostrophe before it, and a
//! text that begins with an apostrophe one more. Who reads the file by a program takes one leading apostrophe off
//! and has every text as it is stored.

use std::io::Write as _;

use storage_models::{JsonText, Phase, Remediation, Severity, Status, Timestamp};

/// What a formula may begin with in one spreadsheet or another, full-width forms included, and the apostrophe
/// itself.
const GUARDED: [char; 12] = ['=', '+', '-', '@', '\t', '\r', '\n', '\'', '＝', '＋', '－', '＠'];

/// What makes quotes necessary.
const QUOTED: [char; 4] = [',', '"', '\r', '\n'];

/// A value of a record as a field.
trait Field {
    fn write(&self, out: &mut Vec<u8>);
}

impl Field for String {
    fn write(&self, out: &mut Vec<u8>) {
        write_text(out, self);
    }
}

impl Field for JsonText {
    fn write(&self, out: &mut Vec<u8>) {
        write_text(out, self.as_str());
    }
}

impl<T: Field> Field for Option<T> {
    fn write(&self, out: &mut Vec<u8>) {
        if let Some(value) = self {
            value.write(out);
        }
    }
}

/// Values without a character that would have to be quoted or guarded; a number's sign begins no formula.
macro_rules! plain {
    ($($type:ty)+) => {$(
        impl Field for $type {
            fn write(&self, out: &mut Vec<u8>) {
                // Writing to a vector cannot fail.
                let _ = write!(out, "{self}");
            }
        }
    )+};
}

plain!(i64 Timestamp Phase Status Severity);

macro_rules! columns {
    ($first:ident $($name:ident)+) => {
        /// The names of the columns, which are those of a record's JSON.
        pub(super) fn write_header(out: &mut Vec<u8>) {
            out.extend_from_slice(concat!(stringify!($first), $(",", stringify!($name),)+ "\r\n").as_bytes());
        }

        /// One record.
        pub(super) fn write_row(out: &mut Vec<u8>, record: &Remediation) {
            record.$first.write(out);
            $(
                out.push(b',');
                record.$name.write(out);
            )+
            out.extend_from_slice(b"\r\n");
        }
    };
}

columns! {
    id name namespace phase action_type target_name status start_time end_time duration_ms environment cluster
    remediation_request_id alert_name alert_fingerprint severity error_message metadata created_at updated_at
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
    use storage_models::{JsonText, Phase, Remediation, Status, Timestamp};

    use super::{write_header, write_row, write_text};

    fn remediation() -> Remediation {
        let at: Timestamp = "2026-01-05T00:00:00Z".parse().unwrap();
        Remediation {
            id: 7,
            name: "a, \"b\"".to_owned(),
            namespace: String::new(),
            phase: Phase::Failed,
            action_type: "=1+1".to_owned(),
            target_name: None,
            status: Status::Failed,
            start_time: at,
            end_time: Some(at),
            duration_ms: Some(-5),
            environment: None,
            cluster: None,
            remediation_request_id: None,
            alert_name: None,
            alert_fingerprint: None,
            severity: None,
            error_message: Some("one\ntwo".to_owned()),
            metadata: Some(JsonText::new("{\"team\": \"a\"}".to_owned()).unwrap()),
            created_at: at,
            updated_at: at,
        }
    }

    /// A column that a record gains must be exported too.
    #[test]
    fn the_columns_are_the_keys_of_a_record() {
        let mut header = Vec::new();
        write_header(&mut header);
        let json = serde_json::to_string(&remediation()).unwrap();
        let key = |name: &str| json.find(&format!("\"{name}\":")).unwrap();
        let text = String::from_utf8(header).unwrap();
        let names: Vec<&str> = text.strip_suffix("\r\n").unwrap().split(',').collect();
        assert!(names.is_sorted_by_key(|name| key(name)), "{names:?} in {json}");
        let keys = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&json).unwrap().len();
        assert_eq!(names.len(), keys);
    }

    #[test]
    fn a_row_quotes_what_must_be_and_tells_absent_from_empty() {
        let mut row = Vec::new();
        write_row(&mut row, &remediation());
        let expected = "7,\"a, \"\"b\"\"\",\"\",failed,'=1+1,,failed,2026-01-05T00:00:00.000000Z,\
             2026-01-05T00:00:00.000000Z,-5,,,,,,,\"one\ntwo\",\"{\"\"team\"\": \"\"a\"\"}\",\
             2026-01-05T00:00:00.000000Z,2026-01-05T00:00:00.000000Z\r\n";
        assert_eq!(String::from_utf8(row).unwrap(), expected);
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
