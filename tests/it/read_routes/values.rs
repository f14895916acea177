//! What each parameter must refuse.

use super::{Parameter, form};

/// What a parameter holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Texts that a column is compared with.
    Texts,
    /// Texts that a key of metadata is compared with.
    Metadata,
    /// The text of a search.
    Question,
    /// Some of a few words.
    Words,
    /// One of a few words.
    Word,
    /// Names of columns, between commas.
    Columns,
    /// `true`, `false` or both.
    Flags,
    /// Numbers of records.
    Ids,
    /// A whole number in a range.
    Number,
    /// A number from 0 to 1.
    Fraction,
    /// A time, a date or an age.
    Time,
    /// A duration.
    Duration,
    /// A place in a list.
    Cursor,
}

impl Kind {
    /// What the parameter of this name holds, wherever it stands.
    pub(super) fn of(name: &str) -> Self {
        match name.rsplit_once('.') {
            Some((_, "null")) => return Self::Word,
            Some((field, "not" | "prefix")) => return Self::of(field),
            _ => {}
        }
        match name {
            "name"
            | "namespace"
            | "action_type"
            | "target_name"
            | "target_kind"
            | "environment"
            | "cluster"
            | "alert_name"
            | "alert_fingerprint"
            | "remediation_request_id"
            | "analysis_type"
            | "model"
            | "workflow_name"
            | "recorded_by" => Self::Texts,
            "metadata.reason" => Self::Metadata,
            "q" => Self::Question,
            "phase" | "status" | "severity" => Self::Words,
            "sort" | "total" | "mode" | "group" | "format" | "interval" | "bom" | "with" => Self::Word,
            "by" | "fields" => Self::Columns,
            "dry_run" => Self::Flags,
            "remediation_id" => Self::Ids,
            "limit" | "offset" => Self::Number,
            "min_similarity" => Self::Fraction,
            "since" | "until" | "created_since" | "created_until" | "updated_since" | "updated_until" => {
                Self::Time
            }
            "min_duration" | "max_duration" | "settle" => Self::Duration,
            "cursor" => Self::Cursor,
            other => panic!("`{other}` is a new parameter: say in {} what it must refuse", file!()),
        }
    }

    /// Whether any text without NUL and of some length is a value of it.
    pub(super) const fn is_text(self) -> bool {
        matches!(self, Self::Texts | Self::Metadata | Self::Question)
    }

    /// Whether it takes one value only.
    pub(super) const fn is_single(self) -> bool {
        !matches!(self, Self::Texts | Self::Metadata | Self::Words | Self::Flags | Self::Ids)
    }
}

/// What no parameter can be decoded from; put as it is into the query string.
pub(super) const UNDECODABLE: &[&str] = &[
    "%",
    "a%",
    "%f",
    "%zz",
    "%0x41",
    "%-1",
    "%ff",
    "a%80",
    "%c3%28",
    "%e2%82",
    "%c0%80",
    "%c0%a7",
    "%ed%a0%80",
    "%f4%90%80%80",
];

const NOT_NUMBERS: &[&str] = &[
    "10abc",
    "abc",
    "",
    " ",
    " 1",
    "1 ",
    "-1",
    "+1",
    "--1",
    "1.5",
    "1.0",
    "1e2",
    "0x10",
    "1_0",
    "1'0",
    "NaN",
    "null",
    "true",
    "\u{663}",
    "\u{ff11}",
    "1\0",
    "9223372036854775808",
    "-9223372036854775809",
    "99999999999999999999999999999999",
];

/// F19: values that must be refused, each with the code of the refusal.
pub(super) fn bad(parameter: &Parameter) -> Vec<(String, &'static str)> {
    match parameter.kind {
        Kind::Texts | Kind::Metadata => texts(),
        Kind::Question => [("", "required"), (" \t\u{a0}", "required"), ("a\0b", "forbidden_character")]
            .map(|(value, code)| (value.to_owned(), code))
            .into_iter()
            .chain(["a", "é"].map(|letter| (letter.repeat(1_001), "too_long")))
            .chain([("a ".repeat(10_000), "too_long")])
            .collect(),
        Kind::Words => words(parameter).chain(listed(parameter)).collect(),
        Kind::Word => words(parameter).collect(),
        Kind::Columns => {
            ["", ",", "no-such", "id", "severity,no-such", "severity;", "severity--", "severity\0"]
                .map(invalid)
                .to_vec()
        }
        Kind::Flags => {
            ["", "True", "FALSE", "1", "0", "yes", "t", " true", "true,", "true,no", "null", "true\0"]
                .map(invalid)
                .to_vec()
        }
        Kind::Ids => {
            let more = ["0", "1,", ",1", "1,,2", "1,x", "1;2", "1-2", "{1}"];
            NOT_NUMBERS.iter().chain(&more).map(|value| out_of_range(value)).collect()
        }
        Kind::Number => {
            let beyond = [parameter.bound("minimum") - 1, parameter.bound("maximum") + 1];
            let beyond = beyond.map(|number| (number.to_string(), "out_of_range"));
            NOT_NUMBERS.iter().chain(&["1,2"]).map(|value| out_of_range(value)).chain(beyond).collect()
        }
        Kind::Fraction => {
            let more = ["1.01", "-0.1", "+0.5", "0,5", "0.5.5", ".", "1e-1", "inf", "0x1", "50%", "2"];
            let wrong = NOT_NUMBERS.iter().filter(|value| **value != "1.0").chain(&more);
            wrong.map(|value| out_of_range(value)).collect()
        }
        Kind::Time => times(),
        Kind::Duration => [
            "", "10", "fast", "s", "-1s", "+1s", "1.5s", "1 s", " 1s", "1S", "1m1h", "1y", "PT1S", "1s1s",
            "1s\0",
        ]
        .into_iter()
        .chain(["36501d", "99999999999999999999ms", "9223372036854775808ms", "1s,2s"])
        .map(invalid)
        .collect(),
        Kind::Cursor => ["", " ", "10abc", "===", "é", "AQ", "AQ==", "null", "\0", "../x"]
            .map(str::to_owned)
            .into_iter()
            .chain(["A".repeat(112), "A".repeat(113), "AQE".repeat(7_000)])
            .map(|value| (value, "invalid_cursor"))
            .collect(),
    }
}

