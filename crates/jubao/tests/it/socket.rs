//! A client that does by hand what no library would: says nothing, stops in the middle, does not read.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::leaks;

/// How long a test waits for something that must happen.
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two bytes of a sender who never comes to an end.
const DRIP: Duration = Duration::from_millis(20);

/// One connection.
pub struct Socket(TcpStream);

impl Socket {
    /// Connects to `base`, an address as reqwest takes it.
    pub async fn connect(base: &str) -> Self {
        Self::try_connect(base).await.unwrap()
    }

    /// The same where nobody may listen.
    pub async fn try_connect(base: &str) -> std::io::Result<Self> {
        TcpStream::connect(base.trim_start_matches("http://")).await.map(Self)
    }

    /// Sends text as it is.
    pub async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// Reads one answer that is as long as its head says; what came before the connection ended, if
    /// it did.
    pub async fn try_answer(&mut self) -> Result<String, String> {
        let mut text = String::new();
        loop {
            let mut bytes = [0; 4096];
            let read = timeout(PATIENCE, self.0.read(&mut bytes)).await.unwrap();
            let read = read.unwrap_or(0);
            if read == 0 {
                return Err(text);
            }
            leaks::heard(&bytes[..read]);
            text.push_str(&String::from_utf8_lossy(&bytes[..read]));
            if is_whole(&text) {
                return Ok(text);
            }
        }
    }

    /// Asks for a page, and reads the answer.
    pub async fn ask(&mut self, path: &str) -> Result<String, String> {
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
        if self.0.write_all(request.as_bytes()).await.is_err() {
            return Err(String::new());
        }
        self.try_answer().await
    }

    /// Waits until the server ends the connection: what it said before.
    pub async fn end(&mut self) -> String {
        let mut bytes = Vec::new();
        let ended = timeout(PATIENCE, self.0.read_to_end(&mut bytes)).await;
        leaks::heard(&bytes);
        // A reset is an end as well.
        assert!(ended.is_ok(), "the server keeps the connection");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Sends one byte after the other until the server ends the connection.
    pub async fn drip_until_end(&mut self) {
        let dripping = async {
            loop {
                let mut bytes = [0; 64];
                tokio::select! {
                    read = self.0.read(&mut bytes) => match read {
                        Ok(0) | Err(_) => return,
                        Ok(_) => {}
                    },
                    () = tokio::time::sleep(DRIP) => {
                        if self.0.write_all(b"a").await.is_err() {
                            return;
                        }
                    }
                }
            }
        };
        assert!(timeout(PATIENCE, dripping).await.is_ok(), "the server keeps the connection");
    }

    /// Sends `text` again and again, and never reads, until the server ends the connection.
    pub async fn flood_until_end(&mut self, text: &str) {
        let flooding = async { while self.0.write_all(text.as_bytes()).await.is_ok() {} };
        assert!(timeout(PATIENCE, flooding).await.is_ok(), "the server keeps the connection");
    }
}

fn is_whole(text: &str) -> bool {
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let head = head.to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    match length {
        Some(length) => body.len() >= length.parse().unwrap(),
        None => head.starts_with("http/1.1 100"),
    }
}
