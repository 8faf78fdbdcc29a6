//! The URL policy against a second table of inside addresses.
#![no_main]

libfuzzer_sys::fuzz_target!(|target: fuzz::targets::Target| fuzz::targets::url_policy(&target));