fn invalid(value: &str) -> (String, &'static str) {
    (value.to_owned(), "invalid_value")
}

fn out_of_range(value: &str) -> (String, &'static str) {
    (value.to_owned(), "out_of_range")
}

fn texts() -> Vec<(String, &'static str)> {
    let nul = ["\0", "a\0b", "a,\0"].map(|value| (value.to_owned(), "forbidden_character"));
    let long = ["a".repeat(1_001), "é".repeat(1_001), "a".repeat(20_000), format!("a,{}", "b".repeat(1_001))];
    let many = ["a,".repeat(100), ",".repeat(5_000)].map(|value| (value, "too_many_values"));
    nul.into_iter().chain(long.map(|value| (value, "too_long"))).chain(many).collect()
}

fn words(parameter: &Parameter) -> impl Iterator<Item = (String, &'static str)> {
    let good = parameter.words().first().copied().unwrap().to_owned();
    let [upper, padded, longer, nul] =
        [good.to_uppercase(), format!(" {good}"), format!("{good}s"), format!("{good}\0")];
    let more = ["", " ", "no-such", "1", "null", "*", "%"].map(str::to_owned);
    // As in writes: words of a field are trimmed, and severity has no case.
    let is_of_a_field = parameter.kind == Kind::Words;
    let padded = Some(padded).filter(|_| !is_of_a_field);
    let upper = Some(upper).filter(|_| !parameter.name.starts_with("severity"));
    more.into_iter()
        .chain(padded)
        .chain(upper)
        .chain([longer, nul, format!("{good};"), "x".repeat(20_000)])
        .chain([format!("{good},no-such"), format!("{good},")])
        .map(|value| (value, "invalid_value"))
}

/// Beyond a hundred, each of them a word.
fn listed(parameter: &Parameter) -> impl Iterator<Item = (String, &'static str)> {
    let good = parameter.words().first().copied().unwrap().to_owned();
    [(vec![good; 101].join(","), "too_many_values")].into_iter()
}

fn times() -> Vec<(String, &'static str)> {
    let unreadable = [
        "",
        " ",
        "tomorrow",
        "now",
        "now()",
        "epoch",
        "infinity",
        "-infinity",
        "today",
        "10abc",
        "7",
        "7y",
        "1m1h",
        "7ms",
        "-7d",
        "+7d",
        "7 d",
        " 7d",
        "7d ",
        "7D",
        "1.5h",
        "d",
        "1767225600",
        "2026",
        "2026-01",
        "2026-1-2",
        "2026-13-01",
        "2026-02-30",
        "2026-00-01",
        "20260101",
        "01/02/2026",
        "2026-01-01T00:00:00",
        "2026-01-01T25:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T00:00Z",
        "2026-01-01T00:00:00 02:00",
        "2026-01-01T00:00:00+25:00",
        "2026-01-01Z",
        "2026-W01-1",
        "P1D",
        "7d\0",
        "2026-01-01,2026-01-02",
        "٢٠٢٦-٠١-٠١",
    ];
    let beyond = ["36501d", "99999999999999999999d", "9223372036854775808s"];
    let beyond = beyond.into_iter().map(out_of_range);
    unreadable.into_iter().map(invalid).chain(beyond).collect()
}

/// F20: names that are almost the parameter's, and no parameter's.
pub(super) fn misspelt(parameter: &Parameter) -> Vec<String> {
    let name = &parameter.name;
    if parameter.kind == Kind::Metadata {
        return ["metadata", "metadatareason", "Metadata.reason", "metadata[reason]", " metadata.reason"]
            .map(str::to_owned)
            .to_vec();
    }
    let mut swapped: Vec<char> = name.chars().collect();
    if let [.., before, last] = swapped.as_mut_slice() {
        std::mem::swap(before, last);
    }
    let [swapped, dashed] = [swapped.into_iter().collect(), name.replace('_', "-")];
    let shorter = name.get(..name.len() - 1).unwrap_or_default().to_owned();
    let more = [
        format!("{name}s"),
        format!(" {name}"),
        format!("{name} "),
        format!("{name}[]"),
        format!("{name}\0"),
    ];
    let all = [name.to_uppercase(), swapped, dashed, shorter].into_iter().chain(more);
    all.filter(|it| it != name && !it.is_empty()).collect()
}

/// `name=value` as it is, or percent-encoded byte by byte: the same parameter.
pub(super) fn both_forms(name: &str, value: &str) -> [String; 2] {
    let encoded: String = name.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let plain = form(name, value);
    let (_, value) = plain.split_once('=').unwrap_or_default();
    [format!("{encoded}={value}"), plain]
}
