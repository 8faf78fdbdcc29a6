//! `pgserve FOLDER [NAME=VALUE …]`: a server for benches, with an operator's settings and its data in a
//! new folder on FOLDER's disk, until standard input ends. What follows is put into its environment.
//!
//! It prints the address for a session that may everything. It is the bench's and nobody else's: data
//! and server are gone afterwards.

#![expect(clippy::unwrap_used, reason = "only benches use this: a panic is their report")]

use std::io::Read;
use std::path::PathBuf;

use pgtest::Server;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().unwrap()).canonicalize().unwrap();
    let pair = |text: String| {
        text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())).unwrap()
    };
    let environment = arguments.map(pair).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = runtime.block_on(Server::make_on_disk(&folder, environment));
    println!("{}", server.admin_url());
    // An error means that nobody is there any more.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}
