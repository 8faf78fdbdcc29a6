//! Merchants' dialects: how requests are read, answers written and notices told. A dialect knows no
//! channel, keeps no state and never decides about money.

pub mod answer;
mod body;
pub mod jubao;
mod listed;
pub mod members;
pub mod notice;
mod order_string;
pub mod records;
mod typed;
mod user_calls;
