//! The value of a number's literal, without computing with it.

/// A literal taken apart.
pub(super) struct Literal<'a> {
    /// `-` or nothing.
    pub(super) sign: &'a str,
    integer: &'a str,
    fraction: &'a str,
    exponent: i64,
}

impl<'a> Literal<'a> {
    /// `None` when the exponent is one that no number of bounded length and range has. Zero may have any, and
    /// PostgreSQL refuses what does not fit its own.
    pub(super) fn of(literal: &'a str) -> Option<Self> {
        let (sign, unsigned) = literal.strip_prefix('-').map_or(("", literal), |rest| ("-", rest));
        let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
        let (integer, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let exponent = exponent.parse::<i16>().ok()?.into();
        Some(Self { sign, integer, fraction, exponent })
    }

    /// The digits without leading zeros, and where the point stands: the number is 0.`digits` times ten to the power
    /// of it. No digits for zero.
    pub(super) fn digits(&self) -> (String, i64) {
        let all = [self.integer, self.fraction].concat();
        let significant = all.trim_start_matches('0');
        let zeros = length(&all) - length(significant);
        (significant.to_owned(), length(self.integer) - zeros + self.exponent)
    }

    /// How many characters PostgreSQL's `numeric` writes it with: all digits, no exponent, zeros behind the point kept.
    pub(super) fn stored_length(&self) -> i64 {
        let (digits, point) = self.digits();
        let (sign, before) = if digits.is_empty() { (0, 1) } else { (length(self.sign), point.max(1)) };
        let behind = length(self.fraction) - self.exponent;
        sign + before + if behind > 0 { 1 + behind } else { 0 }
    }
}

pub(super) fn length(text: &str) -> i64 {
    i64::try_from(text.len()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::Literal;

    /// F41: as `numeric` writes them, tried on PostgreSQL.
    #[test]
    fn numbers_are_measured_with_all_their_digits() {
        for (literal, stored) in [
            ("0", "0"),
            ("-0", "0"),
            ("-0.00", "0.00"),
            ("0e-3", "0.000"),
            ("0.00e1", "0.0"),
            ("0.5e2", "50"),
            ("1.50", "1.50"),
            ("-1.5e1", "-15"),
            ("1.5e-2", "0.015"),
            ("12.5e1", "125"),
            ("0.001e2", "0.1"),
            ("-123e3", "-123000"),
        ] {
            let measured = Literal::of(literal).unwrap().stored_length();
            assert_eq!(usize::try_from(measured), Ok(stored.len()), "{literal}");
        }
        assert_eq!(Literal::of("1e308").unwrap().stored_length(), 309);
        assert_eq!(Literal::of("-5e-324").unwrap().stored_length(), 327);
        assert!(Literal::of("0e99999").is_none());
    }
}
