//! The simulated JeePay's truth: orders and refunds, and the one place where they change. It knows
//! nothing of HTTP.

use std::collections::{BTreeMap, BTreeSet};

use kernel::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Stamp;
use crate::jeepay::sim::check::{Asked, Refused};
use crate::jeepay::sim::notify::About;
use crate::sim::outbox::Outbox;
use crate::sim::{CallbackFaultKind, PaidInSim, PayError};

/// How long a payer takes who was asked for a password (barcodes).
const ACTS_MS: i64 = 8_000;
/// How long a refund takes that is not done at once (WeChat Pay, UnionPay).
const REFUND_TAKES_MS: i64 = 5_000;

/// Everything that must survive a restart.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Books {
    /// By the merchant's number.
    orders: BTreeMap<String, Order>,
    /// By the merchant's number.
    refunds: BTreeMap<String, Refund>,
    /// When orders and refunds change by themselves, with their numbers.
    ends: BTreeSet<(i64, String)>,
    /// Barcodes that were used.
    used_codes: BTreeSet<String>,
    /// Notifications that are not acknowledged yet.
    #[serde(default)]
    pub(super) outbox: Outbox<About>,
    /// Makes numbers unique; never falls.
    counter: u64,
}

/// An order.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Order {
    /// Grows with every order.
    sequence: u64,
    pub(super) pay_order_id: String,
    pub(super) asked: Asked,
    pub(super) created_ms: i64,
    pub(super) state: State,
    /// Whether the payer will have paid, or turned away, when the time of a barcode is over.
    acts: Option<Acts>,
}

/// What a payer does who was asked for a password.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
enum Acts {
    Pays,
    Cancels,
}

/// Where an order stands.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum State {
    Init,
    Paying,
    Paid { at_ms: i64 },
    Failed(Failure),
    Closed,
}

/// Why a payment failed.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Failure {
    Balance,
    CodeUsed,
    Cancelled,
}

impl Failure {
    /// `errCode` and `errMsg`.
    pub(super) fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Balance => ("NOTENOUGH", "余额不足"),
            Self::CodeUsed => ("AUTHCODEEXPIRE", "二维码已过期，请用户刷新再试"),
            Self::Cancelled => ("TRADE_ERROR", "用户取消支付"),
        }
    }
}

/// A refund.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Refund {
    pub(super) mch_refund_no: String,
    pub(super) refund_order_id: String,
    pub(super) mch_order_no: String,
    pub(super) amount: i64,
    pub(super) notify_url: String,
    pub(super) created_ms: i64,
    pub(super) done_ms: i64,
    /// Whether its end was told.
    is_told: bool,
}

/// A refund that a merchant asks for.
pub(super) struct RefundAsked {
    pub(super) mch_order_no: String,
    pub(super) mch_refund_no: String,
    pub(super) amount: i64,
    pub(super) notify_url: String,
}

/// What became of a barcode.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Charged {
    /// It is as the order says.
    Told,
    /// `系统异常`, whatever the order says.
    SystemError,
    /// No answer.
    Silence,
}

impl Order {
    fn check_payable(&self) -> Result<(), PayError> {
        let not = |why: &str| Err(PayError::NotPayable(why.to_owned()));
        match self.state {
            State::Init | State::Paying => Ok(()),
            State::Paid { .. } => not("already paid"),
            State::Failed(_) => not("failed"),
            State::Closed => not("closed"),
        }
    }
}

impl Refund {
    pub(super) fn is_done(&self, now: Timestamp) -> bool {
        now.millis() >= self.done_ms
    }
}

impl Books {
    /// Takes an order; a number is taken once.
    pub(super) fn place(&mut self, asked: Asked, stamp: &Stamp) -> Result<Order, Refused> {
        let number = asked.mch_order_no.clone();
        if self.orders.contains_key(&number) {
            return Err(Refused::custom(format!("商户订单[{number}]已存在")));
        }
        let sequence = self.next();
        let order = Order {
            sequence,
            pay_order_id: format!("P{}{:05}", stamp.now.compact(), sequence % 100_000),
            created_ms: stamp.now.millis(),
            state: State::Paying,
            acts: None,
            asked,
        };
        let ends_ms = stamp.now.plus_millis(order.asked.life_ms).millis();
        self.ends.insert((ends_ms, number.clone()));
        self.orders.insert(number, order.clone());
        Ok(order)
    }

