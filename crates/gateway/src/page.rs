//! What the payer's page needs: the order behind its token, and beginning a payment in the wallet
//! that opened it.

use std::net::IpAddr;

use channels::{Op, Outcome};
use kernel::fault::Fault;
use kernel::id::{Id, MchId};
use kernel::order::{ATTEMPTS_MAX, Attempt, AttemptState, Order};
use kernel::product::{Product, Provider};
use kernel::state::TradeState;
use store::Written;
use store::orders::{self, Change};
use subtle::ConstantTimeEq;

use crate::Gateway;
use crate::answered::fault_of;
use crate::ask_upstream::channel_of;
use crate::learn::{Lesson, Source, Standing};
use crate::place_order::Means;
use crate::routing::WALLET_PRODUCTS;
use crate::sweeper::next_sweep;

/// A page's link into WeChat is asked for anew after this time, in milliseconds: it lives five
/// minutes (WeChat Pay v3 manual, `h5_url`).
const H5_LINK_LIVES_MS: i64 = 4 * 60 * 1000;
/// A call of WeChat's script likewise: it lives two hours (`prepay_id`).
const CALL_LIVES_MS: i64 = 110 * 60 * 1000;

/// An order as its payer may see it.
#[derive(Clone, Debug)]
pub struct PageOrder {
    /// The order.
    pub order: Order,
    /// The merchant's name.
    pub mch_name: String,
    /// Wallets' own products that this merchant's payers can use, for a mixed QR.
    pub wallet_products: Vec<Product>,
    /// Attempts that money may still come through.
    pub live: Vec<Attempt>,
}

/// A payment that a payer wants to begin.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The wallet's own product.
    pub product: Product,
    /// Where the payer's browser is.
    pub ip: IpAddr,
    /// Who the payer is to WeChat, for products that need it; else empty.
    pub openid: String,
}

/// A payment that has begun.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Begun {
    /// The attempt's number.
    pub no: i64,
    /// The page to open, the text to draw or the call of WeChat's script.
    pub pay_text: String,
}

/// Why a payment does not begin.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unbegun {
    /// The order is paid or closed: its page says which.
    Over,
    /// The payer began in another way before, and its upstream has not said yet that nobody can pay
    /// there any more: ask again shortly.
    Elsewhere,
    /// It is not offered, or an upstream or the store gave no usable answer.
    Fault(Fault),
}

impl From<Fault> for Unbegun {
    fn from(fault: Fault) -> Self {
        if fault == Fault::AlreadyClosed { Self::Over } else { Self::Fault(fault) }
    }
}

/// The token of an order's page: merchant, order and 128 random bits, in hexadecimal.
pub(crate) fn token(order: &Order) -> String {
    format!("{:x}-{:x}-{}", order.mch_id.0, order.id.0, order.page_secret)
}

fn parse_token(token: &str) -> Option<(MchId, Id, &str)> {
    let mut parts = token.split('-');
    let (mch, id, secret) = (parts.next()?, parts.next()?, parts.next()?);
    let hex = |text| i64::from_str_radix(text, 16).ok().filter(|number| *number >= 0);
    (parts.next().is_none() && secret.len() == 32).then_some((
        MchId(hex(mch)?),
        Id(hex(id)?),
        secret,
    ))
}

impl Gateway {
    /// The order behind a page's token; `None` if there is none.
    ///
    /// # Errors
    /// 4006 if the store does not answer.
    pub async fn page_order(&self, token: &str) -> Result<Option<PageOrder>, Fault> {
        let Some(standing) = self.standing_of_page(token).await? else { return Ok(None) };
        let live = standing.live().cloned().collect();
        let order = standing.order;
        let caller = self.caller_of(order.app_id).await?;
        let mut wallet_products = Vec::new();
        if order.product == Product::MixedQr {
            for product in WALLET_PRODUCTS {
                if self.route_on_page(&order, product).await.is_ok() {
                    wallet_products.push(product);
                }
            }
        }
        let mch_name = caller.app.mch_name.clone();
        Ok(Some(PageOrder { order, mch_name, wallet_products, live }))
    }

    /// Where an order's page may be left to: `trade_state` of the order, cheaply.
    ///
    /// # Errors
    /// 4006 if the store does not answer.
    pub async fn page_state(&self, token: &str) -> Result<Option<(Id, TradeState)>, Fault> {
        let standing = self.standing_of_page(token).await?;
        Ok(standing.map(|standing| (standing.order.id, standing.order.state)))
    }

