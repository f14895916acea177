//! Cursors as text: base64url (RFC 4648, without padding) of a version, fixed fields, and those optional
//! ones that a byte of flags announces.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use storage_models::Timestamp;

use super::{Cursor, Position};
use crate::time_bound::is_in_range;
use crate::{InvalidParameter, InvalidReason};

/// The first byte. Another layout has another.
const VERSION: u8 = 1;

const HAS_VALUE: u8 = 1;
const HAS_SINCE: u8 = 2;
const HAS_UNTIL: u8 = 4;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let optional = [
            (HAS_VALUE, self.position.value),
            (HAS_SINCE, self.since.map(Timestamp::micros)),
            (HAS_UNTIL, self.until.map(Timestamp::micros)),
        ];
        let present = optional.iter().filter(|(_, number)| number.is_some());
        let flags = present.fold(0, |flags, (flag, _)| flags | flag);
        let mut bytes = vec![VERSION, self.list, self.sort, flags];
        bytes.extend(self.filter);
        bytes.extend(self.position.id.to_be_bytes());
        bytes.extend(optional.iter().filter_map(|(_, number)| *number).flat_map(i64::to_be_bytes));
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for Cursor {
    type Err = InvalidParameter;

    fn from_str(text: &str) -> Result<Self, InvalidParameter> {
        let short = Some(text).filter(|text| text.len() <= Self::MAX_LENGTH);
        let bytes = short.and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        bytes
            .and_then(|bytes| read(&bytes))
            .ok_or_else(|| InvalidParameter::new("cursor", text, InvalidReason::NotACursor))
    }
}

/// Every byte must have its meaning.
fn read(bytes: &[u8]) -> Option<Cursor> {
    let (&[VERSION, list, sort, flags], rest) = bytes.split_first_chunk()? else { return None };
    let (filter, mut rest) = rest.split_first_chunk()?;
    let id = number(&mut rest)?;
    let mut optional = |flag| if flags & flag == 0 { Some(None) } else { number(&mut rest).map(Some) };
    let (value, since, until) = (optional(HAS_VALUE)?, optional(HAS_SINCE)?, optional(HAS_UNTIL)?);
    let (since, until) = (instant(since)?, instant(until)?);
    let position = Position { value, id };
    let is_whole = rest.is_empty() && flags <= HAS_VALUE | HAS_SINCE | HAS_UNTIL;
    is_whole.then_some(Cursor { list, sort, filter: *filter, since, until, position })
}

fn number(rest: &mut &[u8]) -> Option<i64> {
    let (number, others) = rest.split_first_chunk()?;
    *rest = others;
    Some(i64::from_be_bytes(*number))
}

/// The outer `None` for an instant that no filter can have.
fn instant(micros: Option<i64>) -> Option<Option<Timestamp>> {
    match micros.map(Timestamp::from_micros) {
        None => Some(None),
        Some(instant) => instant.filter(|instant| is_in_range(*instant)).map(Some),
    }
}
