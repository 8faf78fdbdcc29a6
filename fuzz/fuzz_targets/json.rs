//! The parser of JSON bodies against serde's.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| fuzz::bodies::json(text));