    /// Begins, or continues, paying as `wish` says in the payer's browser. What was begun in another
    /// way is closed at its upstream first: an order has one way to pay at a time.
    ///
    /// # Errors
    /// The order cannot be paid any more, an earlier way may still be paid, or the upstream refused or
    /// did not answer.
    pub async fn begin_payment(&self, token: &str, wish: &Wish) -> Result<Begun, Unbegun> {
        self.try_ready_ids().await;
        let standing = self.standing_of_page(token).await?.ok_or(Fault::OrderNotFound)?;
        self.check_payable(&standing.order)?;
        if !is_offered(&standing.order, wish) {
            return Err(Fault::ProductUnavailable.into());
        }
        let standing = self.close_other_ways(standing, wish).await?;
        let order = &standing.order;
        let same = standing.live().filter(|row| is_same_way(order, row, wish)).last().cloned();
        match same {
            Some(attempt) if self.is_usable(&attempt) => Ok(begun(attempt)),
            // A payer who reloads does not make us ask upstream each time.
            Some(attempt) if !attempt.pay_text.is_empty() && !self.may_ask(order.id) => {
                Ok(begun(attempt))
            }
            Some(attempt) => self.ask_to_open(standing, attempt, Source::PlaceAgain).await,
            None => {
                let (standing, attempt) = self.new_page_attempt(standing, wish).await?;
                self.ask_to_open(standing, attempt, Source::Place).await
            }
        }
    }

    /// Refuses an order that is over, or whose time is.
    pub(crate) fn check_payable(&self, order: &Order) -> Result<(), Unbegun> {
        let is_payable = order.state.is_open() && self.now() < order.expires_at;
        if is_payable { Ok(()) } else { Err(Unbegun::Over) }
    }

    fn is_usable(&self, attempt: &Attempt) -> bool {
        let age_ms = self.now().millis_since(attempt.created_at);
        let lives_ms = if attempt.product == Product::WechatH5 {
            H5_LINK_LIVES_MS
        } else if attempt.product.needs_openid() {
            CALL_LIVES_MS
        } else {
            i64::MAX
        };
        attempt.state == AttemptState::Open && !attempt.pay_text.is_empty() && age_ms < lives_ms
    }

    /// Commits an attempt before its upstream hears of it.
    async fn new_page_attempt(
        &self,
        standing: Standing,
        wish: &Wish,
    ) -> Result<(Standing, Attempt), Fault> {
        let no = standing.attempts.last().map_or(1, |attempt| attempt.no + 1);
        if no > ATTEMPTS_MAX {
            return Err(Fault::ProductUnavailable);
        }
        let product = wish.product;
        let route = self.route_on_page(&standing.order, product).await?;
        let mut order = standing.order.clone();
        if order.payer_ip.is_empty() {
            order.payer_ip = wish.ip.to_string();
        }
        if product.needs_openid() {
            order.payer_openid.clone_from(&wish.openid);
        }
        order.sweeps = 0;
        order.adapter.clone_from(&route.channel);
        let attempt = self.new_attempt(&order, product, (route.id, route.version), no);
        order.sweep_at =
            next_sweep(&order, std::slice::from_ref(&attempt), &standing.refunds, self.now());
        let change = Change {
            batch_id: self.next_id().0,
            expected_rev: standing.order.rev,
            from: standing.order.state,
            event: "begin".into(),
            postings: Vec::new(),
            notice: None,
            attempts: Vec::new(),
            new_attempts: vec![attempt.clone()],
            refunds: Vec::new(),
            new_refunds: Vec::new(),
            messages: Vec::new(),
            audit: Vec::new(),
            at: self.now(),
            order,
        };
        match self.0.store.write(orders::settle(&change)).await {
            Ok(Written::Done(_)) => Ok((self.committed(standing, change), attempt)),
            // Another change came first (a second tab): the page asks again.
            Ok(Written::Missed) => Err(Fault::Busy),
            Err(error) => Err(self.unwritten("begin a payment", &error)),
        }
    }

