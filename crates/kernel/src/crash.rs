//! Crash points: moments before and after each durable effect, at which tests end the process.
//!
//! Only builds with debug assertions have them, which is what tests run. In a release [`reach`] is
//! empty. What happens at a point is armed from outside ([`arm`]); nothing here or behind a point
//! may decide anything.

#[cfg(debug_assertions)]
use std::sync::OnceLock;

/// A moment.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum Point {
    /// Store: file created.
    StoreCreated,
    /// Store: migrated.
    StoreMigrated,
    /// Writer: group taken.
    GroupTaken,
    /// Writer: group begun.
    GroupBegun,
    /// Writer: batch guarded.
    BatchGuarded,
    /// Writer: batch applied.
    BatchApplied,
    /// Writer: group applied.
    GroupApplied,
    /// Writer: group committed.
    GroupCommitted,
    /// Writer: first answered.
    FirstAnswered,
    /// Writer: group answered.
    GroupAnswered,
    /// Place: order built.
    OrderBuilt,
    /// Place: order committed.
    OrderCommitted,
    /// Place: answer learned.
    AnswerLearned,
    /// Upstream: to be asked.
    UpstreamToBeAsked,
    /// Upstream: answered.
    UpstreamAnswered,
    /// Upstream: answer judged.
    AnswerJudged,
    /// Learn: change planned.
    ChangePlanned,
    /// Learn: change committed.
    ChangeCommitted,
    /// Callback: read.
    CallbackRead,
    /// Callback: committed.
    CallbackCommitted,
    /// Close: begun.
    CloseBegun,
    /// Close: learned.
    CloseLearned,
    /// Query: begun.
    QueryBegun,
    /// Barcode: charged.
    CodeCharged,
    /// Refund: planned.
    ReservationPlanned,
    /// Refund: reserved.
    RefundReserved,
    /// Refund: answered.
    RefundAnswered,
    /// Refund: change planned.
    RefundPlanned,
    /// Refund: change committed.
    RefundLearned,
    /// Refund: learned.
    RefundTold,
    /// Refund query: begun.
    RefundQueryBegun,
    /// Refund callback: read.
    RefundCallbackRead,
    /// Refund callback: committed.
    RefundCallbackCommitted,
    /// Reverse: begun.
    ReverseBegun,
    /// Reverse: answered.
    ReverseAnswered,
    /// Reverse: learned.
    ReverseLearned,
    /// Callback: hint kept.
    HintKept,
    /// Sweep: claimed.
    SweepsClaimed,
    /// Sweep: asked.
    SweepAsked,
    /// Sweep: put off.
    SweepPutOff,
    /// Notice: claimed.
    NoticesClaimed,
    /// Notice: to be sent.
    NoticeToBeSent,
    /// Notice: sent.
    NoticeSent,
    /// Notice: concluded.
    NoticeConcluded,
    /// Api: request admitted.
    RequestAdmitted,
    /// Api: answer signed.
    AnswerSigned,
}

/// A point's name, and how things stand there.
#[derive(Copy, Clone, Debug)]
pub struct Row {
    /// The point.
    pub point: Point,
    /// What `JUBAO_CRASH_AT` calls it.
    pub name: &'static str,
    /// What has happened, and what has not.
    pub state: &'static str,
}

