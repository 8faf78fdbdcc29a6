//! The books: lines are added with the change of the order that caused them, and never changed or
//! deleted; a correction is a new posting.

use kernel::id::{Id, MchId};
use kernel::ledger::{Book, Entry};
use kernel::money::{Currency, Money};
use kernel::time::Timestamp;

use crate::batch::{Row, Statement};
use crate::{Store, StoreError};

/// Adds a line of a posting.
pub(crate) const INSERT: &str = "insert into ledger_entries
(mch_id, order_id, posting_id, line, kind, book, currency, amount, business_date, at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

/// An order's lines, as they were written.
const OF_ORDER: &str = "select posting_id, line, kind, book, currency, amount, business_date, at
from ledger_entries where mch_id = $1 and order_id = $2 order by at, posting_id, line";

/// What stands in each book. The sum over a currency's books is 0 at every committed instant.
const TOTALS: &str = "select book, currency, cast(sum(amount) as bigint) from ledger_entries
group by book, currency order by currency, book";

/// A line as it stands in the books.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LedgerRow {
    /// The batch that wrote it: lines of one posting balance.
    pub posting_id: i64,
    /// 1, 2, … within the posting.
    pub line: i64,
    /// The event that moved the money.
    pub kind: String,
    /// The book and the amount.
    pub entry: Entry,
    /// `yyyy-MM-dd` in UTC+8.
    pub business_date: String,
    /// When it was written.
    pub at: Timestamp,
}

/// What stands in a book in one currency.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Total {
    /// The book.
    pub book: Book,
    /// Debits less credits.
    pub amount: Money,
}

/// What all lines of one posting share.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Posting<'a> {
    pub(crate) mch_id: MchId,
    pub(crate) order_id: Id,
    pub(crate) id: i64,
    pub(crate) kind: &'a str,
    pub(crate) at: Timestamp,
}

/// The order's lines, the oldest first.
///
/// # Errors
/// See [`StoreError`].
pub async fn of_order(
    store: &Store,
    mch_id: MchId,
    order_id: Id,
) -> Result<Vec<LedgerRow>, StoreError> {
    store.rows(OF_ORDER, vec![mch_id.into(), order_id.into()], read).await
}

/// What stands in each book, by currency.
///
/// # Errors
/// See [`StoreError`].
pub async fn totals(store: &Store) -> Result<Vec<Total>, StoreError> {
    store.rows(TOTALS, Vec::new(), read_total).await
}

/// One statement for each of `entries`.
pub(crate) fn insert(posting: Posting<'_>, entries: &[Entry]) -> impl Iterator<Item = Statement> {
    let business_date = posting.at.business_date();
    (1..).zip(entries).map(move |(line, entry): (i64, _)| {
        let values = vec![
            posting.mch_id.into(),
            posting.order_id.into(),
            posting.id.into(),
            line.into(),
            posting.kind.to_owned().into(),
            entry.book.word().into(),
            entry.amount.currency.code().into(),
            entry.amount.minor.into(),
            (&business_date).into(),
            posting.at.into(),
        ];
        Statement::of_one_row(INSERT, values)
    })
}

pub(crate) fn read(row: &mut Row) -> Result<LedgerRow, StoreError> {
    Ok(LedgerRow {
        posting_id: row.int()?,
        line: row.int()?,
        kind: row.text()?,
        entry: read_entry(row)?,
        business_date: row.text()?,
        at: row.time()?,
    })
}

fn read_entry(row: &mut Row) -> Result<Entry, StoreError> {
    let book = row.word(Book::from_word)?;
    let currency = row.word(Currency::from_code)?;
    Ok(Entry { book, amount: Money::new(row.int()?, currency) })
}

fn read_total(row: &mut Row) -> Result<Total, StoreError> {
    let Entry { book, amount } = read_entry(row)?;
    Ok(Total { book, amount })
}
