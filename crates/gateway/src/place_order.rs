//! Placing an order: commit it, ask the upstream, commit the answer, tell the merchant.
//!
//! The order and its first attempt are durable before the upstream hears of them. A mixed QR, and
//! an H5 order without the payer's address, ask no upstream until a payer opens our page.

use std::sync::Arc;

use channels::{Account, Op, Outcome, Place, SetupError, Step, legacy};
use kernel::call::PlaceCall;
use kernel::crash::{self, Point};
use kernel::fault::{Fault, Wording};
use kernel::id::{Id, MchId};
use kernel::order::{Attempt, AttemptState, Order};
use kernel::product::{Product, Provider};
use kernel::scheme::Signing;
use kernel::secret::Secret;
use kernel::state::TradeState;
use store::accounts::AccountRow;
use store::messages::Direction;
use store::request_keys::{self, Claim};
use store::{Batch, Written, orders, pay_codes};

use crate::Gateway;
use crate::answered::{Answered, OrderFault, fault_of};
use crate::ask_upstream::channel_of;
use crate::callers::Caller;
use crate::ids::random_hex;
use crate::learn::{Lesson, Source, Standing};
use crate::request_key::KeyClaim;
use crate::sweeper::next_sweep;

/// What an order's first attempt needs, and its row does not keep.
#[derive(Clone, Debug, Default)]
pub(crate) struct Means {
    /// The merchant's account or app at the wallet, or empty.
    pub(crate) sub_appid: String,
    /// The code that the payer shows.
    pub(crate) code: Option<Secret>,
    /// The key that the request carries: what it places is written with the order.
    pub(crate) claim: Option<Claim>,
}

/// How an order is asked for.
#[derive(Copy, Clone, Debug)]
pub struct Asked<'a> {
    /// How the request was signed.
    pub signing: Signing,
    /// The key that it carries.
    pub key: Option<&'a KeyClaim>,
}

/// How long an order waits for its payer if the merchant does not say, in milliseconds.
const EXPIRES_AFTER_MS: i64 = 30 * 60 * 1000;
/// What payers read when the merchant names no goods.
const SUBJECT_DEFAULT: &str = "商品";
/// `body` of a WeChat Pay order without one, as in the document's samples.
const WECHAT_BODY_DEFAULT: &str = "Shopping";
/// Said of a `store_id` that the merchant does not have.
pub(crate) const NO_SUCH_STORE: Wording = ["不是本商户的门店", "is no store of this merchant"];

impl Gateway {
    /// Places an order.
    ///
    /// # Errors
    /// The documented refusal; for a number used before, with the order that stands under it when
    /// amount and product are the same.
    pub async fn place_order(
        &self,
        caller: &Caller,
        call: PlaceCall,
        asked: Asked<'_>,
    ) -> Result<Answered, OrderFault> {
        if let Some(placed) = asked.key.and_then(|key| key.placed) {
            return self.placed_before(caller, placed).await;
        }
        self.may_make().await?;
        if call.store_id != 0 && !self.has_store(caller.app.mch_id, call.store_id).await? {
            return Err(Fault::bad_format("store_id", NO_SUCH_STORE).into());
        }
        let means = Means {
            sub_appid: call.sub_appid.clone(),
            code: call.code.clone(),
            claim: asked.key.map(|key| key.claim.clone()),
        };
        let route = match call.product {
            Product::Micropay => self.route_barcode(caller.app.mch_id, &means).await?,
            product => self.route(caller.app.mch_id, product).await?,
        };
        // Before anything is written: its payer may have paid where the shop came from.
        if self.guards(caller)
            && let Some(number) = &call.out_trade_no
        {
            Box::pin(self.guard_place(caller, number)).await?;
        }
        let order = self.new_order(caller, call, asked.signing, &route);
        crash::reach(Point::OrderBuilt);
        if !asks_at_once(&order) {
            return self.commit_alone(caller, order, &means).await;
        }
        // What it keeps while it waits is large, and would weigh on orders that ask nobody.
        Box::pin(self.commit_and_ask(caller, order, (&route, means))).await
    }

    async fn commit_and_ask(
        &self,
        caller: &Caller,
        order: Order,
        (route, means): (&AccountRow, Means),
    ) -> Result<Answered, OrderFault> {
        let mut standing = self.with_first_attempt(order, route);
        let (op, first) = self.first_step(&mut standing, &means).await?;
        let messages = match &first {
            Ok(Step::Send(request)) => vec![self.outgoing(&op, &standing.attempts[0], request)],
            Ok(Step::Done(_)) | Err(_) => Vec::new(),
        };
        let mut batch = orders::place(&standing.order, &standing.attempts, &messages);
        if let Some(code) = &means.code {
            let (mch_id, order_id) = (standing.order.mch_id, standing.order.id);
            batch = batch.and(pay_codes::insert(mch_id, &digest(code), order_id));
        }
        let batch = linked(batch, &means, &standing.order);
        match self.0.store.write(batch).await {
            Ok(Written::Done(_)) => self.open_upstream(standing, &op, first).await,
            Ok(Written::Missed) => self.standing_order(caller, &standing.order).await,
            Err(error) => Err(self.unwritten("place an order", &error).into()),
        }
    }

