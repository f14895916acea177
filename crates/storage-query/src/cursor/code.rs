//! Cursors as text: base64url (RFC 4648, without padding) of a version, fixed fields, and those optional
//! ones that a byte of flags announces.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use storage_models::Timestamp;

use super::{Boundary, Cursor, Position, Side};
use crate::filter::Times;
use crate::time_bound::is_in_range;
use crate::{InvalidParameter, InvalidReason};

/// The first byte. Another layout has another.
const VERSION: u8 = 1;

/// The flag of the position's value, and those of the ages' ends in their order.
const FLAGS: [u8; 7] = [1, 2, 4, 8, 16, 32, 64];

/// The flag of what precedes the position.
const IS_BEFORE: u8 = 128;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ages = self.ages.ends().map(|(_, instant)| instant.map(Timestamp::micros));
        let Boundary { side, position } = self.boundary;
        let optional = [position.value].into_iter().chain(ages);
        let present = FLAGS.iter().zip(optional.clone()).filter(|(_, number)| number.is_some());
        let side = if side == Side::Before { IS_BEFORE } else { 0 };
        let flags = present.fold(side, |flags, (flag, _)| flags | flag);
        let mut bytes = vec![VERSION, self.list, self.sort, flags];
        bytes.extend(self.filter);
        bytes.extend(position.id.to_be_bytes());
        bytes.extend(optional.flatten().flat_map(i64::to_be_bytes));
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
    let [value, ages @ ..] =
        FLAGS.map(|flag| if flags & flag == 0 { Some(None) } else { number(&mut rest).map(Some) });
    let [a, b, c, d, e, f] = ages.map(|micros| micros.and_then(instant));
    let ages = Times::of_ends([a?, b?, c?, d?, e?, f?]);
    let side = if flags & IS_BEFORE == 0 { Side::After } else { Side::Before };
    let boundary = Boundary { side, position: Position { value: value?, id } };
    rest.is_empty().then_some(Cursor { list, sort, filter: *filter, ages, boundary })
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
