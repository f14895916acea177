//! How many hits of a search are wanted, and how near they must be.

use crate::number::parse_in;
use crate::{InvalidParameter, InvalidParameters, InvalidReason};

/// How much of a search's result is wanted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SearchRequest {
    limit: i64,
    min_similarity: f64,
}

impl SearchRequest {
    /// The most hits of one search.
    pub const MAX_LIMIT: i64 = 100;
    /// The most hits that each side of a search by meaning and words gives: [`Self::candidates`] of the largest limit.
    pub const MAX_CANDIDATES: i64 = 4 * Self::MAX_LIMIT;
    /// The limit when none is given.
    pub const DEFAULT_LIMIT: i64 = 10;

    /// At most `limit` hits, 1 to [`Self::MAX_LIMIT`], each at least as similar as `min_similarity`, 0 to 1.
    ///
    /// # Errors
    /// Whichever of the two is outside its range, or both.
    pub fn new(limit: i64, min_similarity: f64) -> Result<Self, InvalidParameters> {
        let mut errors = Vec::new();
        if !(1..=Self::MAX_LIMIT).contains(&limit) {
            errors.push(Self::bad_limit(limit));
        }
        if !(0.0..=1.0).contains(&min_similarity) {
            errors.push(Self::bad_similarity(min_similarity));
        }
        InvalidParameters::check(errors).map(|()| Self { limit, min_similarity })
    }

    /// Reads both from text; what is absent has its default, 10 and 0.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn parse(limit: Option<&str>, min_similarity: Option<&str>) -> Result<Self, InvalidParameters> {
        let mut errors = Vec::new();
        let limit = limit.map_or(Ok(Self::DEFAULT_LIMIT), |text| {
            parse_in(text, 1, Self::MAX_LIMIT).ok_or_else(|| Self::bad_limit(text))
        });
        let similarity = min_similarity
            .map_or(Ok(0.0), |text| parse_fraction(text).ok_or_else(|| Self::bad_similarity(text)));
        let limit = limit.map_err(|error| errors.push(error)).unwrap_or_default();
        let min_similarity = similarity.map_err(|error| errors.push(error)).unwrap_or_default();
        InvalidParameters::check(errors).map(|()| Self { limit, min_similarity })
    }

    /// The most hits wanted.
    #[must_use]
    pub const fn limit(self) -> i64 {
        self.limit
    }

    /// How similar a hit must be at least.
    #[must_use]
    pub const fn min_similarity(self) -> f64 {
        self.min_similarity
    }

    /// The number of hits of each half of a hybrid search: four times the limit, and at least 50. A record with a low
    /// rank in both halves may get a high rank in the result.
    #[must_use]
    pub const fn candidates(self) -> i64 {
        let wanted = 4 * self.limit;
        if wanted < 50 { 50 } else { wanted }
    }

    fn bad_limit(value: impl ToString) -> InvalidParameter {
        let reason = InvalidReason::NotInRange { min: 1, max: Self::MAX_LIMIT };
        InvalidParameter::new("limit", value.to_string(), reason)
    }

    fn bad_similarity(value: impl ToString) -> InvalidParameter {
        InvalidParameter::new("min_similarity", value.to_string(), InvalidReason::NotAFraction)
    }
}

impl Default for SearchRequest {
    fn default() -> Self {
        Self { limit: Self::DEFAULT_LIMIT, min_similarity: 0.0 }
    }
}

/// `0`, `1`, `0.75`: the standard parser also takes exponents, signs, `NaN` and `inf`.
fn parse_fraction(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    text.parse().ok().filter(|number| plain && (0.0..=1.0).contains(number))
}

#[cfg(test)]
mod tests {
    use super::SearchRequest;

    fn bad(limit: Option<&str>, min_similarity: Option<&str>) -> String {
        let errors = SearchRequest::parse(limit, min_similarity).err();
        errors.iter().flatten().map(|error| &*error.field).collect::<Vec<_>>().join(" ")
    }

    /// F19: what is not entirely a number in its range is refused and named.
    #[test]
    fn limits_and_similarities_are_plain_numbers_in_a_range() {
        assert_eq!(SearchRequest::parse(None, None), Ok(SearchRequest::default()));
        assert_eq!(SearchRequest::parse(Some("100"), Some("0.75")), SearchRequest::new(100, 0.75));
        for (limit, min_similarity, expected) in [
            (Some("1"), Some("1"), ""),
            (Some("0"), Some("0"), "limit"),
            (Some("101"), Some("1.0"), "limit"),
            (Some("10abc"), None, "limit"),
            (None, Some("1.01"), "min_similarity"),
            (None, Some("-0.1"), "min_similarity"),
            (None, Some("NaN"), "min_similarity"),
            (None, Some("1e-1"), "min_similarity"),
            (None, Some("."), "min_similarity"),
            (Some("x"), Some(""), "limit min_similarity"),
        ] {
            assert_eq!(bad(limit, min_similarity), expected, "{limit:?} {min_similarity:?}");
        }
        assert_eq!(SearchRequest::new(0, f64::NAN).unwrap_err().iter().count(), 2);
    }
}
