//! Whole numbers in every spelling.

use proptest::prelude::*;

use super::whole;

#[test]
fn spelling_does_not_matter() {
    for (literal, value) in [
        ("0", Some(0)),
        ("-0", Some(0)),
        ("0.000e5", Some(0)),
        ("0e999999999999999999999", Some(0)),
        ("3", Some(3)),
        ("3.0", Some(3)),
        ("30e-1", Some(3)),
        ("1e2", Some(100)),
        ("1E+2", Some(100)),
        ("-1.50e1", Some(-15)),
        ("1.5", None),
        ("15e-1", None),
        ("1e-3", None),
        ("9007199254740993", Some(9_007_199_254_740_993)),
        ("9223372036854775807.0", Some(9_223_372_036_854_775_807)),
        ("1e300", Some(i128::MAX)),
        ("-1e300", Some(-i128::MAX)),
        ("123456789012345678901234567890123456789012345678901234567890", Some(i128::MAX)),
    ] {
        assert_eq!(whole(literal), value, "{literal}");
    }
}

proptest! {
    #[test]
    fn every_integer_reads_as_itself(value: i64, zeros in 0_usize..30) {
        let padding = "0".repeat(zeros);
        for literal in [format!("{value}"), format!("{value}.0{padding}"), format!("{value}{padding}e-{zeros}")] {
            prop_assert_eq!(whole(&literal), Some(i128::from(value)), "{}", literal);
        }
    }

    #[test]
    fn no_literal_panics(literal in "-?[0-9]{0,50}(\\.[0-9]{0,50})?([eE][-+]?[0-9]{0,25})?") {
        whole(&literal);
    }
}
