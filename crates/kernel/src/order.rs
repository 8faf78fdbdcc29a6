//! An order and the attempts to be paid for it: plain data, as the store keeps it.

use crate::id::{AppId, Id, MchId, Sn};
use crate::ledger::FeeRule;
use crate::money::{Currency, Money};
use crate::product::{Product, Provider};
use crate::scheme::Signing;
use crate::state::TradeState;
use crate::time::Timestamp;

/// How the request that placed the order was signed; answers and notifications are signed the same
/// way (contract section 2).
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum SignForm {
    /// No `version` 2, and the text went through PHP's `utf8_encode`.
    Widened,
    /// No `version` 2, and the text was signed as plain UTF-8.
    Plain,
    /// `version` 2: plain UTF-8, and `version` is a member of every answer.
    Version2,
}

impl SignForm {
    /// Every form.
    pub const ALL: [Self; 3] = [Self::Widened, Self::Plain, Self::Version2];

    /// The store's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Widened => "widened",
            Self::Plain => "plain",
            Self::Version2 => "version2",
        }
    }

    /// Reads [`SignForm::word`].
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.word() == word)
    }
}

/// One order of a merchant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Order {
    /// Row id; `id` of the merchant API.
    pub id: Id,
    /// The merchant.
    pub mch_id: MchId,
    /// The application that placed it.
    pub app_id: AppId,
    /// The store it was placed for, or 0.
    pub store_id: i64,
    /// The merchant's own number, or our `sn` if it sent none. Unique per merchant.
    pub out_trade_no: String,
    /// The product asked for.
    pub product: Product,
    /// Where it stands.
    pub state: TradeState,
    /// Counts changes: every update names the revision that it read.
    pub rev: i64,
    /// Currency of every amount here.
    pub currency: Currency,
    /// The order's amount in minor units.
    pub total_fee: i64,
    /// What the merchant takes off; below `total_fee`.
    pub discount: i64,
    /// The fee rule in force when it was placed.
    pub fee_rule: FeeRule,
    /// Refunded so far, in minor units.
    pub total_refund_fee: i64,
    /// What is bought, as payers see it.
    pub body: String,
    /// The merchant's own text, given back unchanged.
    pub attach: String,
    /// JSON text of the goods, or empty.
    pub detail: String,
    /// Where notifications go; empty: nowhere.
    pub notify_url: String,
    /// Where the payer goes back to; empty: nowhere.
    pub return_url: String,
    /// `CN`, `HK` or empty.
    pub wallet: String,
    /// The payer's address as the merchant told us, or empty.
    pub payer_ip: String,
    /// The payer at the wallet as the merchant told us (`sub_openid`), or empty.
    pub payer_openid: String,
    /// How its request was signed.
    pub sign_form: Signing,
    /// 128 random bits in hex; with the ids it opens the payer's page.
    pub page_secret: String,
    /// Who took the money, or will: `None` for a mixed QR until a wallet has paid.
    pub provider: Option<Provider>,
    /// The connector (channel name) that the upstream was asked through; empty until one was.
    pub adapter: String,
    /// Text to draw as QR, or page to open, as the upstream gave it; empty if there is none.
    pub pay_text: String,
    /// Facts of the payment, once paid.
    pub payment: Option<Payment>,
    /// When it was placed.
    pub created_at: Timestamp,
    /// When it stops waiting.
    pub expires_at: Timestamp,
    /// When the sweeper looks at it next; `None`: nothing about it is in doubt.
    pub sweep_at: Option<Timestamp>,
    /// How often the sweeper has looked.
    pub sweeps: i64,
}

impl Order {
    /// What is charged: `total_fee − discount`.
    pub fn pay_amount(&self) -> Money {
        Money::new(self.total_fee - self.discount, self.currency)
    }

    /// The order's number as merchants see it.
    pub fn sn(&self) -> Sn {
        self.id.sn()
    }

    /// What stays of the payment when all refunds that were asked for are done.
    pub fn stays(&self) -> Money {
        Money::new(self.pay_amount().minor - self.total_refund_fee, self.currency)
    }

    /// What can still be refunded, in minor units.
    pub fn refundable(&self) -> i64 {
        if self.state == TradeState::Success { self.stays().minor } else { 0 }
    }
}

/// What an upstream said about a payment that it took.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Payment {
    /// The wallet.
    pub provider: Provider,
    /// The upstream's own number.
    pub transaction_id: String,
    /// What the order cost, as the upstream has it: must equal `pay_amount`.
    pub amount: Money,
    /// What the payer paid in their currency (`cash_fee`); equals `amount` if the upstream is silent.
    pub cash: Money,
    /// The bank, in the upstream's code, or empty.
    pub bank_type: String,
    /// The payer at the upstream, or empty.
    pub openid: String,
    /// When it was paid, by the upstream's clock.
    pub paid_at: Timestamp,
}

