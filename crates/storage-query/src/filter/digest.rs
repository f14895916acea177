//! A short name for a filter, the same in every process that runs this version of the encoding.

use sha2::{Digest as _, Sha256};

use super::{AuditFilter, Range, Times};
use crate::TimeBound;

/// The first half of a SHA-256.
pub(crate) type Digest = [u8; 16];

/// The name of what `filter` asks for within these ranges of time. Two filters that differ only in the order of values have
/// the same; ages count as they were given, not as they were resolved.
pub(crate) fn digest<F: AuditFilter>(filter: &F, times: Times<Range<TimeBound>>) -> Digest {
    let mut fields = filter.describe();
    for (name, bound) in times.ends() {
        fields.extend(bound.map(|bound| (name.to_owned(), vec![text_of(bound)])));
    }
    let mut hash = Sha256::new();
    for (name, mut values) in fields {
        values.sort();
        values.dedup();
        hash.update(count(values.len()));
        for text in std::iter::once(name).chain(values) {
            hash.update(count(text.len()));
            hash.update(text);
        }
    }
    let mut short = Digest::default();
    short.iter_mut().zip(hash.finalize()).for_each(|(to, from)| *to = from);
    short
}

/// A length before each text, so that no two lists run together to the same bytes.
fn count(length: usize) -> [u8; 8] {
    u64::try_from(length).unwrap_or(u64::MAX).to_be_bytes()
}

fn text_of(bound: TimeBound) -> String {
    match bound {
        TimeBound::At(instant) => instant.to_string(),
        TimeBound::Ago(age) => format!("{}.{:09} s", age.num_seconds(), age.subsec_nanos()),
    }
}
