//! Double-entry postings. Every movement of money is a set of entries whose debits equal its
//! credits, in one currency; entries are never changed, corrections are new entries.

use crate::defect::{self, Defect};
use crate::money::Money;

/// Where money stands.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Book {
    /// What an upstream owes us (asset).
    ChannelReceivable,
    /// What we owe the merchant (liability).
    MerchantPayable,
    /// What we earned (income).
    FeeIncome,
    /// Money that no order wants, to be given back to the payer (liability).
    RefundDue,
}

impl Book {
    /// Every book.
    pub const ALL: [Self; 4] =
        [Self::ChannelReceivable, Self::MerchantPayable, Self::FeeIncome, Self::RefundDue];

    /// The store's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::ChannelReceivable => "channel_receivable",
            Self::MerchantPayable => "merchant_payable",
            Self::FeeIncome => "fee_income",
            Self::RefundDue => "refund_due",
        }
    }

    /// Reads [`Book::word`].
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|book| book.word() == word)
    }
}

/// One line of a posting: a positive amount is a debit, a negative one a credit.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The book.
    pub book: Book,
    /// Debit (+) or credit (−), never zero.
    pub amount: Money,
}

/// What a merchant pays for a payment: a share of the amount.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub struct FeeRule {
    /// Millionths of the amount: 6,000 is 0.6 %.
    pub rate_ppm: i64,
}

/// The whole of the amount, in millionths.
pub const RATE_PPM_MAX: i64 = 1_000_000;

impl FeeRule {
    /// The fee on `amount`, rounded half up to the minor unit (四舍五入): the one rounding rule. It is
    /// rounded once, at the payment; `fee + net = gross` always.
    pub fn fee(self, amount: Money) -> Money {
        let rate = i128::from(self.rate_ppm.clamp(0, RATE_PPM_MAX));
        let whole = i128::from(RATE_PPM_MAX);
        let exact = i128::from(amount.minor) * rate;
        let rounded = if defect::is_seeded(Defect::FeeRoundedTwice) {
            ((exact + whole / 20) / (whole / 10) + 5) / 10
        } else {
            (exact + whole / 2) / whole
        };
        // At most the amount itself, since the rate is at most the whole: it fits.
        Money::new(i64::try_from(rounded).unwrap_or(amount.minor), amount.currency)
    }
}

/// The posting of an order's payment: the upstream owes us the gross; we owe the merchant the net
/// and keep the fee.
pub fn payment(amount: Money, rule: FeeRule) -> Vec<Entry> {
    let fee = rule.fee(amount);
    let net = amount.minor - fee.minor;
    posting(
        [
            (Book::ChannelReceivable, amount.minor),
            (Book::MerchantPayable, -net),
            (Book::FeeIncome, -fee.minor),
        ],
        amount,
    )
}

/// The posting of money that no order wants: the upstream owes it to us, we owe it to the payer.
pub fn surplus(amount: Money) -> Vec<Entry> {
    posting([(Book::ChannelReceivable, amount.minor), (Book::RefundDue, -amount.minor)], amount)
}

/// The posting of a refund that is reserved: what we owe the merchant becomes due to the payer. The fee
/// goes back in the share that keeps it at the rule's fee on what stays: it is never rounded twice,
/// and a refund in full gives all of it back.
pub fn reserved(stays_before: Money, amount: Money, rule: FeeRule) -> Vec<Entry> {
    let stays = Money::new(stays_before.minor - amount.minor, amount.currency);
    let fee_back = rule.fee(stays_before).minor - rule.fee(stays).minor;
    posting(
        [
            (Book::MerchantPayable, amount.minor - fee_back),
            (Book::FeeIncome, fee_back),
            (Book::RefundDue, -amount.minor),
        ],
        amount,
    )
}

/// The posting of a refund that will not be done: [`reserved`], taken back. `stays` is what stays of
/// the payment while it is still reserved.
pub fn released(stays: Money, amount: Money, rule: FeeRule) -> Vec<Entry> {
    let stays_after = Money::new(stays.minor + amount.minor, amount.currency);
    reversed(&reserved(stays_after, amount, rule))
}

