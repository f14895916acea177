//! See `storage_fuzz::idempotency`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| storage_fuzz::idempotency(bytes));
