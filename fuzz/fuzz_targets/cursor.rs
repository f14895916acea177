//! See `storage_fuzz::cursor`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| storage_fuzz::cursor(bytes));