/// The posting of money that went back to the payer.
pub fn refunded(amount: Money) -> Vec<Entry> {
    posting([(Book::RefundDue, amount.minor), (Book::ChannelReceivable, -amount.minor)], amount)
}

/// The correction that takes `entries` back: the same lines with the signs turned.
pub fn reversed(entries: &[Entry]) -> Vec<Entry> {
    let turned = |entry: &Entry| Entry {
        book: entry.book,
        amount: Money::new(-entry.amount.minor, entry.amount.currency),
    };
    entries.iter().map(turned).collect()
}

/// Whether debits equal credits in every currency.
pub fn is_balanced(entries: &[Entry]) -> bool {
    crate::money::Currency::ALL.into_iter().all(|currency| {
        let in_currency = entries.iter().filter(|entry| entry.amount.currency == currency);
        in_currency.map(|entry| i128::from(entry.amount.minor)).sum::<i128>() == 0
    })
}

fn posting<const N: usize>(lines: [(Book, i64); N], like: Money) -> Vec<Entry> {
    let entries: Vec<Entry> = lines
        .into_iter()
        .filter(|(_, minor)| *minor != 0)
        .map(|(book, minor)| Entry { book, amount: Money::new(minor, like.currency) })
        .collect();
    assert!(is_balanced(&entries), "a posting of ours must balance");
    entries
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::money::Currency;

    fn fee(minor: i64, rate_ppm: i64, expect: i64) {
        let amount = Money::new(minor, Currency::Cny);
        assert_eq!(FeeRule { rate_ppm }.fee(amount).minor, expect, "{minor} at {rate_ppm}");
    }

    #[test]
    fn fees_round_half_up() {
        fee(10_000, 6_000, 60);
        fee(83, 6_000, 0);
        fee(84, 6_000, 1);
        fee(1, 500_000, 1);
        fee(1, 499_999, 0);
        fee(7, RATE_PPM_MAX, 7);
        fee(7, 0, 0);
    }

    proptest! {
        #[test]
        fn after_any_refunds_the_fee_is_that_of_what_stays(
            minor in 1..10_000_000_i64, rate_ppm in 0..=RATE_PPM_MAX,
            steps in proptest::collection::vec((any::<bool>(), 1..10_000_000_i64), 0..20)
        ) {
            let rule = FeeRule { rate_ppm };
            let gross = Money::new(minor, Currency::Cny);
            let mut entries = payment(gross, rule);
            let mut reserves: Vec<i64> = Vec::new();
            for (is_release, wish) in steps {
                let stays = Money::new(minor - reserves.iter().sum::<i64>(), Currency::Cny);
                if is_release && !reserves.is_empty() {
                    let at = usize::try_from(wish).unwrap() % reserves.len();
                    let amount = Money::new(reserves.swap_remove(at), Currency::Cny);
                    entries.extend(released(stays, amount, rule));
                } else if stays.minor > 0 {
                    let amount = Money::new(1 + wish % stays.minor, Currency::Cny);
                    reserves.push(amount.minor);
                    entries.extend(reserved(stays, amount, rule));
                }
                prop_assert!(is_balanced(&entries));
            }
            let stays = Money::new(minor - reserves.iter().sum::<i64>(), Currency::Cny);
            let in_book = |book| -> i64 {
                entries.iter().filter(|entry| entry.book == book).map(|e| e.amount.minor).sum()
            };
            prop_assert_eq!(-in_book(Book::FeeIncome), rule.fee(stays).minor);
            prop_assert_eq!(-in_book(Book::RefundDue), minor - stays.minor);
            prop_assert_eq!(-in_book(Book::MerchantPayable), stays.minor - rule.fee(stays).minor);
        }

        #[test]
        fn every_posting_balances(minor in 1..i64::MAX, rate_ppm in 0..=RATE_PPM_MAX) {
            let amount = Money::new(minor, Currency::Hkd);
            let rule = FeeRule { rate_ppm };
            let entries = payment(amount, rule);
            prop_assert!(is_balanced(&entries) && is_balanced(&surplus(amount)));
            let credited: i64 = entries.iter().map(|e| e.amount.minor.min(0)).sum();
            prop_assert_eq!(-credited, minor);
            prop_assert!((0..=minor).contains(&rule.fee(amount).minor));
        }
    }
}
