//! Money: an integer of minor units with its currency. No floats, checked arithmetic.

use std::fmt;

/// A currency that an account can be settled in (merchant-facing names are ISO 4217 letters).
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum Currency {
    /// Renminbi.
    Cny,
    /// Hong Kong dollar.
    Hkd,
    /// Australian dollar.
    Aud,
}

impl Currency {
    /// Every currency, in the order that documents list them.
    pub const ALL: [Self; 3] = [Self::Cny, Self::Hkd, Self::Aud];

    /// ISO 4217 alphabetic code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Cny => "CNY",
            Self::Hkd => "HKD",
            Self::Aud => "AUD",
        }
    }

    /// Reads an alphabetic code; only the exact capital form counts.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|currency| currency.code() == code)
    }

    /// Decimal places of the minor unit. All three have two.
    pub fn exponent(self) -> u32 {
        match self {
            Self::Cny | Self::Hkd | Self::Aud => 2,
        }
    }
}

/// An amount in minor units (fen, cents) of one currency.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub struct Money {
    /// Minor units; negative only in corrections of the ledger.
    pub minor: i64,
    /// What they are units of.
    pub currency: Currency,
}

impl Money {
    /// `minor` units of `currency`.
    pub fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// The sum, unless the currencies differ or it overflows.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        if self.currency != other.currency {
            return None;
        }
        Some(Self::new(self.minor.checked_add(other.minor)?, self.currency))
    }

    /// The difference, unless the currencies differ or it overflows.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        if self.currency != other.currency {
            return None;
        }
        Some(Self::new(self.minor.checked_sub(other.minor)?, self.currency))
    }

    /// Major units with all decimal places, as Alipay's API writes amounts: `88.88`, `0.01`.
    pub fn decimal(self) -> String {
        let digits = self.currency.exponent() as usize;
        let sign = if self.minor < 0 { "-" } else { "" };
        let text = format!("{:0width$}", self.minor.unsigned_abs(), width = digits + 1);
        let (major, minor) = text.split_at(text.len() - digits);
        format!("{sign}{major}.{minor}")
    }

    /// Reads what [`Money::decimal`] writes, with at most the currency's decimal places and at
    /// least one digit before the point. No sign, no exponent, no spaces: those give `None`.
    pub fn from_decimal(text: &str, currency: Currency) -> Option<Self> {
        let (major, minor) = text.split_once('.').unwrap_or((text, ""));
        let places = currency.exponent() as usize;
        let is_plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let has_point_without_digits = text.contains('.') && minor.is_empty();
        if major.is_empty() || has_point_without_digits || !is_plain(major) || !is_plain(minor) {
            return None;
        }
        if minor.len() > places {
            return None;
        }
        let scale = 10_i64.checked_pow(currency.exponent())?;
        let minor_units = format!("{minor:0<places$}").parse::<i64>().ok()?;
        let total = major.parse::<i64>().ok()?.checked_mul(scale)?.checked_add(minor_units)?;
        Some(Self::new(total, currency))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.decimal(), self.currency.code())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decimal(minor: i64, expect: &str) {
        let money = Money::new(minor, Currency::Cny);
        assert_eq!(money.decimal(), expect);
        if minor >= 0 {
            assert_eq!(Money::from_decimal(expect, Currency::Cny), Some(money));
        }
    }

    #[test]
    fn decimals_have_two_places() {
        decimal(0, "0.00");
        decimal(1, "0.01");
        decimal(10, "0.10");
        decimal(8888, "88.88");
        decimal(-5, "-0.05");
    }

    #[test]
    fn what_is_not_a_plain_decimal_is_refused() {
        for text in ["", ".", "1.", ".5", "1.234", "+1", "-1", "1e3", " 1", "１", "1,0", "0x1"] {
            assert_eq!(Money::from_decimal(text, Currency::Cny), None, "{text:?}");
        }
    }

    #[test]
    fn currencies_do_not_mix() {
        let (cny, hkd) = (Money::new(1, Currency::Cny), Money::new(1, Currency::Hkd));
        assert_eq!(cny.checked_add(hkd), None);
        assert_eq!(cny.checked_sub(hkd), None);
        assert_eq!(Money::new(i64::MAX, Currency::Cny).checked_add(cny), None);
    }

    proptest! {
        #[test]
        fn reading_undoes_writing(minor in 0..=i64::MAX) {
            let money = Money::new(minor, Currency::Hkd);
            prop_assert_eq!(Money::from_decimal(&money.decimal(), Currency::Hkd), Some(money));
        }
    }
}
