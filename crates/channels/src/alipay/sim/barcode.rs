//! Barcodes at the simulated Alipay (manual: alipay.trade.pay). A code is good for one attempt, and
//! its last two digits say what comes of it.

use crate::Stamp;
use crate::alipay::sim::books::{Books, SubCode};
use crate::alipay::sim::trade::{Order, Status};

/// How long the payer takes to confirm.
const ACTS_AFTER_MS: i64 = 8_000;

/// What a charge came to.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Charged {
    /// Paid at once.
    Paid,
    /// The payer has to confirm.
    Acting,
    /// Paid, but nobody is told.
    Unanswered,
}

/// What the payer, or Alipay, does with a code.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Fate {
    Pays,
    Confirms,
    TurnsAway,
    IsPoor,
    Expired,
    PaysInError,
    Error,
    PaysUnanswered,
}

impl Fate {
    fn of(code: &str) -> Self {
        match &code[code.len().saturating_sub(2)..] {
            "01" => Self::Confirms,
            "02" => Self::TurnsAway,
            "03" => Self::IsPoor,
            "04" => Self::Expired,
            "05" => Self::PaysInError,
            "06" => Self::Error,
            "07" => Self::PaysUnanswered,
            _ => Self::Pays,
        }
    }
}

impl Books {
    /// Charges the payer who shows `code`.
    ///
    /// # Errors
    /// The order stands already, or the code is not good, in Alipay's words.
    pub(super) fn charge(
        &mut self,
        order: Order,
        code: &str,
        stamp: &Stamp,
    ) -> Result<Charged, SubCode> {
        match self.standing(&order)?.map(|trade| trade.status) {
            None => {}
            Some(Status::Coded) => return Err("ACQ.CONTEXT_INCONSISTENT"),
            Some(Status::WaitBuyerPay | Status::Success | Status::Closed) => {
                return Ok(Charged::Acting);
            }
        }
        if !is_code(code) || !self.codes.insert(code.to_owned()) {
            return Err("ACQ.PAYMENT_AUTH_CODE_INVALID");
        }
        let key = order.key();
        match Fate::of(code) {
            Fate::IsPoor => Err("ACQ.BUYER_BALANCE_NOT_ENOUGH"),
            Fate::Expired => Err("ACQ.PAYMENT_AUTH_CODE_INVALID"),
            Fate::Error => Err("ACQ.SYSTEM_ERROR"),
            Fate::TurnsAway => self.open_page(order, stamp).map(|_| Charged::Acting),
            Fate::Confirms => {
                self.open_page(order, stamp)?;
                self.confirm_at(&key, stamp.now.plus_millis(ACTS_AFTER_MS));
                Ok(Charged::Acting)
            }
            Fate::Pays => self.take(order, stamp).map(|()| Charged::Paid),
            Fate::PaysUnanswered => self.take(order, stamp).map(|()| Charged::Unanswered),
            Fate::PaysInError => {
                self.take(order, stamp)?;
                Err("ACQ.SYSTEM_ERROR")
            }
        }
    }

    fn take(&mut self, order: Order, stamp: &Stamp) -> Result<(), SubCode> {
        let key = order.key();
        self.open_page(order, stamp)?;
        self.pay(&key, None, stamp)
    }
}

/// Whether a text has the form of a barcode of Alipay: 16 to 24 digits that begin with 25 to 30.
fn is_code(text: &str) -> bool {
    let is_of_alipay = text.get(..2).is_some_and(|start| ("25"..="30").contains(&start));
    (16..=24).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && is_of_alipay
}
