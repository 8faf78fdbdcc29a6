//! What was said to upstreams and heard from them, word for word, tied to its order: the evidence
//! when somebody asks who said what. Written with the change that a message caused, or alone.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kernel::id::{Id, MchId};
use kernel::time::Timestamp;

use crate::batch::{Batch, Row, Statement};
use crate::{Store, StoreError};

/// Adds a message.
pub(crate) const INSERT: &str = "insert into messages (id, mch_id, order_id, attempt_no, account_id, direction,
kind, at, status, head, body, is_base64) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";

/// An order's messages; ids ascend in time.
const OF_ORDER: &str = "select id, mch_id, order_id, attempt_no, account_id, direction, kind, at,
status, head, body, is_base64 from messages where mch_id = $1 and order_id = $2 order by id";

/// A message to or from an upstream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// Row id.
    pub id: Id,
    /// The order's merchant.
    pub mch_id: MchId,
    /// The order.
    pub order_id: Id,
    /// The attempt.
    pub attempt_no: i64,
    /// The upstream account.
    pub account_id: Id,
    /// Who spoke.
    pub direction: Direction,
    /// What it was about: `place`, `query`, `close`, `callback`, ….
    pub kind: String,
    /// When it was sent or received.
    pub at: Timestamp,
    /// HTTP status, of an answer.
    pub status: Option<i64>,
    /// Request line and headers as text; signatures are among them, keys never.
    pub head: String,
    /// The body, byte for byte.
    pub body: Vec<u8>,
}

/// Who spoke.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Direction {
    /// We did.
    Out,
    /// The upstream did.
    In,
}

impl Direction {
    /// The store's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Out => "out",
            Self::In => "in",
        }
    }

    /// Reads [`Direction::word`].
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Out, Self::In].into_iter().find(|direction| direction.word() == word)
    }
}

/// Adds messages that changed nothing.
pub fn add(messages: &[Message]) -> Batch {
    Batch { then: messages.iter().map(insert).collect(), ..Batch::default() }
}

/// The order's messages, the oldest first.
///
/// # Errors
/// See [`StoreError`].
pub async fn of_order(
    store: &Store,
    mch_id: MchId,
    order_id: Id,
) -> Result<Vec<Message>, StoreError> {
    store.rows(OF_ORDER, vec![mch_id.into(), order_id.into()], read).await
}

pub(crate) fn insert(message: &Message) -> Statement {
    let (body, is_base64) = body_text(&message.body);
    let values = vec![
        message.id.into(),
        message.mch_id.into(),
        message.order_id.into(),
        message.attempt_no.into(),
        message.account_id.into(),
        message.direction.word().into(),
        (&message.kind).into(),
        message.at.into(),
        message.status.into(),
        message.head.replace('\0', "\u{fffd}").into(),
        body.into(),
        is_base64.into(),
    ];
    Statement::of_one_row(INSERT, values)
}

/// A body as text if it is one that both engines can keep, else in Base64.
fn body_text(body: &[u8]) -> (String, bool) {
    match std::str::from_utf8(body) {
        Ok(text) if !text.contains('\0') => (text.to_owned(), false),
        Ok(_) | Err(_) => (STANDARD.encode(body), true),
    }
}

fn read(row: &mut Row) -> Result<Message, StoreError> {
    Ok(Message {
        id: row.id()?,
        mch_id: row.mch_id()?,
        order_id: row.id()?,
        attempt_no: row.int()?,
        account_id: row.id()?,
        direction: row.word(Direction::from_word)?,
        kind: row.text()?,
        at: row.time()?,
        status: row.maybe_int()?,
        head: row.text()?,
        body: read_body(row)?,
    })
}

fn read_body(row: &mut Row) -> Result<Vec<u8>, StoreError> {
    let text = row.text()?;
    if !row.flag()? {
        return Ok(text.into_bytes());
    }
    let bytes = STANDARD.decode(&text);
    bytes.map_err(|_| StoreError::Corrupt("a message's body is not Base64".into()))
}