/// Every point, in the order in which an order's life passes them.
pub static ALL: &[Row] = &[
    Row {
        point: Point::StoreCreated,
        name: "store: file created",
        state: "the database's file exists, empty",
    },
    Row {
        point: Point::StoreMigrated,
        name: "store: migrated",
        state: "the schema's transaction has committed",
    },
    Row {
        point: Point::GroupTaken,
        name: "writer: group taken",
        state: "batches have left the queue, no transaction has begun",
    },
    Row {
        point: Point::GroupBegun,
        name: "writer: group begun",
        state: "the transaction has begun, nothing is in it",
    },
    Row {
        point: Point::BatchGuarded,
        name: "writer: batch guarded",
        state: "a batch's guard has changed its row, the rest of it is to come",
    },
    Row {
        point: Point::BatchApplied,
        name: "writer: batch applied",
        state: "a batch is in the transaction as a whole",
    },
    Row {
        point: Point::GroupApplied,
        name: "writer: group applied",
        state: "everything is in the transaction, its commit is to come",
    },
    Row {
        point: Point::GroupCommitted,
        name: "writer: group committed",
        state: "the transaction is durable, nobody has been answered",
    },
    Row {
        point: Point::FirstAnswered,
        name: "writer: first answered",
        state: "the first of a group has been answered, the others have not",
    },
    Row {
        point: Point::GroupAnswered,
        name: "writer: group answered",
        state: "everybody has been answered",
    },
    Row {
        point: Point::OrderBuilt,
        name: "place: order built",
        state: "nothing is written of an order that is placed",
    },
    Row {
        point: Point::OrderCommitted,
        name: "place: order committed",
        state: "the order is durable, its upstream has not been asked",
    },
    Row {
        point: Point::AnswerLearned,
        name: "place: answer learned",
        state: "what the upstream said is durable, the merchant is not answered",
    },
    Row {
        point: Point::UpstreamToBeAsked,
        name: "upstream: to be asked",
        state: "a request is about to leave",
    },
    Row {
        point: Point::UpstreamAnswered,
        name: "upstream: answered",
        state: "an answer has come, nothing of it is durable",
    },
    Row {
        point: Point::AnswerJudged,
        name: "upstream: answer judged",
        state: "what the answer means is known, nothing of it is durable",
    },
    Row {
        point: Point::ChangePlanned,
        name: "learn: change planned",
        state: "an order's next state with postings and notice is planned",
    },
    Row {
        point: Point::ChangeCommitted,
        name: "learn: change committed",
        state: "the change is durable, nobody was told",
    },
    Row {
        point: Point::CallbackRead,
        name: "callback: read",
        state: "a callback is verified, nothing of it is durable",
    },
    Row {
        point: Point::CallbackCommitted,
        name: "callback: committed",
        state: "its facts are durable, the upstream is not answered",
    },
    Row {
        point: Point::CloseBegun,
        name: "close: begun",
        state: "an order is to be closed, its upstream has not been told",
    },
    Row {
        point: Point::CloseLearned,
        name: "close: learned",
        state: "the close is durable, the merchant is not answered",
    },
    Row {
        point: Point::QueryBegun,
        name: "query: begun",
        state: "a merchant asks, the upstream may be asked",
    },
    Row {
        point: Point::CodeCharged,
        name: "barcode: charged",
        state: "a payer's code may be charged, nothing of the answer is durable",
    },
    Row {
        point: Point::ReservationPlanned,
        name: "refund: planned",
        state: "nothing is written of a refund that is asked for",
    },
    Row {
        point: Point::RefundReserved,
        name: "refund: reserved",
        state: "a refund is reserved, its upstream has not heard of it",
    },
    Row {
        point: Point::RefundAnswered,
        name: "refund: answered",
        state: "what the upstream said of a refund is known, nothing of it is durable",
    },
    Row {
        point: Point::RefundPlanned,
        name: "refund: change planned",
        state: "a refund's next state with its postings is planned",
    },
    Row {
        point: Point::RefundLearned,
        name: "refund: change committed",
        state: "a refund's next state is durable, nobody was told",
    },
    Row {
        point: Point::RefundTold,
        name: "refund: learned",
        state: "what became of a refund is durable, the merchant is not answered",
    },
    Row {
        point: Point::RefundQueryBegun,
        name: "refund query: begun",
        state: "a merchant asks about a refund, the upstream may be asked",
    },
    Row {
        point: Point::RefundCallbackRead,
        name: "refund callback: read",
        state: "a callback of a refund is verified, nothing of it is durable",
    },
    Row {
        point: Point::RefundCallbackCommitted,
        name: "refund callback: committed",
        state: "its facts are durable, the upstream is not answered",
    },
    Row {
        point: Point::ReverseBegun,
        name: "reverse: begun",
        state: "an order is to be reversed, its upstream has not been told",
    },
    Row {
        point: Point::ReverseAnswered,
        name: "reverse: answered",
        state: "the upstream has answered whether it reversed, nothing of it is durable",
    },
    Row {
        point: Point::ReverseLearned,
        name: "reverse: learned",
        state: "a reversal is durable, the merchant is not answered",
    },
    Row {
        point: Point::HintKept,
        name: "callback: hint kept",
        state: "what only a query can settle is due at once, the upstream is not answered",
    },
    Row {
        point: Point::SweepsClaimed,
        name: "sweep: claimed",
        state: "orders are leased, none was looked at",
    },
    Row {
        point: Point::SweepAsked,
        name: "sweep: asked",
        state: "an order was looked at, its next look is not written",
    },
    Row { point: Point::SweepPutOff, name: "sweep: put off", state: "its next look is written" },
    Row {
        point: Point::NoticesClaimed,
        name: "notice: claimed",
        state: "notices are leased, none was sent",
    },
    Row {
        point: Point::NoticeToBeSent,
        name: "notice: to be sent",
        state: "a notice is signed and about to leave",
    },
    Row {
        point: Point::NoticeSent,
        name: "notice: sent",
        state: "the merchant has answered, that is not durable",
    },
    Row {
        point: Point::NoticeConcluded,
        name: "notice: concluded",
        state: "what came of an attempt is durable",
    },
    Row {
        point: Point::RequestAdmitted,
        name: "api: request admitted",
        state: "a request is verified and admitted, nothing is begun",
    },
    Row {
        point: Point::AnswerSigned,
        name: "api: answer signed",
        state: "an answer is signed, not a byte of it has left",
    },
];

/// What is done at a point.
pub type Hook = fn(Point);

#[cfg(debug_assertions)]
static HOOK: OnceLock<Hook> = OnceLock::new();

/// Calls `hook` at every point that is reached from here on. Without debug assertions nothing is.
pub fn arm(hook: Hook) {
    #[cfg(debug_assertions)]
    // The first one stays: a process ends once.
    let _ = HOOK.set(hook);
    #[cfg(not(debug_assertions))]
    let _ = hook;
}

/// The process has come to `point`.
#[inline(always)]
pub fn reach(point: Point) {
    #[cfg(debug_assertions)]
    if let Some(hook) = HOOK.get() {
        hook(point);
    }
    #[cfg(not(debug_assertions))]
    let _ = point;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_for_one_point() {
        assert!(ALL.len() >= 30);
        for (at, row) in ALL.iter().enumerate() {
            assert!(ALL[at + 1..].iter().all(|other| other.name != row.name), "{}", row.name);
            assert!(ALL[at + 1..].iter().all(|other| other.point != row.point), "{}", row.name);
        }
    }
}
