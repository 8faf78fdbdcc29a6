//! The unique parse against an enumerator of all cuts.
#![no_main]

libfuzzer_sys::fuzz_target!(|pieces: fuzz::cuts::Pieces| fuzz::cuts::unique_parse(&pieces));
