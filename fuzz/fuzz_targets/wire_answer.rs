//! Answers of the upstreams that sign with a shared key, signed and not.
#![no_main]

libfuzzer_sys::fuzz_target!(|said: fuzz::wires::Said| fuzz::wires::answer(&said));