    /// Charges a barcode: its last two digits choose what happens.
    pub(super) fn charge(&mut self, number: &str, code: &str, now: Timestamp) -> Charged {
        let is_first = self.used_codes.insert(code.to_owned());
        let end = code.get(code.len().saturating_sub(2)..).unwrap_or_default();
        if !is_first {
            self.fail(number, Failure::CodeUsed, now);
            return Charged::Told;
        }
        match end {
            "01" => self.act(number, Acts::Pays, now),
            "02" => self.act(number, Acts::Cancels, now),
            "03" => self.fail(number, Failure::Balance, now),
            "04" => self.fail(number, Failure::CodeUsed, now),
            "06" => self.set(number, State::Init),
            _ => {
                // It was placed a moment ago: it can be paid.
                let _ = self.pay(number, None, now);
            }
        }
        match end {
            "05" | "06" => Charged::SystemError,
            "07" => Charged::Silence,
            _ => Charged::Told,
        }
    }

    /// An order by the merchant's number.
    pub(super) fn order(&self, number: &str) -> Option<&Order> {
        self.orders.get(number)
    }

    /// An order by JeePay's number.
    pub(super) fn by_id(&self, pay_order_id: &str) -> Option<&Order> {
        self.orders.values().find(|order| order.pay_order_id == pay_order_id)
    }

    /// The newest payable order whose number begins with `number`.
    pub(super) fn newest(&self, number: &str) -> Result<String, PayError> {
        let named = self.orders.range(number.to_owned()..);
        let named: Vec<&Order> =
            named.take_while(|(key, _)| key.starts_with(number)).map(|(_, order)| order).collect();
        let payable = named.iter().filter(|order| order.check_payable().is_ok());
        let newest = payable.max_by_key(|order| order.sequence);
        let newest = newest.or_else(|| named.iter().max_by_key(|order| order.sequence));
        newest.map(|order| order.asked.mch_order_no.clone()).ok_or(PayError::NotFound)
    }

    /// The payer pays.
    pub(super) fn pay(
        &mut self,
        number: &str,
        fault: Option<CallbackFaultKind>,
        now: Timestamp,
    ) -> Result<PaidInSim, PayError> {
        let order = self.orders.get_mut(number).ok_or(PayError::NotFound)?;
        order.check_payable()?;
        order.state = State::Paid { at_ms: now.millis() };
        let paid = PaidInSim {
            trade_no: number.to_owned(),
            transaction_id: channel_order_no(order),
            total: order.asked.amount,
        };
        self.outbox.add(&About::Order(number.to_owned()), fault, now);
        Ok(paid)
    }

    /// The payment fails for good.
    pub(super) fn fail(&mut self, number: &str, failure: Failure, now: Timestamp) {
        self.set(number, State::Failed(failure));
        self.outbox.add(&About::Order(number.to_owned()), None, now);
    }

    /// Closes an order that waits.
    pub(super) fn close(&mut self, number: &str) -> Result<(), Refused> {
        let order = self.orders.get_mut(number).ok_or_else(Refused::not_found)?;
        match order.state {
            State::Init | State::Paying => {
                order.state = State::Closed;
                Ok(())
            }
            State::Paid { .. } | State::Failed(_) | State::Closed => {
                Err(Refused::custom("当前订单不可关闭"))
            }
        }
    }

