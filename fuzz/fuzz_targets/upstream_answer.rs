//! Answers of upstreams, signed and not.
#![no_main]

libfuzzer_sys::fuzz_target!(|said: fuzz::upstreams::Said| fuzz::upstreams::answer(&said));
