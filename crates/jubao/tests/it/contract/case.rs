//! One case: an order at a counter is brought to an operation, something goes wrong there, and then does
//! not any more.

use std::fmt;
use std::time::Duration;

use channels::sim::{CallbackFaultKind, OpFaultKind, OpKind};
use kernel::product::Product;
use serde_json::{Value, json};

use super::counter::Counter;
use super::judge;
use super::network::Fate;
use super::play::End;
use super::rates;
use super::world::{TOTAL_FEE, World};

/// After whatever went wrong does so no more, everything comes right within this (I15), in seconds.
pub const COMES_RIGHT_S: u64 = 300;
/// Between two looks at everything, in seconds.
const LOOK_S: u64 = 4;
/// Looks for guesses in one rest.
const LOOKS_MAX: u64 = 10;
/// After it came right it stays so, in seconds.
const STAYS_S: u64 = 10;
/// How often the merchant asks again while it goes wrong.
const ASKED_AGAIN: u64 = 3;
/// What is refunded of an order in part, in minor units.
const PART: i64 = 500;
/// How codes of the wallets begin: any of them is charged where an account takes it.
const CODES: [(&str, &str); 4] = [
    ("alipay", "2876543210123001"),
    ("wechat", "1312345678901001"),
    ("unionpay", "62123456789010010"),
    ("jeepay", "1312345678901001"),
];

/// What the merchant does with the order while something goes wrong.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Scene {
    /// It places it, and a payer pays.
    PlacedPaid,
    /// It places it, and nobody pays.
    PlacedUnpaid,
    /// It asks about an order whose payment nobody has told.
    QueriedPaid,
    /// It asks about an order that nobody has paid.
    QueriedUnpaid,
    /// It closes an order whose payment nobody has told.
    ClosedPaid,
    /// It closes an order that nobody has paid.
    ClosedUnpaid,
    /// It reverses a barcode order while its payer acts.
    ReversedActing,
    /// It reverses a barcode order that was charged behind a system error.
    ReversedPaid,
    /// It gives a part back.
    RefundedPart,
    /// It gives everything back.
    RefundedAll,
    /// It asks about a refund that nobody has answered.
    RefundQueried,
    /// It asks for exchange rates, beside an order that nobody has paid.
    RatesAsked,
}

impl Scene {
    /// The scenes in which an operation is asked for.
    pub fn of(op: OpKind) -> &'static [Self] {
        match op {
            OpKind::Place | OpKind::Keys => &[Self::PlacedPaid, Self::PlacedUnpaid],
            OpKind::Query => &[Self::QueriedPaid, Self::QueriedUnpaid],
            OpKind::Close => &[Self::ClosedPaid, Self::ClosedUnpaid],
            OpKind::Reverse => &[Self::ReversedActing, Self::ReversedPaid],
            OpKind::Refund => &[Self::RefundedPart, Self::RefundedAll],
            OpKind::QueryRefund => &[Self::RefundQueried],
            OpKind::Rates => &[Self::RatesAsked],
        }
    }

    /// Whether it is one of orders by a barcode alone.
    pub fn is_of_barcodes(self) -> bool {
        matches!(self, Self::ReversedActing | Self::ReversedPaid)
    }

    /// The last two digits of a payer's code: what the simulated payer does.
    fn code_end(self) -> &'static str {
        match self {
            Self::PlacedPaid | Self::RefundedPart | Self::RefundedAll | Self::RefundQueried => "00",
            Self::PlacedUnpaid => "03",
            Self::QueriedPaid | Self::ClosedPaid | Self::ReversedPaid => "05",
            Self::QueriedUnpaid | Self::ClosedUnpaid | Self::RatesAsked => "06",
            Self::ReversedActing => "01",
        }
    }
}

/// What goes wrong.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// An operation.
    Op(OpKind, OpFaultKind),
    /// An operation, and the question that follows it, by which its outcome could be known.
    Blind(OpKind, OpFaultKind),
    /// The callback of a payment, at the upstream.
    Callback(CallbackFaultKind),
    /// Every callback, on its way.
    OnTheWay(Fate),
}

/// For how long.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Spell {
    /// For one operation.
    Once,
    /// For so many minutes.
    Minutes(u64),
}

impl Spell {
    fn times(self) -> u32 {
        match self {
            Self::Once => 1,
            Self::Minutes(_) => u32::MAX,
        }
    }
}

/// One case.
#[derive(Copy, Clone)]
pub struct Case {
    pub counter: &'static Counter,
    pub product: Product,
    pub scene: Scene,
    pub trouble: Trouble,
    pub spell: Spell,
}

impl fmt::Display for Case {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { counter, product, scene, trouble, spell } = self;
        write!(out, "{} {product:?} {scene:?}: {trouble:?}, {spell:?}", counter.name)
    }
}