    async fn commit_alone(
        &self,
        caller: &Caller,
        order: Order,
        means: &Means,
    ) -> Result<Answered, OrderFault> {
        let batch = linked(orders::place(&order, &[], &[]), means, &order);
        match self.0.store.write(batch).await {
            Ok(Written::Done(_)) => Ok(self.answered(order)),
            Ok(Written::Missed) => Box::pin(self.standing_order(caller, &order)).await,
            Err(error) => Err(self.unwritten("place an order", &error).into()),
        }
    }

    /// Asks the upstream for a committed order, commits what it says, and answers.
    async fn open_upstream(
        &self,
        standing: Standing,
        op: &Op,
        first: Result<Step, SetupError>,
    ) -> Result<Answered, OrderFault> {
        crash::reach(Point::OrderCommitted);
        if standing.attempts[0].state == AttemptState::Open {
            return Ok(self.answered(standing.order));
        }
        let mut asked = self.perform(op, &standing.attempts[0], first).await;
        // The first request was committed together with the order.
        asked
            .messages
            .retain(|message| message.direction != Direction::Out || message.kind != "place");
        let outcome = asked.outcome.clone();
        let lesson = Lesson {
            attempt_no: standing.attempts[0].no,
            outcome: asked.outcome,
            source: Source::Place,
            messages: asked.messages,
        };
        let learned = self.learn(standing, lesson).await;
        let standing = learned.map_err(|error| self.uncertain("commit the answer", &error))?;
        crash::reach(Point::AnswerLearned);
        let state = standing.order.state;
        match outcome {
            Outcome::Opened { .. } | Outcome::Paid(_) | Outcome::Unpaid { .. } => {
                Ok(self.answered(standing.order))
            }
            // A barcode may have been charged: the merchant is told to ask (201), or what a callback told.
            Outcome::Unknown(_) if state.is_paid() || state == TradeState::UserPaying => {
                Ok(self.answered(standing.order))
            }
            other => Err(fault_of(&other).into()),
        }
    }

    /// The account that charges a payer's code.
    ///
    /// # Errors
    /// 492003 if there is none for this wallet, 40111 if the merchant has used the code before.
    async fn route_barcode(&self, mch_id: MchId, means: &Means) -> Result<Arc<AccountRow>, Fault> {
        let code = means.code.as_ref().ok_or(Fault::MissingForProduct { field: "code" })?;
        let provider = Provider::of_code(code.expose()).ok_or(Fault::ProductUnavailable)?;
        let used = pay_codes::find(&self.0.store, mch_id, &digest(code)).await;
        if used.map_err(|error| self.busy("look a code up", &error))?.is_some() {
            return Err(Fault::CodeUsed);
        }
        self.route_of(mch_id, Product::Micropay, provider).await
    }

    /// Makes the request of the first attempt. A page that is only signed is open at once.
    async fn first_step(
        &self,
        standing: &mut Standing,
        means: &Means,
    ) -> Result<(Op, Result<Step, SetupError>), Fault> {
        let attempt = &mut standing.attempts[0];
        let account = self.account(attempt.account_id, attempt.account_version).await;
        let account = account.map_err(|fault| {
            tracing::error!(account.id = %attempt.account_id, "account: {fault}");
            Fault::ProductUnavailable
        })?;
        let op = Op::Place(self.place_op(&standing.order, attempt, (&account, means)));
        let channel = channel_of(&account).ok_or(Fault::ProductUnavailable)?;
        let first = channel.request(&op, &account, &self.stamp());
        if let Ok(Step::Done(Outcome::Opened { pay_text })) = &first {
            attempt.state = AttemptState::Open;
            attempt.pay_text.clone_from(pay_text);
            standing.order.pay_text.clone_from(pay_text);
        }
        Ok((op, first))
    }

