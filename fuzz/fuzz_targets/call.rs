//! A merchant's request from its bytes to the call that it makes.
#![no_main]

libfuzzer_sys::fuzz_target!(|sent: fuzz::signing::Sent| fuzz::signing::call(&sent));