    /// Gives money back, in the order of JeePay's own checks.
    pub(super) fn refund(&mut self, asked: RefundAsked, stamp: &Stamp) -> Result<Refund, Refused> {
        let now = stamp.now;
        self.check_refundable(&asked, now)?;
        let sequence = self.next();
        let order = self.orders.get(&asked.mch_order_no).ok_or_else(Refused::not_found)?;
        let takes_ms = if order.asked.way.starts_with("ALI") { 0 } else { REFUND_TAKES_MS };
        let refund = Refund {
            refund_order_id: format!("R{}{:05}", now.compact(), sequence % 100_000),
            mch_refund_no: asked.mch_refund_no.clone(),
            mch_order_no: asked.mch_order_no,
            amount: asked.amount,
            notify_url: asked.notify_url,
            created_ms: now.millis(),
            done_ms: now.plus_millis(takes_ms).millis(),
            is_told: false,
        };
        self.ends.insert((refund.done_ms, asked.mch_refund_no.clone()));
        self.refunds.insert(asked.mch_refund_no, refund.clone());
        self.settle(now);
        Ok(refund)
    }

    /// A refund by the merchant's number.
    pub(super) fn refund_of(&self, mch_refund_no: &str) -> Option<&Refund> {
        self.refunds.get(mch_refund_no)
    }

    fn check_refundable(&self, asked: &RefundAsked, now: Timestamp) -> Result<(), Refused> {
        let order = self.orders.get(&asked.mch_order_no);
        let order = order.ok_or_else(|| Refused::custom("退款订单不存在"))?;
        let State::Paid { .. } = order.state else {
            return Err(Refused::custom("订单状态不正确， 无法完成退款"));
        };
        let of_order = self.refunds.values().filter(|one| one.mch_order_no == asked.mch_order_no);
        let is_pending = of_order.clone().any(|refund| !refund.is_done(now));
        let done = of_order.filter(|refund| refund.is_done(now)).map(|refund| refund.amount);
        match order.asked.amount - done.sum::<i64>() {
            0 => Err(Refused::custom("订单已全额退款，本次申请失败")),
            left if asked.amount > left => {
                Err(Refused::custom("申请金额超出订单可退款余额，请检查退款金额"))
            }
            _ if is_pending => Err(Refused::custom("支付订单具有在途退款申请，请稍后再试")),
            _ if self.refunds.contains_key(&asked.mch_refund_no) => {
                let number = &asked.mch_refund_no;
                Err(Refused::custom(format!("商户退款订单号[{number}]已存在")))
            }
            _ => Ok(()),
        }
    }

    /// Lets everything happen whose time has come: barcodes, refunds, the end of orders.
    pub(super) fn settle(&mut self, now: Timestamp) {
        while let Some((at_ms, number)) = self.ends.first().cloned() {
            if at_ms > now.millis() {
                return;
            }
            self.ends.pop_first();
            let at = Timestamp::from_millis(at_ms);
            if let Some(refund) = self.refunds.get_mut(&number) {
                let is_new = !std::mem::replace(&mut refund.is_told, true);
                if is_new {
                    self.outbox.add(&About::Refund(number), None, at);
                }
                continue;
            }
            let Some(order) = self.orders.get_mut(&number) else { continue };
            match (order.check_payable(), order.acts.take()) {
                (Err(_), _) => {}
                (Ok(()), None) => order.state = State::Closed,
                (Ok(()), Some(Acts::Pays)) => {
                    // It is payable, as was just seen.
                    let _ = self.pay(&number, None, at);
                }
                (Ok(()), Some(Acts::Cancels)) => self.fail(&number, Failure::Cancelled, at),
            }
        }
    }

    /// When something happens by itself next.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let end = self.ends.first().map(|(at, _)| Timestamp::from_millis(*at));
        [end, self.outbox.next_due()].into_iter().flatten().min()
    }

    /// The next number.
    pub(super) fn next(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    fn act(&mut self, number: &str, acts: Acts, now: Timestamp) {
        if let Some(order) = self.orders.get_mut(number) {
            order.acts = Some(acts);
            self.ends.insert((now.plus_millis(ACTS_MS).millis(), number.to_owned()));
        }
    }

    fn set(&mut self, number: &str, state: State) {
        if let Some(order) = self.orders.get_mut(number) {
            order.state = state;
        }
    }
}

/// The wallet's number of an order that is paid.
pub(super) fn channel_order_no(order: &Order) -> String {
    format!("4200{}", order.pay_order_id.trim_start_matches('P'))
}
