//! Sockets that say nothing, and sockets that never finish what they say.

use std::net::SocketAddr;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::descriptors;

/// What each kind says before it falls silent: nothing, half a head, half a body.
const KINDS: [&str; 3] = [
    "",
    "POST /payment/pay HTTP/1.1\r\nhost: x\r\nx-slow: ",
    "POST /payment/pay HTTP/1.1\r\nhost: x\r\ncontent-length: 999\r\n\r\n{",
];

/// Descriptors beside the crowd's.
const OWN_FILES: usize = 500;

/// Sockets that are in the way.
#[derive(Debug, Default)]
pub struct Crowd(Vec<TcpStream>);

impl Crowd {
    /// Opens `count` sockets, of each kind as many.
    ///
    /// # Errors
    /// This process may not have so many, or the server does not take them.
    pub async fn come(&mut self, address: SocketAddr, count: usize) -> Result<(), String> {
        if descriptors::connections(count + OWN_FILES) < count + OWN_FILES {
            return Err(format!("{count} sockets are more than this process may have"));
        }
        for kind in KINDS.iter().cycle().take(count) {
            let socket = TcpStream::connect(address).await;
            let mut socket = socket.map_err(|error| error.to_string())?;
            socket.write_all(kind.as_bytes()).await.map_err(|error| error.to_string())?;
            self.0.push(socket);
        }
        Ok(())
    }

    /// Closes them all.
    pub fn leave(&mut self) {
        self.0.clear();
    }
}
