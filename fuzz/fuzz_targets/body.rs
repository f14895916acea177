//! See `storage_fuzz::body`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| storage_fuzz::body(bytes));
