//! The parser of URL-encoded and multipart forms.
#![no_main]

libfuzzer_sys::fuzz_target!(|form: fuzz::bodies::Form| fuzz::bodies::form(&form));
