//! What the channels' tests share: a channel, its simulator, and a clock between them.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use kernel::id::{Id, MchId};
use kernel::money::{Currency, Money};
use kernel::order::Payment;
use kernel::product::Product;
use kernel::secret::Secret;
use kernel::time::Timestamp;

use crate::http::{HttpRequest, HttpResponse};
use crate::seal::base64;
use crate::sim::{CallbackFaultKind, OpFaultKind, OpKind, ScriptedFault, Served, Simulator};
use crate::tamper::{Free, Judge};
use crate::{
    Account, Callback, Channel, Doubt, Op, Outcome, Place, PrivateKey, Stamp, Step, Trade,
};

/// When tests begin.
pub(crate) const START: Timestamp = Timestamp::from_seconds(1_795_320_005);
/// How long an order lives.
pub(crate) const HALF_HOUR_MS: i64 = 30 * 60_000;
/// Our number of the order.
pub(crate) const TRADE_NO: &str = "1120261122120005000006553801";
/// What it costs, in minor units.
pub(crate) const TOTAL: i64 = 8888;
/// Requests that one operation may take, as the gateway counts them.
const STEPS_MAX: usize = 4;

/// A channel, its simulator and a clock between them.
pub(crate) struct Bench<S> {
    channel: &'static dyn Channel,
    pub(crate) account: Account,
    pub(crate) sim: S,
    pub(crate) now: Timestamp,
    draws: u64,
    /// How many requests the last operation sent.
    pub(crate) sent: usize,
    /// What the last order was placed for.
    pub(crate) product: Product,
    /// What the order was opened with, where operations need it.
    pub(crate) pay_text: String,
}

impl<S: Simulator> Bench<S> {
    pub(crate) fn of(channel: &'static dyn Channel, account: Account, sim: S) -> Self {
        let (product, pay_text) = (Product::AlipayQr, String::new());
        Self { channel, account, sim, now: START, draws: 0, sent: 0, product, pay_text }
    }

    pub(crate) fn stamp(&mut self) -> Stamp {
        self.draws += 1;
        Stamp { now: self.now, nonce: format!("{:032x}", self.draws * 0x9E37_79B9_7F4A) }
    }

    pub(crate) fn wait(&mut self, millis: i64) {
        self.now = self.now.plus_millis(millis);
    }

    /// Carries an operation out as the gateway does; an answer that comes late is a timeout.
    pub(crate) fn call(&mut self, op: &Op) -> Outcome {
        self.sent = 0;
        if let Op::Place(place) = op {
            self.product = place.product;
        }
        let stamp = self.stamp();
        let mut step = self.channel.request(op, &self.account, &stamp).unwrap();
        while self.sent < STEPS_MAX {
            let request = match step {
                Step::Done(outcome) => return outcome,
                Step::Send(request) => request,
            };
            self.sent += 1;
            let Served::Answer(answer) = self.serve(&request) else {
                return Outcome::Unknown(Doubt::Timeout);
            };
            let stamp = self.stamp();
            step = self.channel.response(op, &self.account, &answer, &stamp);
        }
        match step {
            Step::Done(outcome) => outcome,
            Step::Send(_) => Outcome::Unknown(Doubt::Unreadable("too many steps".into())),
        }
    }

    /// The answer to an operation's first request, unjudged.
    pub(crate) fn answer_to(&mut self, op: &Op) -> HttpResponse {
        let stamp = self.stamp();
        match self.channel.request(op, &self.account, &stamp).unwrap() {
            Step::Send(request) => self.send(&request),
            Step::Done(outcome) => panic!("{outcome:?}"),
        }
    }

    /// Whether no changed byte of the answer to `op` is believed; `free`: what is not signed.
    pub(crate) fn try_answer(&mut self, op: &Op, free: fn(&[u8]) -> Vec<Free>) {
        let answer = self.answer_to(op);
        let stamp = self.stamp();
        self.judge(free, &stamp).tries_answer(op, &answer);
    }

    /// Whether no changed byte of the callbacks that are due is believed.
    pub(crate) fn try_callbacks(&mut self, count: usize, free: fn(&[u8]) -> Vec<Free>) {
        let stamp = self.stamp();
        let due = self.sim.due_callbacks(&stamp);
        assert_eq!(due.len(), count);
        for callback in due {
            self.judge(free, &stamp).tries_callback(&callback.request);
        }
    }

    fn judge<'a>(&'a self, free: fn(&[u8]) -> Vec<Free>, stamp: &'a Stamp) -> Judge<'a> {
        Judge { channel: self.channel, account: &self.account, stamp, headers: &[], free }
    }

    pub(crate) fn serve(&mut self, request: &HttpRequest) -> Served {
        let stamp = self.stamp();
        self.sim.serve(request, &stamp)
    }

    /// The answer to a request that gets one.
    pub(crate) fn send(&mut self, request: &HttpRequest) -> HttpResponse {
        match self.serve(request) {
            Served::Answer(answer) => answer,
            other => panic!("{other:?}"),
        }
    }

