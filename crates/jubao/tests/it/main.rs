//! The whole program, as its users meet it: a real server, real simulators, a real merchant's
//! listener, all on loopback and on ports of their own.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test reports")]

mod again;
mod app;
mod barcodes;
mod bench;
mod callbacks;
mod check;
mod codes;
mod command_line;
mod contract;
mod crash;
mod dice;
mod documented;
mod doubt;
mod edge;
mod edge_load;
mod edge_process;
mod edge_tls;
mod exchange;
mod expiry;
mod fairness;
mod foreign;
mod foreign_clients;
mod foreign_objects;
mod forward;
mod guard;
mod import;
mod lanes;
mod late;
mod leaks;
mod merchant;
mod merchant_api;
mod merchant_checks;
mod merchant_fields;
mod notices;
mod old_platform;
mod openid;
mod operator;
mod outage;
mod payments;
mod php_signatures;
mod products;
mod races;
mod refunds;
mod repeat;
mod samples;
mod shops;
mod sign_page;
mod sim_books;
mod socket;
mod switch;
mod transcripts;
mod voyage;