    /// The upstream's order for an attempt.
    pub(crate) fn place_op(
        &self,
        order: &Order,
        attempt: &Attempt,
        (account, means): (&Account, &Means),
    ) -> Place {
        let base = &self.0.settings.public_url;
        let subject = if order.body.is_empty() { SUBJECT_DEFAULT } else { &order.body };
        Place {
            trade_no: attempt.trade_no(),
            product: attempt.product,
            amount: order.pay_amount(),
            subject: subject.to_owned(),
            notify_url: self.callback_url(order.mch_id, account),
            return_url: format!("{base}/pay/{}", crate::page::token(order)),
            expires_at: order.expires_at,
            payer_ip: order.payer_ip.clone(),
            openid: order.payer_openid.clone(),
            sub_appid: means.sub_appid.clone(),
            wallet: order.wallet.clone(),
            code: means.code.clone(),
        }
    }

    /// Where an upstream tells us what became of a merchant's orders and refunds.
    pub(crate) fn callback_url(&self, mch_id: MchId, account: &Account) -> String {
        let base = &self.0.settings.public_url;
        format!("{base}/callback/{}/{mch_id}/{}/{}", account.channel, account.id, account.version)
    }

    fn new_order(
        &self,
        caller: &Caller,
        call: PlaceCall,
        sign_form: Signing,
        route: &AccountRow,
    ) -> Order {
        let id = self.next_id();
        let created_at = self.now();
        let settings = &caller.app.settings;
        let info = call.product.info();
        let expires_at =
            call.expires_at.unwrap_or_else(|| created_at.plus_millis(EXPIRES_AFTER_MS));
        let provider = info
            .provider
            .or_else(|| call.code.as_ref().and_then(|code| Provider::of_code(code.expose())));
        let is_direct = provider.is_some();
        let is_named = !call.body.is_empty() || provider != Some(Provider::Wechat);
        Order {
            id,
            mch_id: caller.app.mch_id,
            app_id: caller.app.app_id,
            store_id: call.store_id,
            out_trade_no: call.out_trade_no.unwrap_or_else(|| id.sn().to_string()),
            product: call.product,
            state: if info.starts_acting { TradeState::UserPaying } else { TradeState::NotPay },
            rev: 0,
            currency: route.currency,
            total_fee: call.total_fee,
            discount: call.discount,
            fee_rule: caller.fee_rule,
            total_refund_fee: 0,
            body: if is_named { call.body } else { WECHAT_BODY_DEFAULT.to_owned() },
            attach: call.attach,
            detail: call.detail,
            notify_url: call.notify_url.unwrap_or_else(|| settings.notify_url.clone()),
            return_url: call.return_url.unwrap_or_default(),
            wallet: call.wallet,
            payer_ip: call.payer_ip.map_or_else(String::new, |ip| ip.to_string()),
            payer_openid: call.openid,
            sign_form,
            page_secret: random_hex::<16>(),
            provider,
            adapter: if is_direct { route.channel.clone() } else { String::new() },
            pay_text: String::new(),
            payment: None,
            created_at,
            expires_at,
            sweep_at: Some(expires_at),
            sweeps: 0,
        }
    }

    fn with_first_attempt(&self, mut order: Order, route: &AccountRow) -> Standing {
        let attempt = self.new_attempt(&order, order.product, (route.id, route.version), 1);
        order.sweep_at = next_sweep(&order, std::slice::from_ref(&attempt), &[], order.created_at);
        Standing { order, attempts: vec![attempt], refunds: Vec::new() }
    }

    /// An attempt that the upstream has not heard of.
    pub(crate) fn new_attempt(
        &self,
        order: &Order,
        product: Product,
        (account_id, account_version): (Id, i64),
        no: i64,
    ) -> Attempt {
        Attempt {
            order_id: order.id,
            mch_id: order.mch_id,
            no,
            product,
            account_id,
            account_version,
            state: AttemptState::Asking,
            rev: 0,
            pay_text: String::new(),
            transaction_id: String::new(),
            created_at: self.now(),
        }
    }
}

/// The batch that places an order, which also says so of the key that asked for it.
fn linked(batch: Batch, means: &Means, order: &Order) -> Batch {
    match &means.claim {
        Some(claim) => batch.and(request_keys::link(claim, order.id)),
        None => batch,
    }
}

/// What is kept of a payer's code.
fn digest(code: &Secret) -> String {
    legacy::sha256_hex(code.expose().as_bytes())
}

/// Whether the order asks its upstream when it is placed.
pub(crate) fn asks_at_once(order: &Order) -> bool {
    match order.product {
        Product::MixedQr => false,
        Product::WechatH5 => !order.payer_ip.is_empty(),
        Product::AlipayWap
        | Product::AlipayQr
        | Product::AlipayApp
        | Product::WechatQr
        | Product::WechatJsapi
        | Product::WechatApp
        | Product::WechatHkJsapi
        | Product::UnionpayLink
        | Product::UnionpayQr
        | Product::Micropay => true,
    }
}
