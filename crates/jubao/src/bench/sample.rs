//! Orders in memory, as the gateway would make them, and what becomes of them.

use std::sync::Arc;

use gateway::ids::{IdSource, random_hex};
use kernel::application::LatePayment;
use kernel::decide::{Decision, Event, decide};
use kernel::dialect::{members, notice};
use kernel::id::Id;
use kernel::ledger::FeeRule;
use kernel::money::Currency;
use kernel::notice::{Notice, NoticeState, target};
use kernel::order::{Attempt, AttemptState, Order, Payment, SignForm};
use kernel::product::{Product, Provider};
use kernel::state::TradeState;
use kernel::time::Timestamp;
use store::messages::{Direction, Message};
use store::orders::Change;

use crate::demo::identity::MERCHANT;

/// How long an order waits for its payer, in milliseconds.
const EXPIRES_AFTER_MS: i64 = 30 * 60 * 1_000;
/// Bytes of a message to or from an upstream: between Alipay's and WeChat Pay's.
const MESSAGE_BYTES: usize = 700;

/// Makes orders. Clones share their ids.
#[derive(Clone)]
pub struct Sampler {
    ids: Arc<IdSource>,
    now: Timestamp,
}

impl Sampler {
    /// A sampler of orders that are placed at `now`.
    pub fn new(now: Timestamp) -> Self {
        Self::of_node(0, now)
    }

    /// The same with the ids of another node than a gateway that makes some itself.
    pub fn of_node(node: u32, now: Timestamp) -> Self {
        Self { ids: Arc::new(IdSource::new(node, now)), now }
    }

    /// An order of product 304 with the merchant's number `out_trade_no`.
    pub fn order(&self, out_trade_no: String) -> Order {
        Order {
            id: self.next_id(),
            mch_id: MERCHANT.mch_id,
            app_id: MERCHANT.app_id,
            store_id: 0,
            out_trade_no,
            product: Product::MixedQr,
            state: TradeState::NotPay,
            rev: 0,
            currency: Currency::Cny,
            total_fee: 10_000,
            discount: 0,
            fee_rule: FeeRule { rate_ppm: 6_000 },
            total_refund_fee: 0,
            body: "bench".into(),
            attach: String::new(),
            detail: String::new(),
            notify_url: "https://shop.example/notify".into(),
            return_url: String::new(),
            wallet: String::new(),
            payer_ip: String::new(),
            payer_openid: String::new(),
            sign_form: SignForm::Version2.into(),
            page_secret: random_hex::<16>(),
            provider: None,
            adapter: String::new(),
            pay_text: String::new(),
            payment: None,
            created_at: self.now,
            expires_at: self.now.plus_millis(EXPIRES_AFTER_MS),
            sweep_at: Some(self.now.plus_millis(EXPIRES_AFTER_MS)),
            sweeps: 0,
        }
    }

    /// Its first attempt at an upstream.
    pub fn attempt(&self, order: &Order) -> Attempt {
        Attempt {
            order_id: order.id,
            mch_id: order.mch_id,
            no: 1,
            product: Product::AlipayQr,
            account_id: Id(1),
            account_version: 1,
            state: AttemptState::Asking,
            rev: 0,
            pay_text: String::new(),
            transaction_id: String::new(),
            created_at: self.now,
        }
    }

    /// What is said to an upstream about it, or heard.
    pub fn message(&self, order: &Order, direction: Direction, kind: &str) -> Message {
        Message {
            id: self.next_id(),
            mch_id: order.mch_id,
            order_id: order.id,
            attempt_no: 1,
            account_id: Id(1),
            direction,
            kind: kind.to_owned(),
            at: self.now,
            status: None,
            head: "POST /gateway.do".into(),
            body: vec![b'x'; MESSAGE_BYTES],
        }
    }

    /// What its payment changes: the order, the ledger and the merchant's notice. `None` if it does
    /// not wait for a payment.
    pub fn paid(&self, order: &Order) -> Option<Change> {
        let amount = order.pay_amount();
        let event = Event::Paid { amount, late: LatePayment::Refund };
        let Decision::Move { to, postings } = decide(order, event) else { return None };
        let (batch_id, from) = (self.next_id(), order.state);
        let order = Order {
            state: to,
            provider: Some(Provider::Alipay),
            adapter: "alipay".into(),
            payment: Some(Payment {
                provider: Provider::Alipay,
                transaction_id: format!("20261122{:020}", batch_id.0),
                amount,
                cash: amount,
                bank_type: "ALIPAYACCOUNT".into(),
                openid: "2088102169".into(),
                paid_at: self.now,
            }),
            sweep_at: None,
            ..order.clone()
        };
        Some(Change {
            expected_rev: order.rev,
            from,
            event: "callback".into(),
            postings,
            notice: Some(self.notice(&order)),
            attempts: Vec::new(),
            new_attempts: Vec::new(),
            refunds: Vec::new(),
            new_refunds: Vec::new(),
            messages: Vec::new(),
            audit: Vec::new(),
            at: self.now,
            batch_id: batch_id.0,
            order,
        })
    }

    fn notice(&self, order: &Order) -> Notice {
        Notice {
            id: self.next_id(),
            mch_id: order.mch_id,
            app_id: order.app_id,
            sign_form: order.sign_form,
            order_id: order.id,
            event: order.state,
            url: order.notify_url.clone(),
            target: target(&order.notify_url),
            facts: members::object(&notice::facts(order)),
            state: NoticeState::Waiting,
            tries: 0,
            due_at: self.now,
        }
    }

    fn next_id(&self) -> Id {
        self.ids.next(self.now)
    }
}
