//! Messages for clients whose request head the HTTP library cannot read.

/// Characters of a client's text that a message repeats at most.
const SHOWN: usize = 60;

/// The fault and the remedy; `None` if no fault is found, for example in an incomplete head.
pub(super) fn fault(head: &[u8]) -> Option<String> {
    if head.starts_with(b"\x16\x03") {
        return Some(
            "The client sent TLS, and this port speaks plain HTTP. Begin the URL with http://.".to_owned(),
        );
    }
    let lines = head.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let mut lines = lines.skip_while(|line| line.is_empty());
    let first = lines.next()?;
    let headers: Vec<&[u8]> = lines.take_while(|line| !line.is_empty()).collect();
    in_request_line(first).or_else(|| in_header_lines(&headers)).or_else(|| in_headers(first, &headers))
}

fn in_request_line(line: &[u8]) -> Option<String> {
    let Ok(line) = std::str::from_utf8(line) else {
        return Some(
            "The URL has bytes that are not UTF-8. Percent-encode its text in UTF-8: ü is %C3%BC.".to_owned(),
        );
    };
    let (_, rest) = line.split_once(' ').unwrap_or((line, ""));
    let Some((target, version)) = rest.rsplit_once(' ').filter(|(_, version)| version.starts_with("HTTP/"))
    else {
        return Some("The first line is not a request line, such as `GET /health HTTP/1.1`.".to_owned());
    };
    if !matches!(version, "HTTP/1.0" | "HTTP/1.1") {
        return Some(format!("The service does not speak {}. Use HTTP/1.1.", shown(version)));
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let in_path = path.chars().find(|c| is_never_in_a_url(*c) || *c == '`');
    let found = in_path.or_else(|| query.chars().find(|c| is_never_in_a_url(*c) || *c == '"'))?;
    Some(format!(
        "The URL has {}, which must be percent-encoded: write it as {}. With curl, use --get and --data-urlencode.",
        name_of(found),
        percent_encoded(found)
    ))
}

fn is_never_in_a_url(c: char) -> bool {
    !c.is_ascii_graphic() || matches!(c, '<' | '>')
}

fn name_of(c: char) -> String {
    match c {
        ' ' => "a space".to_owned(),
        c if c.is_ascii_graphic() || c.is_alphanumeric() => format!("the character {c}"),
        c => format!("the character U+{:04X}", u32::from(c)),
    }
}

fn percent_encoded(c: char) -> String {
    c.encode_utf8(&mut [0; 4]).bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// A line that is no header.
fn in_header_lines(lines: &[&[u8]]) -> Option<String> {
    let is_header = |line: &[u8]| match parts(line) {
        Some((name, value)) => {
            let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
            !name.is_empty()
                && name.iter().all(is_token)
                && !value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t')
        }
        None => false,
    };
    // The request line is the first.
    let number = lines.iter().position(|line| !is_header(line))? + 2;
    Some(format!(
        "Line {number} of the head is not a header. Write `Name: value`, without spaces in the name and without \
         control characters."
    ))
}

/// Headers that contradict each other, or say nothing that can be followed.
fn in_headers(request_line: &[u8], lines: &[&[u8]]) -> Option<String> {
    let is_1_0 = request_line.ends_with(b"HTTP/1.0");
    let lengths: Vec<&[u8]> = values(lines, "content-length").collect();
    let encodings: Vec<&[u8]> = values(lines, "transfer-encoding").collect();
    let is_number = |value: &&[u8]| value.iter().all(u8::is_ascii_digit) && !value.is_empty();
    let message = match (values(lines, "host").count(), lengths.as_slice(), encodings.as_slice()) {
        (0, ..) if !is_1_0 => {
            "The header Host is missing, which HTTP/1.1 requires. Send `Host:` with the name of the service."
        }
        (2.., ..) => "The header Host is repeated. Send it once.",
        (_, [_, _, ..], _) => "The header Content-Length is repeated. Send it once.",
        (_, [length], _) if !is_number(length) => {
            "The header Content-Length is not a number. Send the length of the body in bytes."
        }
        (_, [_], [_, ..]) => "Content-Length and Transfer-Encoding contradict each other. Send one of them.",
        (.., [_, ..]) => {
            "The header Transfer-Encoding must be `chunked`, and only in HTTP/1.1. Correct it, or send Content-Length \
             instead."
        }
        _ => return None,
    };
    Some(message.to_owned())
}

/// The values of the headers of that name.
fn values<'a>(lines: &'a [&'a [u8]], name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    let all = lines.iter().filter_map(|line| parts(line));
    all.filter(|(found, _)| found.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| value)
}

/// Name and value of a header line.
fn parts(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = line.iter().position(|byte| *byte == b':')?;
    let (name, value) = line.split_at_checked(at)?;
    Some((name, value.get(1..)?.trim_ascii()))
}

/// A client's text as a message may repeat it.
fn shown(text: &str) -> String {
    text.escape_debug().take(SHOWN).collect()
}

/// The value of a header of that name.
pub(super) fn header<'a>(head: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let lines = head.split(|byte| *byte == b'\n').skip(1);
    lines
        .filter_map(parts)
        .find(|(found, _)| found.eq_ignore_ascii_case(name.as_bytes()))
        .map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::{fault, header};

    /// F65, F70: the message names what is wrong, and what to send instead.
    #[test]
    fn each_fault_has_its_message() {
        for (head, expected) in [
            (
                "GET /a?q=\"b\" HTTP/1.1\r\nHost: a\r\n\r\n",
                "the character \", which must be percent-encoded: write it as %22",
            ),
            (
                "GET /a?q=ü HTTP/1.1\r\nHost: a\r\n\r\n",
                "the character ü, which must be percent-encoded: write it as %C3%BC",
            ),
            ("GET /ü?q=a HTTP/1.1\r\nHost: a\r\n\r\n", "%C3%BC"),
            ("GET /a?q=\u{202e} HTTP/1.1\r\nHost: a\r\n\r\n", "U+202E"),
            (
                "GET /a?q=b c HTTP/1.1\r\nHost: a\r\n\r\n",
                "a space, which must be percent-encoded: write it as %20",
            ),
            ("GET /a?q=<b> HTTP/1.1\r\nHost: a\r\n\r\n", "%3C"),
            ("\r\nGET /a`b HTTP/1.1\r\nHost: a\r\n\r\n", "%60"),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "does not speak HTTP/2.0"),
            ("hello\r\n\r\n", "not a request line"),
            ("GET / HTTP/1.1\r\n\r\n", "Host is missing"),
            ("GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n", "Host is repeated"),
            ("GET / HTTP/1.1\r\nHost: a\r\nX y\r\n\r\n", "Line 3 of the head"),
            ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", "Line 2 of the head"),
            ("GET / HTTP/1.1\r\nHost: a\r\nX: b\x01\r\n\r\n", "Line 3 of the head"),
            ("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", "Content-Length is not a number"),
            ("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", "repeated"),
            (
                "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                "contradict",
            ),
            ("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", "must be `chunked`"),
            ("\u{16}\u{3}\u{1}", "The client sent TLS"),
        ] {
            let found = fault(head.as_bytes()).unwrap_or_default();
            assert!(found.contains(expected), "{head:?}: {found:?}");
            assert!(!found.chars().any(char::is_control), "{head:?}: {found:?}");
        }
        assert!(fault(b"GET /\xfc HTTP/1.1\r\nHost: a\r\n\r\n").is_some_and(|it| it.contains("not UTF-8")));
    }

    #[test]
    fn nothing_is_found_wrong_with_what_is_right() {
        for head in [
            "GET /a?q=b HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET /health HTTP/1.0\r\n\r\n",
            "POST /\"{}? HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\n\r\n"
                .replace("Transfer-Encoding: x\r\n", "")
                .as_str(),
        ] {
            assert_eq!(fault(head.as_bytes()), None, "{head:?}");
        }
        assert_eq!(fault(b""), None);
    }

    #[test]
    fn a_header_is_found_by_its_name() {
        let head = b"GET / HTTP/1.1\r\nHost: a\r\nX-CORRELATION-id:  b \r\n\r\n";
        assert_eq!(header(head, "x-correlation-id"), Some(&b"b"[..]));
        assert_eq!(header(head, "cookie"), None);
    }
}
