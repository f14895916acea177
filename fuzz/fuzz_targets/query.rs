//! See `storage_fuzz::query`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| storage_fuzz::query(bytes));
