//! See `storage_fuzz::sanitizer`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| storage_fuzz::sanitizer(bytes));