impl Case {
    /// Plays it. Needs a runtime whose time is paused.
    pub async fn play(self) -> End {
        let world = World::of(self.counter).await;
        let mut stage = Stage { case: self, world, sn: String::new(), end: End::default() };
        stage.begin().await;
        stage.happen().await;
        stage.endure().await;
        stage.heal();
        stage.come_right().await;
        stage.end
    }

    /// Begins with what goes wrong already while the order is placed.
    fn is_of_placing(&self) -> bool {
        matches!(self.scene, Scene::PlacedPaid | Scene::PlacedUnpaid)
    }
}

/// A case on its way.
struct Stage {
    case: Case,
    world: World,
    sn: String,
    end: End,
}

impl Stage {
    /// Brings the order to where the operation is asked for.
    async fn begin(&mut self) {
        if self.case.is_of_placing() {
            self.go_wrong();
        }
        let placed = self.call("/payment/pay", self.members()).await;
        let found = self.world.sn_of("C1").await;
        let Some(sn) = found else { panic!("not placed: {placed}") };
        self.sn = sn;
        self.compare(&placed);
        let is_barcode = self.case.product == Product::Micropay;
        match self.case.scene {
            Scene::PlacedPaid if !is_barcode => self.pay().await,
            Scene::QueriedPaid | Scene::ClosedPaid if !is_barcode => {
                self.world.upstream.fate(Fate::Lost);
                self.pay().await;
            }
            Scene::RefundedPart | Scene::RefundedAll | Scene::RefundQueried => {
                if !is_barcode {
                    self.pay().await;
                }
                self.rest(20).await;
                let state = self.world.order(&self.sn).await.state;
                assert_eq!(state.word(), "SUCCESS", "{}", self.case);
                if self.case.scene == Scene::RefundQueried {
                    self.world.upstream.script(OpKind::Refund, OpFaultKind::DroppedAfter, 1);
                    self.world.upstream.fate(Fate::Lost);
                    self.ask("/payment/refund", json!({ "out_refund_no": "R1" })).await;
                }
            }
            Scene::PlacedPaid
            | Scene::PlacedUnpaid
            | Scene::QueriedPaid
            | Scene::QueriedUnpaid
            | Scene::ClosedPaid
            | Scene::ClosedUnpaid
            | Scene::ReversedActing
            | Scene::ReversedPaid
            | Scene::RatesAsked => {}
        }
    }

    /// Something goes wrong, and the operation is asked for.
    async fn happen(&mut self) {
        if !self.case.is_of_placing() {
            self.go_wrong();
        }
        let part = json!({ "out_refund_no": "R1", "refund_fee": PART });
        match self.case.scene {
            Scene::PlacedPaid | Scene::PlacedUnpaid => {}
            Scene::QueriedPaid | Scene::QueriedUnpaid => self.ask("/order/query", json!({})).await,
            Scene::ClosedPaid | Scene::ClosedUnpaid => self.ask("/order/close", json!({})).await,
            Scene::ReversedActing | Scene::ReversedPaid => {
                self.ask("/order/reverse", json!({})).await;
            }
            Scene::RefundedPart => self.ask("/payment/refund", part).await,
            Scene::RefundedAll => {
                self.ask("/payment/refund", json!({ "out_refund_no": "R1" })).await;
            }
            Scene::RefundQueried => self.ask_refund().await,
            Scene::RatesAsked => self.ask_rates().await,
        }
    }

    /// Lets time pass in which it still goes wrong; the merchant asks again now and then.
    async fn endure(&mut self) {
        let Spell::Minutes(minutes) = self.case.spell else { return };
        for _ in 0..ASKED_AGAIN {
            self.rest(minutes * 60 / ASKED_AGAIN).await;
            self.ask("/order/query", json!({})).await;
            if matches!(
                self.case.scene,
                Scene::RefundedPart | Scene::RefundedAll | Scene::RefundQueried
            ) {
                self.ask_refund().await;
            }
        }
    }

    /// Nothing goes wrong any more: everything is right within five minutes, and stays so.
    async fn come_right(&mut self) {
        let mut wrongs = Vec::new();
        for look in 0..=COMES_RIGHT_S / LOOK_S {
            wrongs = self.world.differences(&self.sn).await;
            if wrongs.is_empty() {
                self.end.took_s = look * LOOK_S;
                break;
            }
            self.rest(LOOK_S).await;
        }
        self.end.wrongs.extend(wrongs);
        self.ask("/order/query", json!({})).await;
        if matches!(self.case.scene, Scene::ClosedUnpaid) {
            self.ask("/order/close", json!({})).await;
        }
        tokio::time::sleep(Duration::from_secs(STAYS_S)).await;
        self.end.wrongs.extend(self.world.differences(&self.sn).await);
        self.end.wrongs.dedup();
    }

