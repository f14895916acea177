//! Many JSON texts in one, read one after the other, so that only one of them is in memory as values at a time.

use super::error::JsonError;
use super::fault::JsonPath;
use super::parse::{BYTES_PER_VALUE, Parsed};
use super::read::Reader;

/// The limits of the items of a text.
#[derive(Debug, Clone, Copy)]
pub struct ItemLimits {
    /// Values in all of them.
    pub values: usize,
    /// Values in each.
    pub values_each: usize,
}

impl ItemLimits {
    /// For a text of at most `all` bytes, whose items may have as many values as a text of `each` bytes.
    #[must_use]
    pub const fn of_bytes(all: usize, each: usize) -> Self {
        Self { values: all / BYTES_PER_VALUE, values_each: each / BYTES_PER_VALUE }
    }
}

/// The items of a text, in their order, each with its own faults, whose pointers begin at the item. After an error
/// comes nothing.
pub struct Items<'a> {
    source: Source<'a>,
    limits: ItemLimits,
}

enum Source<'a> {
    /// The items of an array, of which that many were read.
    Array(Reader<'a>, usize),
    /// Lines, of which that many were read.
    Lines(&'a [u8], usize),
    Error(JsonError),
    End,
}

impl<'a> Items<'a> {
    /// The items of an array. `Err` with what the text is when it is no array.
    ///
    /// # Errors
    /// When the text begins like another value. An empty text is an error of its first item.
    pub fn of_array(text: &'a [u8], limits: ItemLimits) -> Result<Self, &'static str> {
        let mut reader = match Reader::new(text, 0) {
            Ok(reader) => reader,
            Err(error) => return Ok(Self { source: Source::Error(error), limits }),
        };
        let kind = match reader.token() {
            Some(b'{') => "object",
            Some(b'"') => "string",
            Some(b't' | b'f') => "boolean",
            Some(b'n') => "null",
            Some(b'-' | b'0'..=b'9') => "number",
            None => return Ok(Self { source: Source::Error(JsonError::Empty), limits }),
            _ => return Ok(Self { source: Source::Array(reader, 0), limits }),
        };
        Err(kind)
    }

    /// One JSON text a line. Lines end with `\n` or `\r\n`; blank ones are passed over and are no items. An error names
    /// the line of the whole text.
    #[must_use]
    pub const fn of_lines(text: &'a [u8], limits: ItemLimits) -> Self {
        Self { source: Source::Lines(text, 0), limits }
    }

    fn read(&mut self) -> Result<Option<Parsed>, JsonError> {
        let (granted, each) = (self.limits.values.min(self.limits.values_each), self.limits.values_each);
        let (parsed, used) = match &mut self.source {
            Source::Array(reader, count) => {
                if *count == 0 && reader.token() != Some(b'[') {
                    // The item is not a value, and its error says so.
                    reader.grant(each);
                    reader.value(&JsonPath::Root, 0)?;
                }
                if !reader.goes_on(b'[', b']', *count == 0)? {
                    reader.end()?;
                    return Ok(None);
                }
                *count += 1;
                one(reader, granted)?
            }
            Source::Lines(rest, before) => {
                let Some((line, number)) = next_line(rest, before) else { return Ok(None) };
                let mut reader = Reader::new(line, number)?;
                let read = one(&mut reader, granted)?;
                reader.end()?;
                read
            }
            Source::Error(error) => return Err(error.clone()),
            Source::End => return Ok(None),
        };
        self.limits.values -= used;
        Ok(Some(parsed))
    }
}

impl Iterator for Items<'_> {
    type Item = Result<Parsed, JsonError>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.read().transpose();
        if !matches!(item, Some(Ok(_))) {
            self.source = Source::End;
        }
        item
    }
}

/// One item, and how many values it has.
fn one(reader: &mut Reader<'_>, values: usize) -> Result<(Parsed, usize), JsonError> {
    reader.grant(values);
    let value = reader.value(&JsonPath::Root, 1)?;
    Ok((Parsed { value, faults: reader.take_faults() }, reader.used()))
}

