//! Generated parts of names, which distinguish two objects and have no meaning.

/// The alphabet of Kubernetes' random suffixes (`SafeEncodeString` in apimachinery's `rand` package): no vowels, so
/// that no words arise.
const SUFFIX_ALPHABET: &str = "bcdfghjklmnpqrstvwxz2456789";

/// Words of five characters of [`SUFFIX_ALPHABET`] that do end names of services.
const KEPT: [&str; 8] = ["btrfs", "html5", "http2", "httpd", "https", "mssql", "nfsv4", "pgsql"];

/// Lengths of the five parts of a UUID.
const UUID: [usize; 5] = [8, 4, 4, 4, 12];

/// The parts of one dash-separated name that people chose.
pub(super) fn without_generated<'a>(segments: &[&'a str]) -> Vec<&'a str> {
    let mut kept = Vec::new();
    let mut rest = segments;
    while let [first, after @ ..] = rest {
        if let Some(after_uuid) = after_uuid(rest) {
            rest = after_uuid;
            continue;
        }
        kept.push(*first);
        rest = after;
    }
    drop_suffixes(&mut kept);
    kept.retain(|segment| !is_run(segment));
    kept
}

fn after_uuid<'a, 'b>(segments: &'b [&'a str]) -> Option<&'b [&'a str]> {
    let (head, rest) = segments.split_at_checked(UUID.len())?;
    let fits = |(segment, length): (&&str, usize)| segment.len() == length && is_hexadecimal(segment);
    head.iter().zip(UUID).all(fits).then_some(rest)
}

/// Takes off a pod's suffix, then a ReplicaSet's; the first part of a name is never one.
fn drop_suffixes(segments: &mut Vec<&str>) {
    if segments.len() > 1 && segments.last().is_some_and(|last| is_pod_suffix(last)) {
        segments.pop();
    }
    if segments.len() > 1 && segments.last().is_some_and(|last| is_template_hash(last)) {
        segments.pop();
    }
}

fn is_pod_suffix(segment: &str) -> bool {
    segment.len() == 5 && is_drawn(segment) && !KEPT.contains(&segment)
}

fn is_template_hash(segment: &str) -> bool {
    (8..=10).contains(&segment.len()) && is_drawn(segment)
}

fn is_drawn(segment: &str) -> bool {
    segment.chars().all(|character| SUFFIX_ALPHABET.contains(character))
}

/// Six digits or more, or seven hexadecimal ones or more that no word is made of.
fn is_run(segment: &str) -> bool {
    let digits = segment.chars().filter(char::is_ascii_digit).count();
    let all_digits = digits == segment.len();
    let mixed = digits > 0 && segment.len() >= 7 && is_hexadecimal(segment);
    (all_digits && digits >= 6) || mixed
}

fn is_hexadecimal(segment: &str) -> bool {
    segment.chars().all(|character| character.is_ascii_hexdigit())
}
