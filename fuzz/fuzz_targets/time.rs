//! See `storage_fuzz::time`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| storage_fuzz::time(bytes));
