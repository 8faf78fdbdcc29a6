//! What the payer's page needs: the order behind its token, and beginning a payment in the wallet
//! that opened it.

use std::net::IpAddr;

use channels::{Op, Outcome};
use kernel::fault::Fault;
use kernel::id::{Id, MchId};
use kernel::order::{ATTEMPTS_MAX, Attempt, AttemptState, Order};
use kernel::product::{Product, Provider};
use kernel::state::TradeState;
use store::orders::{self, Change};
use store::{StoreError, Written};
use subtle::ConstantTimeEq;

use crate::Gateway;
use crate::ask_upstream::channel_of;
use crate::learn::{Lesson, Source, Standing};
use crate::place_order::{Means, fault_of};
use crate::routing::WALLET_PRODUCTS;
use crate::sweeper::next_sweep;

/// A page's link into WeChat is asked for anew after this time, in milliseconds: it lives five
/// minutes (WeChat Pay v3 manual, `h5_url`).
const H5_LINK_LIVES_MS: i64 = 4 * 60 * 1000;

/// An order as its payer may see it.
#[derive(Clone, Debug)]
pub struct PageOrder {
    /// The order.
    pub order: Order,
    /// The merchant's name.
    pub mch_name: String,
    /// Wallets' own products that this merchant's payers can use, for a mixed QR.
    pub wallet_products: Vec<Product>,
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
        let order = standing.order;
        let caller = self.caller_of(order.app_id).await?;
        let mut wallet_products = Vec::new();
        for product in WALLET_PRODUCTS.iter().flat_map(|(_, products)| products.iter()) {
            if self.route(order.mch_id, *product).await.is_ok() {
                wallet_products.push(*product);
            }
        }
        Ok(Some(PageOrder { order, mch_name: caller.app.mch_name.clone(), wallet_products }))
    }

    /// Where an order's page may be left to: `trade_state` of the order, cheaply.
    ///
    /// # Errors
    /// 4006 if the store does not answer.
    pub async fn page_state(&self, token: &str) -> Result<Option<(Id, TradeState)>, Fault> {
        let standing = self.standing_of_page(token).await?;
        Ok(standing.map(|standing| (standing.order.id, standing.order.state)))
    }

    /// Begins, or continues, paying through `product` in the payer's browser: the page to open or
    /// the text to draw.
    ///
    /// # Errors
    /// The order cannot be paid any more, or the upstream refused or did not answer.
    pub async fn begin_payment(
        &self,
        token: &str,
        product: Product,
        payer_ip: IpAddr,
    ) -> Result<String, Fault> {
        let standing = self.standing_of_page(token).await?.ok_or(Fault::OrderNotFound)?;
        let order = &standing.order;
        if !order.state.is_open() || order.expires_at <= self.now() {
            return Err(Fault::AlreadyClosed);
        }
        let is_ours = product.is_paid_on_a_page()
            && (order.product == product || order.product == Product::MixedQr);
        if !is_ours {
            return Err(Fault::ProductUnavailable);
        }
        let standing_attempt = standing.live().filter(|row| row.product == product).last().cloned();
        match standing_attempt {
            Some(attempt) if self.is_usable(&attempt) => Ok(attempt.pay_text),
            // A payer who reloads does not make us ask upstream each time.
            Some(attempt) if !attempt.pay_text.is_empty() && !self.may_ask(order.id) => {
                Ok(attempt.pay_text)
            }
            Some(attempt) => self.ask_to_open(standing, attempt, Source::PlaceAgain).await,
            None => {
                let (standing, attempt) =
                    self.new_page_attempt(standing, product, payer_ip).await?;
                self.ask_to_open(standing, attempt, Source::Place).await
            }
        }
    }

    fn is_usable(&self, attempt: &Attempt) -> bool {
        let age_ms = self.now().millis_since(attempt.created_at);
        let is_link_alive = attempt.product != Product::WechatH5 || age_ms < H5_LINK_LIVES_MS;
        attempt.state == AttemptState::Open && !attempt.pay_text.is_empty() && is_link_alive
    }

    /// Commits an attempt before its upstream hears of it.
    async fn new_page_attempt(
        &self,
        standing: Standing,
        product: Product,
        payer_ip: IpAddr,
    ) -> Result<(Standing, Attempt), Fault> {
        let no = standing.attempts.last().map_or(1, |attempt| attempt.no + 1);
        if no > ATTEMPTS_MAX {
            return Err(Fault::ProductUnavailable);
        }
        let route = self.route(standing.order.mch_id, product).await?;
        let mut order = standing.order.clone();
        if order.payer_ip.is_empty() {
            order.payer_ip = payer_ip.to_string();
        }
        order.sweeps = 0;
        order.adapter.clone_from(&route.channel);
        let attempt = self.new_attempt(&order, product, (route.id, route.version), no);
        order.sweep_at =
            next_sweep(&order, std::slice::from_ref(&attempt), &standing.refunds, self.now());
        let change = Change {
            batch_id: self.next_id().0,
            expected_rev: standing.order.rev,
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
            Ok(Written::Missed) | Err(StoreError::Busy) => Err(Fault::Busy),
            Err(error) => Err(self.uncertain("begin a payment", &error)),
        }
    }

    /// Asks the upstream to take an attempt. The same number with the same contents may be placed
    /// again: upstreams answer it as they did the first time.
    async fn ask_to_open(
        &self,
        standing: Standing,
        attempt: Attempt,
        source: Source,
    ) -> Result<String, Fault> {
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
            Outcome::Opened { .. } if !is_open => Err(Fault::AlreadyClosed),
            Outcome::Opened { pay_text } => Ok(pay_text),
            other => Err(fault_of(&other)),
        }
    }

    async fn standing_of_page(&self, token: &str) -> Result<Option<Standing>, Fault> {
        let Some((mch_id, id, secret)) = parse_token(token) else { return Ok(None) };
        let found = self.standing(mch_id, id).await;
        let found = found.map_err(|error| self.busy("read a page's order", &error))?;
        let is_ours = |standing: &Standing| {
            bool::from(standing.order.page_secret.as_bytes().ct_eq(secret.as_bytes()))
        };
        Ok(found.filter(is_ours))
    }
}

/// The wallet's own product that a mixed QR continues with.
pub fn continues_with(provider: Provider, is_inside_wallet: bool) -> Option<Product> {
    match (provider, is_inside_wallet) {
        (Provider::Alipay, _) => Some(Product::AlipayWap),
        // WeChat opens no H5 payment inside itself: there the payer presses the code.
        (Provider::Wechat, true) => Some(Product::WechatQr),
        (Provider::Wechat, false) => Some(Product::WechatH5),
        (Provider::Unionpay, _) => None,
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
