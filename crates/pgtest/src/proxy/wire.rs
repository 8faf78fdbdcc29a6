//! Cuts the two streams of a connection into messages (PostgreSQL's manual, 55.7).

/// What a client sends first instead of a version, to be answered with one byte: a question for TLS,
/// or for encryption by GSSAPI.
const QUESTIONS: [u32; 2] = [80_877_103, 80_877_104];

/// A whole message, as it was sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// Its type; 0 for those that have none, at the beginning.
    pub kind: u8,
    /// All its bytes.
    pub bytes: Vec<u8>,
}

impl Message {
    /// What follows type and length.
    pub fn body(&self) -> &[u8] {
        &self.bytes[if self.kind == 0 { 4 } else { 5 }..]
    }

    /// The texts that it begins with, each of which ends with a zero byte.
    pub fn texts(&self) -> impl Iterator<Item = String> {
        self.body().split(|byte| *byte == 0).map(|text| String::from_utf8_lossy(text).into_owned())
    }

    /// Whether it is answered with one byte.
    pub fn is_question(&self) -> bool {
        self.kind == 0 && number(self.body()).is_some_and(|code| QUESTIONS.contains(&code))
    }
}

/// One direction.
#[derive(Default)]
pub struct Stream {
    bytes: Vec<u8>,
    /// How many messages without a type, or single bytes, are to come first.
    untyped: usize,
}

impl Stream {
    /// What a client sends: it begins with a message that has no type.
    pub fn of_client() -> Self {
        Self { bytes: Vec::new(), untyped: 1 }
    }

    /// A single byte is to come before anything else.
    pub fn expect_byte(&mut self) {
        self.untyped += 1;
    }

    /// More bytes have come.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole message from a client.
    pub fn next_of_client(&mut self) -> Option<Message> {
        if self.untyped == 0 {
            return self.next_typed();
        }
        let length = self.length_at(0)?;
        let message = self.take(0, length)?;
        // After a question, and its answer, comes another.
        self.untyped -= usize::from(!message.is_question());
        Some(message)
    }

    /// The next whole message from a server.
    pub fn next_of_server(&mut self) -> Option<Message> {
        if self.untyped == 0 {
            return self.next_typed();
        }
        let message = self.take(0, 1)?;
        self.untyped -= 1;
        Some(message)
    }

    fn next_typed(&mut self) -> Option<Message> {
        let length = self.length_at(1)?;
        let kind = self.bytes[0];
        self.take(kind, length + 1)
    }

    fn length_at(&self, at: usize) -> Option<usize> {
        usize::try_from(number(self.bytes.get(at..)?)?).ok()
    }

    fn take(&mut self, kind: u8, length: usize) -> Option<Message> {
        let is_whole = self.bytes.len() >= length;
        is_whole.then(|| Message { kind, bytes: self.bytes.drain(..length).collect() })
    }
}

fn number(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_found_however_the_bytes_come() {
        let question = [0, 0, 0, 8, 4, 210, 22, 47];
        let start = [0, 0, 0, 9, 0, 3, 0, 0, 0];
        let query = *b"Q\0\0\0\x0bcommit\0";
        let mut stream = Stream::of_client();
        let mut found = Vec::new();
        for byte in [&question[..], &start, &query].concat() {
            stream.push(&[byte]);
            found.extend(stream.next_of_client());
        }
        assert_eq!(found.iter().map(|one| one.kind).collect::<Vec<_>>(), [0, 0, b'Q']);
        assert!(found[0].is_question() && !found[1].is_question());
        assert_eq!(found[2].texts().next().as_deref(), Some("commit"));
    }

    #[test]
    fn a_server_answers_a_question_with_one_byte() {
        let mut stream = Stream::default();
        stream.expect_byte();
        stream.push(b"NZ\0\0\0\x05I");
        assert_eq!(stream.next_of_server().unwrap().bytes, b"N");
        assert_eq!(stream.next_of_server().unwrap().body(), b"I");
        assert_eq!(stream.next_of_server(), None);
    }
}