    /// What a browser is shown.
    pub(crate) fn browse(&mut self, method: &str, url: &str, form: &str) -> HttpResponse {
        let (method, url, body) = (method.into(), url.into(), form.into());
        self.send(&HttpRequest { method, url, headers: Vec::new(), body })
    }

    pub(crate) fn pay(&mut self, fault: Option<CallbackFaultKind>) {
        let stamp = self.stamp();
        let paid = self.sim.pay(&TRADE_NO[..26], fault, &stamp).unwrap();
        assert_eq!((paid.trade_no.as_str(), paid.total), (TRADE_NO, TOTAL));
    }

    /// Delivers what is due to the channel, asks what must be confirmed, and answers as the gateway
    /// does. Whether it was confirmed comes with it.
    pub(crate) fn deliver_and_confirm(&mut self) -> Vec<(Callback, bool)> {
        let stamp = self.stamp();
        let mut heard = Vec::new();
        for due in self.sim.due_callbacks(&stamp) {
            assert!(due.request.url.starts_with("https://pay.example/callback"), "{due:?}");
            let callback = self.channel.callback(&self.account, &due.request, &stamp);
            let asked = self.channel.confirmation(&self.account, &due.request);
            let is_confirmed =
                asked.is_none_or(|asked| self.channel.is_confirmed(&self.send(&asked)));
            let is_taken = callback.facts.is_ok() && is_confirmed;
            let answer = if is_taken { &callback.ack } else { &callback.nack };
            self.sim.callback_answered(due.id, Some(answer), &stamp);
            heard.push((callback, is_confirmed));
        }
        heard
    }

    /// Delivers what is due to the channel, and answers as the gateway does.
    pub(crate) fn deliver(&mut self) -> Vec<Callback> {
        self.deliver_and_confirm().into_iter().map(|(callback, _)| callback).collect()
    }

    pub(crate) fn fail_once(&mut self, op: OpKind, kind: OpFaultKind) {
        self.sim.script(ScriptedFault { op, kind, times: 1 });
    }
}

/// An account with these settings; the others have their defaults.
pub(crate) fn account(
    channel: &dyn Channel,
    currency: Currency,
    settings: &[(&str, &str)],
) -> Account {
    let info = channel.info();
    let defaults = info.settings.iter().map(|one| (one.key.to_owned(), Secret::new(one.default)));
    let mut account = Account {
        id: Id(1),
        version: 1,
        mch_id: MchId(0),
        channel: info.name.to_owned(),
        currency,
        settings: defaults.collect(),
        upstream_keys: Vec::new(),
        private_key: PrivateKey::default(),
    };
    for (key, value) in settings {
        set(&mut account, key, value);
    }
    account
}

/// Changes a setting that the channel has.
pub(crate) fn set(account: &mut Account, key: &str, value: &str) {
    let setting = account.settings.iter_mut().find(|(name, _)| name == key).unwrap();
    setting.1 = Secret::new(value);
    account.private_key = PrivateKey::default();
}

/// A throw-away key pair as PEM, private and public.
pub(crate) fn key_pair() -> (String, String) {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let private = base64(AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).unwrap().as_ref());
    let public = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).unwrap();
    let pem = |name, text| format!("-----BEGIN {name}-----\n{text}\n-----END {name}-----\n");
    (pem("PRIVATE KEY", private), pem("PUBLIC KEY", base64(public.as_ref())))
}

/// The order; what a channel's tests want otherwise they change.
pub(crate) fn a_place(product: Product, currency: Currency) -> Place {
    Place {
        trade_no: TRADE_NO.into(),
        product,
        amount: Money::new(TOTAL, currency),
        subject: "测试 a&b=c <b>{\"}".into(),
        notify_url: "https://pay.example/callbacks/1".into(),
        return_url: "https://pay.example/pay/TOKEN?x=1".into(),
        expires_at: START.plus_millis(HALF_HOUR_MS),
        payer_ip: String::new(),
        openid: String::new(),
        sub_appid: String::new(),
        wallet: String::new(),
        code: None,
    }
}

/// The same order, as operations about it name it.
pub(crate) fn a_trade(product: Product, currency: Currency) -> Trade {
    Trade {
        trade_no: TRADE_NO.into(),
        product,
        amount: Money::new(TOTAL, currency),
        placed_at: START,
        pay_text: String::new(),
        transaction_id: String::new(),
    }
}

/// A stamp of the moment when tests begin.
pub(crate) fn a_stamp() -> Stamp {
    Stamp { now: START, nonce: "0".repeat(32) }
}

/// The outcome of a step that is the last.
pub(crate) fn done(step: Step) -> Outcome {
    match step {
        Step::Done(outcome) => outcome,
        Step::Send(request) => panic!("{request:?}"),
    }
}

pub(crate) fn text_of(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Opened { pay_text } => pay_text.clone(),
        other => panic!("{other:?}"),
    }
}

pub(crate) fn payment_of(outcome: &Outcome) -> Payment {
    match outcome {
        Outcome::Paid(payment) => payment.clone(),
        other => panic!("{other:?}"),
    }
}

pub(crate) fn is_unreadable(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Unknown(Doubt::Unreadable(_)))
}
