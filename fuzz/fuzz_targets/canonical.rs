//! The text that is signed, and its signatures.
#![no_main]

libfuzzer_sys::fuzz_target!(|request: fuzz::signing::Request| fuzz::signing::canonical(&request));
