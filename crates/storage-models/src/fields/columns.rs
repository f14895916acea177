//! The names of a record's fields as one text, put together by the compiler: SQL text comes from nothing else.

use super::{Field, tables};

/// The separator of names.
const SEPARATOR: &str = ", ";

macro_rules! joined {
    ($($name:ident)+) => {$(
        pub(super) const $name: &str = {
            const NAMES: [u8; length(tables::$name)] = join(tables::$name);
            match str::from_utf8(&NAMES) {
                Ok(names) => names,
                Err(_) => panic!("names of fields are UTF-8"),
            }
        };
    )+};
}

joined!(REMEDIATION AI_ANALYSIS WORKFLOW EXECUTION);

const fn length(mut fields: &[Field]) -> usize {
    let mut length = 0;
    while let [field, rest @ ..] = fields {
        length += field.name.len();
        if !rest.is_empty() {
            length += SEPARATOR.len();
        }
        fields = rest;
    }
    length
}

const fn join<const LENGTH: usize>(mut fields: &[Field]) -> [u8; LENGTH] {
    let mut joined = [0; LENGTH];
    let mut room: &mut [u8] = &mut joined;
    while let [field, rest @ ..] = fields {
        room = write(field.name.as_bytes(), room);
        if !rest.is_empty() {
            room = write(SEPARATOR.as_bytes(), room);
        }
        fields = rest;
    }
    joined
}

/// Writes `bytes` at the beginning of `room`; returns what is left of it.
const fn write<'a>(bytes: &[u8], room: &'a mut [u8]) -> &'a mut [u8] {
    let (start, rest) = room.split_at_mut(bytes.len());
    start.copy_from_slice(bytes);
    rest
}
