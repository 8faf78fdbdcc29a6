//! A merchant's server that acknowledges whatever is posted, as cheaply as it can.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::load::{content_length, split};
use super::peer::Done;
use crate::cli::Failure;

/// What it always says.
const ACKNOWLEDGED: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\nSUCCESS";
/// Bytes of a request that are made room for.
const REQUEST_BYTES: usize = 4_096;

/// Serves until the process ends; `tell` hears where.
///
/// # Errors
/// There is no port.
pub async fn run(tell: fn(&Done)) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::Machine(error.to_string());
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listener = TcpListener::bind(any).await.map_err(failed)?;
    tell(&Done::Listening(listener.local_addr().map_err(failed)?));
    loop {
        let (stream, _) = listener.accept().await.map_err(failed)?;
        tokio::spawn(async move {
            // How a connection ends is the client's business.
            let _ = acknowledge(stream).await;
        });
    }
}

async fn acknowledge(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut request = Vec::with_capacity(REQUEST_BYTES);
    while stream.read_buf(&mut request).await? > 0 {
        let Some((head, body)) = split(&request) else { continue };
        if body.len() >= content_length(head) {
            request.clear();
            stream.write_all(ACKNOWLEDGED).await?;
        }
    }
    Ok(())
}
