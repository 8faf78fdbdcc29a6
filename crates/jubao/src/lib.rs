//! `jubao`: the gateway, its demo with simulated upstreams, and the operator's commands.
//!
//! Everything but the process's entry and exit is in this library, so that the integration tests
//! run what the binary runs.

pub mod admin;
pub mod bench;
pub mod check;
pub mod cli;
pub mod config;
pub mod data_dir;
pub mod demo;
pub mod descriptors;
pub mod import;
pub mod listen;
pub mod merchant_client;
pub mod merchant_keys;
pub mod operate;
pub mod operate_users;
pub mod reference;
pub mod refund_password;
pub mod serve;
pub mod settings;
pub mod signing;
pub mod sim;
pub mod trigger;