    /// Asks the upstream to take an attempt. The same number with the same contents may be placed
    /// again: upstreams answer it as they did the first time.
    pub(crate) async fn ask_to_open(
        &self,
        standing: Standing,
        attempt: Attempt,
        source: Source,
    ) -> Result<Begun, Unbegun> {
        let account = self.account(attempt.account_id, attempt.account_version).await;
        let account = account.map_err(|fault| {
            tracing::error!(account.id = %attempt.account_id, "account: {fault}");
            Fault::ProductUnavailable
        })?;
        let channel = channel_of(&account).ok_or(Fault::ProductUnavailable)?;
        let op = Op::Place(self.place_op(&standing.order, &attempt, (&account, &Means::default())));
        let first = channel.request(&op, &account, &self.stamp());
        let asked = self.perform(&op, &attempt, first).await;
        let outcome = asked.outcome.clone();
        let lesson = Lesson {
            attempt_no: attempt.no,
            outcome: asked.outcome,
            source,
            messages: asked.messages,
        };
        let learned = self.learn(standing, lesson).await;
        let standing = learned.map_err(|error| self.uncertain("commit the answer", &error))?;
        let is_open = standing.order.state.is_open();
        match outcome {
            // Nobody is led to pay for what was closed, or paid, in the meantime.
            Outcome::Opened { .. } if !is_open => Err(Unbegun::Over),
            Outcome::Opened { pay_text } => Ok(Begun { no: attempt.no, pay_text }),
            other => Err(fault_of(&other).into()),
        }
    }

    pub(crate) async fn standing_of_page(&self, token: &str) -> Result<Option<Standing>, Fault> {
        let Some((mch_id, id, secret)) = parse_token(token) else { return Ok(None) };
        let found = self.standing(mch_id, id).await;
        let found = found.map_err(|error| self.busy("read a page's order", &error))?;
        let is_ours = |standing: &Standing| {
            bool::from(standing.order.page_secret.as_bytes().ct_eq(secret.as_bytes()))
        };
        Ok(found.filter(is_ours))
    }
}

/// Whether an order's page may begin a payment like that.
fn is_offered(order: &Order, wish: &Wish) -> bool {
    let product = wish.product;
    match product.needs_openid() {
        true => order.product == Product::MixedQr && !wish.openid.is_empty(),
        false => {
            let is_of_order = [product, Product::MixedQr].contains(&order.product);
            is_of_order && product.is_paid_on_a_page()
        }
    }
}

/// Whether an attempt is the way that is wished for: WeChat lets nobody else pay what it prepared for
/// one payer.
pub(crate) fn is_same_way(order: &Order, attempt: &Attempt, wish: &Wish) -> bool {
    let is_same_payer = !wish.product.needs_openid() || order.payer_openid == wish.openid;
    attempt.product == wish.product && is_same_payer
}

fn begun(attempt: Attempt) -> Begun {
    Begun { no: attempt.no, pay_text: attempt.pay_text }
}

/// The wallet's own products that a mixed QR continues with, the best first; inside the wallet's own
/// browser, or in another one.
pub fn continues_with(order: &Order, provider: Provider, is_inside: bool) -> &'static [Product] {
    use Product::{
        AlipayQr, AlipayWap, UnionpayLink, UnionpayQr, WechatH5, WechatHkJsapi, WechatJsapi,
        WechatQr,
    };
    match (provider, is_inside) {
        // Alipay's code is a link that its app opens as well.
        (Provider::Alipay, _) => &[AlipayWap, AlipayQr],
        // WeChat opens no H5 payment inside itself: where the payer is not known, a code is pressed.
        (Provider::Wechat, true) if order.wallet == "HK" => &[WechatHkJsapi, WechatJsapi, WechatQr],
        (Provider::Wechat, true) => &[WechatJsapi, WechatHkJsapi, WechatQr],
        (Provider::Wechat, false) => &[WechatH5],
        // So is UnionPay's code, in its app only.
        (Provider::Unionpay, true) => &[UnionpayLink, UnionpayQr],
        (Provider::Unionpay, false) => &[UnionpayLink],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_is_not_ours_names_no_order() {
        let secret = "0123456789abcdef0123456789abcdef";
        assert_eq!(parse_token(&format!("a-b-{secret}")), Some((MchId(10), Id(11), secret)));
        for wrong in ["", "a-b", "a-b-c", "g-1-0123456789abcdef0123456789abcdef", "-1-2-3"] {
            assert_eq!(parse_token(wrong), None, "{wrong}");
        }
        assert_eq!(parse_token(&format!("a-b-{secret}-c")), None);
    }
}