/// Takes the next line that is not blank, with the number of lines before it.
fn next_line<'a>(rest: &mut &'a [u8], before: &mut usize) -> Option<(&'a [u8], usize)> {
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let (line, further) = rest.split_at_checked(end)?;
        let number = *before;
        *rest = further.get(1..).unwrap_or_default();
        *before += 1;
        if !line.trim_ascii().is_empty() {
            return Some((line, number));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{ItemLimits, Items};
    use crate::json::{JsonFaultKind, Parsed};
    use crate::{Json, JsonError};

    const WIDE: ItemLimits = ItemLimits::of_bytes(1 << 20, 1 << 16);

    fn read(items: impl Iterator<Item = Result<Parsed, JsonError>>) -> Result<Vec<Parsed>, JsonError> {
        items.collect()
    }

    fn of_array(text: &str) -> Result<Vec<Parsed>, JsonError> {
        read(Items::of_array(text.as_bytes(), WIDE).unwrap())
    }

    #[test]
    fn lines_and_an_array_hold_the_same_items() {
        for (lines, array) in [
            ("{\"a\":1}\n[2]\n", r#"[{"a":1},[2]]"#),
            ("{\"a\":1}\r\n\r\n  \n3", r#"[{"a":1},3]"#),
            ("", "[]"),
            ("\n\n", " [ ] "),
        ] {
            assert_eq!(read(Items::of_lines(lines.as_bytes(), WIDE)), of_array(array), "{lines:?}");
        }
    }

    #[test]
    fn an_error_and_a_fault_name_their_line() {
        let error = read(Items::of_lines(b"{}\n\n{\"a\":}\n", WIDE)).unwrap_err();
        assert!(matches!(error, JsonError::Malformed { line: 3, column: 6, .. }), "{error:?}");
        let faults = &read(Items::of_lines(b"{}\n\n{\"a\":1e999}\n", WIDE)).unwrap()[1].faults;
        assert_eq!((faults[0].pointer.as_str(), faults[0].kind), ("/a", JsonFaultKind::NumberOutOfRange));
    }

    #[test]
    fn what_is_no_array_is_told_by_its_kind_and_what_is_no_value_by_its_place() {
        for (text, kind) in
            [("{}", "object"), (" 7", "number"), ("\"a\"", "string"), ("null", "null"), ("true", "boolean")]
        {
            assert_eq!(Items::of_array(text.as_bytes(), WIDE).err(), Some(kind));
        }
        assert_eq!(of_array(" ").unwrap_err(), JsonError::Empty);
        for (text, column) in [("x", 1), ("[1 2]", 4), ("[1] 2", 5), ("[1,]", 4), ("[1", 3)] {
            let error = of_array(text).unwrap_err();
            assert!(
                matches!(error, JsonError::Malformed { line: 1, column: found, .. } if found == column),
                "{error:?}"
            );
        }
    }

    /// F42: each item has its share, all of them together have theirs, and reading ends where it is used up.
    #[test]
    fn values_are_counted_in_each_item_and_in_all() {
        let limits = ItemLimits { values: 10, values_each: 4 };
        let ends = |text: &str| {
            let mut items = Items::of_array(text.as_bytes(), limits).unwrap();
            let whole = items.by_ref().take_while(Result::is_ok).count();
            assert!(items.next().is_none());
            whole
        };
        assert_eq!(ends("[[0,0,0],[0,0,0],[0]]"), 3);
        assert_eq!(ends("[[0,0,0],[0,0,0,0],[0]]"), 1);
        assert_eq!(ends("[[0,0,0],[0,0,0],[0,0]]"), 2);
        let error = read(Items::of_array(b"[[0],\n[0,0,0,0]]", limits).unwrap()).unwrap_err();
        assert_eq!(error, JsonError::TooManyValues { most: 4, line: 2, column: 8 });
        assert_eq!(
            Json::parse_within(b"[0,0]", 2).unwrap_err(),
            JsonError::TooManyValues { most: 2, line: 1, column: 4 }
        );
    }
}
