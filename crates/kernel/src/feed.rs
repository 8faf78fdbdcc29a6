//! The feed of a merchant's events: what is told to whoever asks for it, instead of being told. Each
//! event has a number, and numbers become visible in their order, so that a reader who has seen one
//! has seen all before it.

use crate::id::{Id, MchId};
use crate::refund::RefundState;
use crate::scheme::Signing;
use crate::state::TradeState;
use crate::time::Timestamp;

/// What has happened, in the words of the merchant API.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum EventType {
    /// The order is paid.
    OrderSuccess,
    /// All of the order's money went back.
    OrderRefund,
    /// The order was reversed.
    OrderRevoked,
    /// The order was closed, or has expired.
    OrderClosed,
    /// The order's payment failed for good.
    OrderPayerror,
    /// A refund is done.
    RefundSuccess,
    /// A refund will not be done.
    RefundRefundclose,
    /// A refund needs a person.
    RefundChange,
}

/// One row of [`TYPES`].
#[derive(Debug)]
pub struct TypeInfo {
    /// The type.
    pub event_type: EventType,
    /// Its word: what it is about, and the new state in small letters.
    pub word: &'static str,
    /// When it happens: Chinese, English.
    pub names: [&'static str; 2],
}

const fn row(event_type: EventType, word: &'static str, names: [&'static str; 2]) -> TypeInfo {
    TypeInfo { event_type, word, names }
}

/// Every type.
pub static TYPES: &[TypeInfo] = &[
    row(EventType::OrderSuccess, "order.success", ["订单已支付", "the order is paid"]),
    row(
        EventType::OrderRefund,
        "order.refund",
        ["订单已全额退款", "all of the order's money went back"],
    ),
    row(EventType::OrderRevoked, "order.revoked", ["订单已撤销", "the order was reversed"]),
    row(
        EventType::OrderClosed,
        "order.closed",
        ["订单已关闭或过期", "the order was closed, or has expired"],
    ),
    row(
        EventType::OrderPayerror,
        "order.payerror",
        ["付款码支付失败", "a barcode's payment failed for good"],
    ),
    row(EventType::RefundSuccess, "refund.success", ["退款成功", "a refund is done"]),
    row(
        EventType::RefundRefundclose,
        "refund.refundclose",
        ["退款关闭，金额已释放", "a refund will not be done; its amount is free again"],
    ),
    row(
        EventType::RefundChange,
        "refund.change",
        ["退款异常，等待人工处理", "a refund needs a person"],
    ),
];

impl EventType {
    /// Its word.
    pub fn word(self) -> &'static str {
        TYPES.iter().find(|row| row.event_type == self).map_or("", |row| row.word)
    }

    /// Reads [`EventType::word`].
    pub fn from_word(word: &str) -> Option<Self> {
        TYPES.iter().find(|row| row.word == word).map(|row| row.event_type)
    }

    /// Reads words with commas between.
    pub fn list(words: &str) -> Option<Vec<Self>> {
        words.split(',').map(Self::from_word).collect()
    }

    /// What has happened to an order that comes to `state`; `None`: nothing that is told.
    pub fn of_order(state: TradeState) -> Option<Self> {
        match state {
            TradeState::NotPay | TradeState::UserPaying => None,
            TradeState::Success => Some(Self::OrderSuccess),
            TradeState::Refund => Some(Self::OrderRefund),
            TradeState::Revoked => Some(Self::OrderRevoked),
            TradeState::Closed => Some(Self::OrderClosed),
            TradeState::PayError => Some(Self::OrderPayerror),
        }
    }

    /// What has happened to a refund that comes to `state`.
    pub fn of_refund(state: RefundState) -> Option<Self> {
        match state {
            RefundState::Due | RefundState::Asking => None,
            RefundState::Done => Some(Self::RefundSuccess),
            RefundState::Closed => Some(Self::RefundRefundclose),
            RefundState::Stuck => Some(Self::RefundChange),
        }
    }

    /// Whether it is about an order, as notifications are.
    pub fn is_of_order(self) -> bool {
        match self {
            Self::OrderSuccess
            | Self::OrderRefund
            | Self::OrderRevoked
            | Self::OrderClosed
            | Self::OrderPayerror => true,
            Self::RefundSuccess | Self::RefundRefundclose | Self::RefundChange => false,
        }
    }
}

/// Something that has happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FeedEvent {
    /// The merchant.
    pub mch_id: MchId,
    /// Its number at the merchant: 1, 2, … without a gap.
    pub seq: i64,
    /// What.
    pub event_type: EventType,
    /// To which order.
    pub order_id: Id,
    /// How the order was signed: what tells of it is signed alike.
    pub sign_form: Signing,
    /// The facts as they were at that moment, as a notice has them.
    pub facts: String,
    /// When.
    pub at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_states_and_are_read_back() {
        for state in TradeState::ALL {
            let word = EventType::of_order(state).map(EventType::word);
            let expect = format!("order.{}", state.word().to_lowercase());
            assert!(word.is_none_or(|word| word == expect), "{word:?}");
            assert_eq!(word.is_none(), state.is_open(), "{state:?}");
        }
        for state in RefundState::ALL {
            let word = EventType::of_refund(state).map(EventType::word);
            let expect = format!("refund.{}", state.status().to_lowercase());
            assert!(word.is_none_or(|word| word == expect), "{word:?}");
        }
        for row in TYPES {
            assert_eq!(EventType::from_word(row.word), Some(row.event_type));
            assert_eq!(row.event_type.is_of_order(), row.word.starts_with("order."));
        }
    }
}