/// One time an upstream is asked to take an order's money.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attempt {
    /// The order.
    pub order_id: Id,
    /// The order's merchant.
    pub mch_id: MchId,
    /// 1, 2, … within the order.
    pub no: i64,
    /// The product that this attempt uses: a mixed QR continues with a wallet's own product.
    pub product: Product,
    /// The upstream account.
    pub account_id: Id,
    /// The version of that account's credentials.
    pub account_version: i64,
    /// Where it stands.
    pub state: AttemptState,
    /// Counts changes.
    pub rev: i64,
    /// Text to draw as QR, or page to open; empty until the upstream gave one.
    pub pay_text: String,
    /// The upstream's number of its payment; empty until it is paid.
    pub transaction_id: String,
    /// When the upstream was first asked.
    pub created_at: Timestamp,
}

/// Digits that an attempt's number adds to the order's `sn`.
const ATTEMPT_DIGITS: usize = 2;
/// Attempts that one order can have.
pub const ATTEMPTS_MAX: i64 = 99;

impl Attempt {
    /// The order number at the upstream: the `sn` and the attempt's number in two digits (28 digits,
    /// which every upstream accepts). Never used twice.
    pub fn trade_no(&self) -> String {
        format!("{}{:0ATTEMPT_DIGITS$}", self.order_id.sn(), self.no)
    }
}

/// Takes an upstream's order number apart: the order and the attempt's number.
pub fn parse_trade_no(text: &str) -> Option<(Id, i64)> {
    let sn = Sn::parse(text.get(..Sn::LENGTH)?)?;
    let digits = text.get(Sn::LENGTH..)?;
    let is_shaped = digits.len() == ATTEMPT_DIGITS && digits.bytes().all(|b| b.is_ascii_digit());
    let no = digits.parse::<i64>().ok().filter(|no| is_shaped && *no >= 1)?;
    Some((sn.id(), no))
}

/// Where an attempt stands.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum AttemptState {
    /// Written; the upstream was asked or is about to be, and has not answered definitely.
    Asking,
    /// The upstream holds it; the payer may pay.
    Open,
    /// The upstream refused it; nothing can be paid through it.
    Refused,
    /// Closed at the upstream.
    Closed,
    /// Paid, and it is the order's payment.
    Paid,
    /// Paid, though the order does not want it: late, or a second time. It has a refund of its own.
    Surplus,
}

impl AttemptState {
    /// Every state.
    pub const ALL: [Self; 6] =
        [Self::Asking, Self::Open, Self::Refused, Self::Closed, Self::Paid, Self::Surplus];

    /// The store's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Asking => "asking",
            Self::Open => "open",
            Self::Refused => "refused",
            Self::Closed => "closed",
            Self::Paid => "paid",
            Self::Surplus => "surplus",
        }
    }

    /// Reads [`AttemptState::word`].
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// Whether money may still come through it.
    pub fn is_live(self) -> bool {
        matches!(self, Self::Asking | Self::Open)
    }

    /// Whether it is over, and no money is known to have come through it.
    pub fn has_ended_unpaid(self) -> bool {
        matches!(self, Self::Refused | Self::Closed)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A fresh order of 100.00 for the tests of this crate.
    pub(crate) fn an_order() -> Order {
        Order {
            id: Id::from_parts(1_795_320_005, 0, 7).unwrap(),
            mch_id: MchId(10_502_105_689_001),
            app_id: AppId(1_000_258),
            store_id: 0,
            out_trade_no: "T1".into(),
            product: Product::MixedQr,
            state: TradeState::NotPay,
            rev: 0,
            currency: Currency::Cny,
            total_fee: 10_000,
            discount: 0,
            fee_rule: FeeRule { rate_ppm: 6_000 },
            total_refund_fee: 0,
            body: String::new(),
            attach: String::new(),
            detail: String::new(),
            notify_url: String::new(),
            return_url: String::new(),
            wallet: String::new(),
            payer_ip: String::new(),
            payer_openid: String::new(),
            sign_form: SignForm::Plain.into(),
            page_secret: String::new(),
            provider: None,
            adapter: String::new(),
            pay_text: String::new(),
            payment: None,
            created_at: Timestamp::from_seconds(1_795_320_005),
            expires_at: Timestamp::from_seconds(1_795_321_805),
            sweep_at: None,
            sweeps: 0,
        }
    }

    #[test]
    fn an_upstream_number_names_order_and_attempt() {
        let id = Id::from_parts(1_795_320_005, 0, 7).unwrap();
        let number = format!("{}03", id.sn());
        assert_eq!(parse_trade_no(&number), Some((id, 3)));
        for wrong in [&number[..26], &number[..27], "x", &format!("{}00", id.sn())] {
            assert_eq!(parse_trade_no(wrong), None, "{wrong}");
        }
        assert_eq!(parse_trade_no(&format!("{}+3", id.sn())), None);
    }

    #[test]
    fn words_are_read_back() {
        for state in AttemptState::ALL {
            assert_eq!(AttemptState::from_word(state.word()), Some(state));
        }
        for form in SignForm::ALL {
            assert_eq!(SignForm::from_word(form.word()), Some(form));
        }
    }
}
