//! What use cases give back to whoever speaks to merchants.

use channels::{Doubt, Outcome, Refusal, RefusalKind};
use kernel::dialect::answer::OrderUrls;
use kernel::fault::Fault;
use kernel::order::Order;
use kernel::product::Product;
use store::StoreError;

use crate::Gateway;

/// An order with the addresses that payers are given.
#[derive(Clone, Debug)]
pub struct Answered {
    /// The order as it is committed.
    pub order: Order,
    /// The payer's page of ours.
    pub code_url: String,
    /// The text to draw, or the page to open.
    pub qrcode: String,
    /// The upstream's number of a payment that is still to be made; empty where there is none.
    pub transaction_id: String,
}

impl Answered {
    /// Its addresses, as the dialect takes them.
    pub fn urls(&self) -> OrderUrls<'_> {
        OrderUrls {
            code_url: &self.code_url,
            qrcode: &self.qrcode,
            transaction_id: &self.transaction_id,
        }
    }
}

/// A refusal; `standing` is the order that stands in the way, for those that may see it.
#[derive(Clone, Debug)]
pub struct OrderFault {
    /// Why.
    pub fault: Fault,
    /// The order to be shown with the refusal.
    pub standing: Option<Box<Answered>>,
}

impl From<Fault> for OrderFault {
    fn from(fault: Fault) -> Self {
        Self { fault, standing: None }
    }
}

impl Gateway {
    /// `order` with its pages' addresses.
    pub(crate) fn answered(&self, order: Order) -> Answered {
        let base = &self.0.settings.public_url;
        let token = crate::page::token(&order);
        let code_url = format!("{base}/pay/{token}");
        let qrcode = match order.product {
            Product::MixedQr => format!("{base}/order/qrcode/{token}"),
            // These are given to a wallet's SDK, or to nobody.
            Product::AlipayApp
            | Product::WechatJsapi
            | Product::WechatApp
            | Product::WechatHkJsapi
            | Product::Micropay => String::new(),
            Product::AlipayWap
            | Product::AlipayQr
            | Product::WechatH5
            | Product::WechatQr
            | Product::UnionpayLink
            | Product::UnionpayQr => {
                if order.pay_text.is_empty() {
                    code_url.clone()
                } else {
                    order.pay_text.clone()
                }
            }
        };
        let channel = channels::by_name(&order.adapter);
        let number = channel.and_then(|channel| channel.number_of_page(&order.pay_text));
        Answered { order, code_url, qrcode, transaction_id: number.unwrap_or_default() }
    }

    /// The store refused before anything happened: 4006, safe to repeat.
    pub(crate) fn busy(&self, what: &str, error: &StoreError) -> Fault {
        tracing::error!(error = %error, "{what}: the store does not answer");
        Fault::Busy
    }

    /// The store failed after something may have happened: 40400, query first.
    pub(crate) fn uncertain(&self, what: &str, error: &StoreError) -> Fault {
        tracing::error!(error = %error, "{what}: the store does not answer");
        Fault::Uncertain
    }

    /// The store did not write what was to come before anything else: nobody has heard of it, so if it is
    /// sure not to be there, the same may be asked again (4006).
    pub(crate) fn unwritten(&self, what: &str, error: &StoreError) -> Fault {
        match error {
            StoreError::Busy | StoreError::Unavailable(_) => self.busy(what, error),
            StoreError::InDoubt(_) | StoreError::Corrupt(_) | StoreError::Defect(_) => {
                self.uncertain(what, error)
            }
        }
    }
}

/// What a merchant hears of an operation that did not succeed.
pub(crate) fn fault_of(outcome: &Outcome) -> Fault {
    match outcome {
        Outcome::Refused(Refusal { kind, message, .. }) => match kind {
            RefusalKind::Business => Fault::Refused { message: message.clone() },
            RefusalKind::NotSupported => Fault::ProductUnavailable,
            RefusalKind::NumberUsed => Fault::DuplicateOrder,
            RefusalKind::CodeUsed => Fault::CodeUsed,
            RefusalKind::BalanceTooLow => Fault::BalanceTooLow,
            RefusalKind::TooLate => Fault::TooLate,
            RefusalKind::NothingLeft => Fault::AlreadyRefunded,
        },
        Outcome::Unknown(doubt) => match doubt {
            Doubt::NotSent(_) => Fault::NotSent,
            Doubt::Timeout => Fault::TimedOut,
            Doubt::Empty => Fault::EmptyAnswer,
            Doubt::Busy(_) => Fault::Uncertain,
            Doubt::UnknownKey { .. } | Doubt::Unreadable(_) => Fault::UnmappedUpstream,
        },
        Outcome::PaidElsewhere => Fault::AlreadyPaid,
        Outcome::Failed(Refusal { message, .. }) => Fault::Refused { message: message.clone() },
        Outcome::Closed => Fault::AlreadyClosed,
        Outcome::Reversed => Fault::AlreadyReversed,
        Outcome::Opened { .. }
        | Outcome::Paid(_)
        | Outcome::Unpaid { .. }
        | Outcome::NotFound
        | Outcome::Refunded(_)
        | Outcome::RefundPending { .. }
        | Outcome::RefundClosed(_)
        | Outcome::RefundStuck
        | Outcome::Rates(_)
        | Outcome::Keys(_) => Fault::UnmappedUpstream,
    }
}
