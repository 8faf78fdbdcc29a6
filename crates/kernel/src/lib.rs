//! The domain of Jubao Pay, decided purely: money, identifiers, order states, the ledger, notices,
//! signatures and the merchants' dialects.
//!
//! Nothing here does I/O, reads a clock or draws randomness. Time, nonces and identifiers are
//! arguments; decisions are values that the `gateway` crate performs.

pub mod address;
pub mod application;
pub mod call;
pub mod code;
pub mod crash;
pub mod decide;
pub mod defect;
pub mod dialect;
pub mod digits;
pub mod egress_policy;
pub mod exchange_rate;
pub mod fault;
pub mod feed;
pub mod fields;
pub mod form;
pub mod id;
pub mod json;
pub mod ledger;
pub mod money;
pub mod name;
pub mod notice;
pub mod old_platform;
pub mod order;
pub mod password;
pub mod product;
pub mod reference;
pub mod refund;
pub mod rsa;
pub mod scheme;
pub mod secret;
pub mod setting;
pub mod sign;
pub mod sign_diagnosis;
pub mod sign_doctor;
pub mod state;
pub mod suffix_parse;
pub mod time;
pub mod unique_parse;
pub mod user;
pub mod value_form;
