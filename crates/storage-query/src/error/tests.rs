//! Tests for the errors of parameters.

use super::{InvalidParameter, InvalidParameters, InvalidReason};

#[test]
fn the_message_names_every_parameter_and_none_of_the_values() {
    let parameters = InvalidParameters::check(vec![
        InvalidParameter::new("limit", "10abc", InvalidReason::NotInRange { min: 1, max: 1000 }),
        InvalidParameter::new("colour".to_owned(), "secret", InvalidReason::Unknown),
    ])
    .unwrap_err();
    assert_eq!(
        parameters.to_string(),
        "limit must be a whole number from 1 to 1000; colour is not a parameter here"
    );
}
