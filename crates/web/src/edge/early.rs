//! Refusing early. While the gate is narrow, a merchant's request that came in one piece is answered from
//! the bytes of its head, by the same envelope and before HTTP, routes and tasks cost anything: at three
//! times capacity two of three requests are refused, and what these cost is missing for the third.

use super::Edge;
use super::framing::Framing;

/// What looks at the bytes of one connection before hyper does.
pub(crate) struct Early {
    edge: Edge,
    framing: Framing,
}

impl Early {
    pub(crate) fn new(edge: Edge) -> Self {
        Self { edge, framing: Framing::Between }
    }

    /// The answer to `bytes` that were just read, if they are a whole request that the gate refuses now.
    /// `is_waiting`: every request before has its answer, to the last byte.
    pub(crate) fn answer(&mut self, bytes: &[u8], is_waiting: bool) -> Option<Vec<u8>> {
        if self.framing == Framing::Between && !is_waiting {
            self.framing = Framing::Lost;
        }
        let head = self.framing.read(bytes)?;
        let refuse = self.edge.0.refuse.get().filter(|_| self.edge.0.gate.is_shut())?;
        let answer = refuse(&head)?;
        self.edge.0.refused.early();
        Some(answer)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use axum::Router;
    use axum::routing::post;
    use hyper_util::service::TowerToHyperService;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::super::client::Peer;
    use super::super::connection::{Door, exchange};
    use super::super::{Edge, Limits};

    const REFUSED: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbusy";

    /// A connection to a server that answers a body with itself, and refuses all but `/never`.
    fn connection(edge: &Edge, room: usize) -> DuplexStream {
        edge.refuse_with(|head| (head.target != "/never").then(|| REFUSED.to_vec()));
        let echo = post(|body: String| async move { format!("echo {body}") });
        let router = Router::new().route("/", echo.clone()).route("/never", echo);
        let door = Door { edge: edge.clone(), router: TowerToHyperService::new(router) };
        let (ours, theirs) = duplex(room);
        let stage = edge.0.stage.subscribe();
        let peer = Peer::new([192, 0, 2, 1].into(), &[]);
        tokio::spawn(async move { exchange(&door, theirs, peer, stage).await });
        ours
    }

    fn request(path: &str, body: &str) -> String {
        format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    }

    /// Sends this, and reads until the answer ends so, or the connection ends.
    async fn ask(connection: &mut DuplexStream, bytes: &str, end: &str) -> String {
        connection.write_all(bytes.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(end.as_bytes())
            && connection.read_buf(&mut answer).await.unwrap() > 0
        {}
        String::from_utf8(answer).unwrap()
    }

    #[tokio::test]
    async fn while_the_gate_is_shut_whole_requests_are_refused_and_the_connection_goes_on() {
        let edge = Edge::new(Limits::default(), None).unwrap();
        let mut socket = connection(&edge, 4_096);
        let refused = String::from_utf8(REFUSED.to_vec()).unwrap();
        edge.0.gate.shut(true);
        for _ in 0..3 {
            assert_eq!(ask(&mut socket, &request("/", "a"), "busy").await, refused);
        }
        assert!(
            ask(&mut socket, &request("/never", "b"), "echo b").await.starts_with("HTTP/1.1 200")
        );
        assert_eq!(ask(&mut socket, &request("/", "c"), "busy").await, refused);
        edge.0.gate.shut(false);
        assert!(ask(&mut socket, &request("/", "d"), "echo d").await.starts_with("HTTP/1.1 200"));
        edge.0.gate.shut(true);
        assert_eq!(ask(&mut socket, &request("/", "e"), "busy").await, refused);
        // Its body comes later, so it is not this module's; what follows is again.
        let whole = request("/", "body");
        let (head, body) = whole.split_at(whole.len() - 4);
        socket.write_all(head.as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(ask(&mut socket, body, "echo body").await.contains("echo body"));
        assert_eq!(ask(&mut socket, &request("/", "f"), "busy").await, refused);
        assert_eq!(edge.refused_early(), 6);
    }

    #[tokio::test]
    async fn whoever_does_not_wait_for_answers_gets_them_in_order() {
        let edge = Edge::new(Limits::default(), None).unwrap();
        let mut socket = connection(&edge, 4_096);
        let both = request("/", "1") + &request("/", "2");
        edge.0.gate.shut(true);
        let answers = ask(&mut socket, &both, "echo 2").await;
        assert!(answers.contains("echo 1") && answers.ends_with("echo 2"), "{answers}");
        // A request that ends with the head of another, whose body then looks like a third.
        let third = request("/", "3");
        let ahead = request("/", "x")
            + &format!("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n", third.len());
        let mut other = connection(&edge, 4_096);
        ask(&mut other, &ahead, "echo x").await;
        assert!(ask(&mut other, &third, &third).await.ends_with(&format!("echo {third}")));
    }

    #[tokio::test]
    async fn whoever_never_reads_is_hung_up_on() {
        let edge = Edge::new(Limits::default(), None).unwrap();
        edge.0.gate.shut(true);
        let mut socket = connection(&edge, 128);
        let many = async {
            loop {
                if socket.write_all(request("/", "a").as_bytes()).await.is_err() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), many).await.unwrap();
        assert_eq!(Arc::strong_count(&edge.0), 1, "nothing of the connection is left");
    }
}
