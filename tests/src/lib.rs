//! The package of the black-box tests; they are in `it/`.
