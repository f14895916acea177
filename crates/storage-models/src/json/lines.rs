//! JSON texts line by line (newline-delimited JSON), as one array.

use super::parse::MAX_FAULTS;
use super::{Json, JsonError, JsonFault, Parsed};

impl Json {
    /// Reads one JSON text a line, as the array of them. Lines end with `\n` or `\r\n`; blank ones are passed over and
    /// count neither as items nor in pointers. An error names the line of the whole text.
    ///
    /// # Errors
    /// When a line is not JSON. What is JSON but cannot be kept is in [`Parsed::faults`].
    pub fn parse_lines(text: &[u8]) -> Result<Parsed, JsonError> {
        let mut items = Vec::new();
        let mut faults = Vec::new();
        for (number, line) in text.split(|byte| *byte == b'\n').enumerate() {
            if line.trim_ascii().is_empty() {
                continue;
            }
            let Parsed { value, faults: found } =
                Self::parse(line).map_err(|error| JsonError { line: number + error.line, ..error })?;
            let index = items.len();
            let room = MAX_FAULTS.saturating_sub(faults.len());
            faults.extend(found.into_iter().take(room).map(|JsonFault { pointer, kind }| JsonFault {
                pointer: format!("/{index}{pointer}"),
                kind,
            }));
            items.push(value);
        }
        Ok(Parsed { value: Self::Array(items), faults })
    }
}

#[cfg(test)]
mod tests {
    use crate::json::JsonFaultKind;
    use crate::{Json, JsonError};

    #[test]
    fn lines_become_the_items_of_an_array() {
        for (lines, array) in [
            ("{\"a\":1}\n[2]\n", r#"[{"a":1},[2]]"#),
            ("{\"a\":1}\r\n\r\n  \n3", r#"[{"a":1},3]"#),
            ("", "[]"),
            ("\n\n", "[]"),
        ] {
            assert_eq!(Json::parse_lines(lines.as_bytes()).unwrap(), Json::parse(array.as_bytes()).unwrap());
        }
    }

    #[test]
    fn an_error_and_a_fault_name_their_line() {
        let JsonError { line, column, .. } = Json::parse_lines(b"{}\n\n{\"a\":}\n").unwrap_err();
        assert_eq!((line, column), (3, 6));
        let faults = Json::parse_lines(b"{}\n\n{\"a\":1e999}\n").unwrap().faults;
        assert_eq!((faults[0].pointer.as_str(), faults[0].kind), ("/1/a", JsonFaultKind::NumberOutOfRange));
    }
}