    fn heal(&mut self) {
        self.end.has_met = match self.case.trouble {
            Trouble::Op(..) => {
                self.world.upstream.faults_left() < u64::from(self.case.spell.times())
            }
            Trouble::Blind(..) => self.world.upstream.faults_left() == 0,
            Trouble::Callback(_) | Trouble::OnTheWay(_) => false,
        };
        self.world.upstream.heal();
    }

    fn go_wrong(&self) {
        match self.case.trouble {
            Trouble::Op(op, kind) => {
                self.world.upstream.script(op, kind, self.case.spell.times());
            }
            Trouble::Blind(op, kind) => {
                let times = self.case.spell.times();
                self.world.upstream.script(op, kind, times);
                self.world.upstream.script(question(op), kind, times);
            }
            Trouble::Callback(_) => {}
            Trouble::OnTheWay(fate) => self.world.upstream.fate(fate),
        }
    }

    async fn pay(&mut self) {
        let fault = match self.case.trouble {
            Trouble::Callback(fault) => Some(fault),
            Trouble::Op(..) | Trouble::Blind(..) | Trouble::OnTheWay(_) => None,
        };
        let is_paid = self.world.pay(&self.sn, self.case.product, fault).await;
        assert!(is_paid || self.case.is_of_placing(), "not paid: {}", self.case);
    }

    /// Asks for rates, and compares them with none: they are right, or there are none.
    async fn ask_rates(&mut self) {
        let adapter = rates::adapter(self.case.counter);
        let answer = self.call("/exchangerate/fetch", json!({ "adapter": adapter })).await;
        self.end.wrongs.extend(rates::contradiction(&answer));
    }

    async fn ask_refund(&mut self) {
        self.ask("/order/refundquery", json!({ "out_refund_no": "R1" })).await;
    }

    /// Asks about the order, or for something, and compares the answer with the books.
    async fn ask(&mut self, address: &str, mut members: Value) {
        if address != "/order/refundquery" {
            members["sn"] = self.sn.clone().into();
        }
        let answer = self.call(address, members).await;
        self.compare(&answer);
    }

    async fn call(&self, address: &str, members: Value) -> Value {
        self.world.call(address, &members).await
    }

    fn compare(&mut self, answer: &Value) {
        let truth = self.world.scales(&self.sn).truth;
        self.end.wrongs.extend(judge::contradiction(answer, &truth));
    }

    /// Lets so many seconds pass, and looks for guesses.
    async fn rest(&mut self, seconds: u64) {
        let look_s = LOOK_S.max(seconds / LOOKS_MAX);
        for _ in 0..seconds.div_ceil(look_s) {
            tokio::time::sleep(Duration::from_secs(look_s)).await;
            if self.end.wrongs.is_empty() {
                self.end.wrongs.extend(self.world.scales(&self.sn).guesses().await);
            }
        }
    }

    /// The members of an order.
    fn members(&self) -> Value {
        let members = order("C1", self.case.product);
        let is_barcode = self.case.product == Product::Micropay;
        if is_barcode {
            shown(members, self.case.counter, self.case.scene.code_end())
        } else {
            members
        }
    }
}

/// The members of an order through `product`, as the merchant sends them.
pub fn order(number: &str, product: Product) -> Value {
    let mut members = json!({
        "pay_channel_id": product.info().channel_id, "total_fee": TOTAL_FEE,
        "out_trade_no": number, "notify_url": "https://shop.example/notify", "body": "明前龙井",
        "spbill_create_ip": "192.0.2.1",
    });
    if matches!(product, Product::WechatJsapi | Product::WechatHkJsapi) {
        members["sub_appid"] = "wx6f4b43d0a7c15e29".into();
        members["sub_openid"] = "oxoPW5SUhI5lMvZgkQb2yTt1".into();
    }
    members
}

/// The same with the code that a payer shows; its last two digits choose what they do.
pub fn shown(mut members: Value, counter: &Counter, end: &str) -> Value {
    let channel = counter.channel.trim_end_matches("_v2");
    let (_, begin) = CODES.iter().find(|(name, _)| *name == channel).unwrap();
    members["code"] = format!("{begin}{end}").into();
    members
}

/// By what the outcome of an operation is known that was not answered.
fn question(op: OpKind) -> OpKind {
    match op {
        OpKind::Refund | OpKind::QueryRefund => OpKind::QueryRefund,
        OpKind::Place | OpKind::Query | OpKind::Close | OpKind::Reverse => OpKind::Query,
        OpKind::Rates | OpKind::Keys => op,
    }
}
