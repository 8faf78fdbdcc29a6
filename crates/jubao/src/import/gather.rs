//! From rows to merchants: the rows of one merchant belong together, and must not contradict each
//! other. A merchant with a bad row is left out whole.

use std::collections::{HashMap, HashSet};

use gateway::move_in::MovingMerchant;
use kernel::id::{AppId, MchId};

use super::columns::{Row, understand};
use super::{RawRow, Remark};

/// The merchants of a file in the order of their first rows, and what is wrong with other rows.
pub(crate) struct Gathered {
    /// Merchants without a bad row.
    pub(crate) merchants: Vec<FileMerchant>,
    /// What is wrong, by line.
    pub(crate) bad: Vec<Remark>,
}

/// A merchant with where it stands in the file.
pub(crate) struct FileMerchant {
    /// What is to move in.
    pub(crate) moving: MovingMerchant,
    /// The line of each application.
    lines: Vec<u64>,
}

impl FileMerchant {
    /// Its first line.
    pub(crate) fn line(&self) -> u64 {
        self.lines.first().copied().unwrap_or_default()
    }

    /// The line of one of its applications, or its first.
    pub(crate) fn line_of(&self, app_id: Option<AppId>) -> u64 {
        let mut both = self.moving.applications.iter().zip(&self.lines);
        let found = both.find(|(one, _)| Some(one.app_id) == app_id);
        found.map_or_else(|| self.line(), |(_, line)| *line)
    }
}

/// Gathers the rows of a file.
pub(crate) fn gather(rows: Vec<RawRow>) -> Gathered {
    let mut gathering = Gathering::default();
    for mut raw in rows {
        gathering.spoiled.extend(std::mem::take(&mut raw.may_be_of));
        match understand(raw) {
            (_, Ok(row)) => gathering.take(row),
            (mch_id, Err(remarks)) => {
                gathering.spoiled.extend(mch_id);
                gathering.bad.extend(remarks);
            }
        }
    }
    let Gathering { mut merchants, mut bad, spoiled, .. } = gathering;
    merchants.retain(|merchant| !spoiled.contains(&merchant.moving.mch_id));
    bad.sort();
    Gathered { merchants, bad }
}

#[derive(Default)]
struct Gathering {
    merchants: Vec<FileMerchant>,
    places: HashMap<MchId, usize>,
    app_lines: HashMap<AppId, u64>,
    bad: Vec<Remark>,
    spoiled: HashSet<MchId>,
}

impl Gathering {
    fn take(&mut self, row: Row) {
        let (line, mch_id) = (row.line, row.mch_id);
        if let Some(before) = self.app_lines.insert(row.application.app_id, line) {
            self.refuse((line, mch_id), "appid", format!("line {before} has it already"));
            return;
        }
        match self.places.get(&mch_id) {
            Some(at) => {
                let contradiction = merge(&mut self.merchants[*at], row);
                if let Some((column, text)) = contradiction {
                    self.refuse((line, mch_id), column, text);
                }
            }
            None => {
                self.places.insert(mch_id, self.merchants.len());
                self.merchants.push(first(row));
            }
        }
    }

    fn refuse(&mut self, (line, mch_id): (u64, MchId), column: &str, text: String) {
        self.spoiled.insert(mch_id);
        self.bad.push(Remark { line, column: column.to_owned(), text });
    }
}

fn first(row: Row) -> FileMerchant {
    let moving = MovingMerchant {
        mch_id: row.mch_id,
        name: row.name,
        is_enabled: row.is_enabled,
        fee_rate_ppm: row.fee_rate_ppm,
        shops: row.shops,
        applications: vec![row.application],
    };
    FileMerchant { moving, lines: vec![row.line] }
}

/// Adds another row of the same merchant; what it contradicts is given back.
fn merge(merchant: &mut FileMerchant, row: Row) -> Option<(&'static str, String)> {
    let before = merchant.line();
    let says = |column| Some((column, format!("line {before} says otherwise of this merchant")));
    let moving = &mut merchant.moving;
    if !agree(&mut moving.name, row.name) {
        return says("name");
    }
    if !agree(&mut moving.fee_rate_ppm, row.fee_rate_ppm) {
        return says("fee_ppm");
    }
    if !agree(&mut moving.is_enabled, row.is_enabled) {
        return says("enabled");
    }
    if row.application.is_default && moving.applications.iter().any(|one| one.is_default) {
        return Some(("default", "another row of this merchant says so".into()));
    }
    for shop in row.shops {
        match moving.shops.iter().find(|one| one.store_id == shop.store_id) {
            Some(one) if one.name != shop.name => return says("stores"),
            Some(_) => {}
            None => moving.shops.push(shop),
        }
    }
    moving.applications.push(row.application);
    merchant.lines.push(row.line);
    None
}

/// Takes what the first row left out; false if both say something, and not the same.
fn agree<T: PartialEq>(first: &mut Option<T>, another: Option<T>) -> bool {
    match (&first, another) {
        (_, None) => true,
        (None, another) => {
            *first = another;
            true
        }
        (Some(one), Some(other)) => *one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::read::{csv, json_lines};

    const KEY: &str = "0f3c5d7a9b1e2f4068ac13579bdf2468";

    fn gathered(rows: &[&str]) -> Gathered {
        let rows: Vec<_> = rows.iter().map(|row| row.replace('K', KEY)).collect();
        let head = "mch_id,appid,key,name,fee_ppm,stores,default\n";
        gather(csv(format!("{head}{}\n", rows.join("\n")).as_bytes()).unwrap())
    }

    #[test]
    fn rows_of_one_merchant_are_gathered_although_others_stand_between() {
        let all = gathered(&[
            "10000000000001,1001,K,a,6000,1=x,",
            "10000000000002,1002,K,b,,,",
            "10000000000001,1003,K,,6000,2=y;1=x,yes",
        ]);
        assert!(all.bad.is_empty());
        assert_eq!(all.merchants.len(), 2);
        let first = &all.merchants[0];
        assert_eq!((first.moving.applications.len(), first.moving.shops.len()), (2, 2));
        assert_eq!((first.line(), first.line_of(Some(AppId(1003)))), (2, 4));
    }

    #[test]
    fn a_merchant_with_a_bad_or_contradicting_row_is_left_out_whole() {
        for (row, column) in [
            ("10000000000001,1003,short,,,,", "key"),
            ("10000000000001,1003,K,other,,,", "name"),
            ("10000000000001,1003,K,,7000,,", "fee_ppm"),
            ("10000000000001,1003,K,,,1=z,", "stores"),
            ("10000000000001,1001,K,,,,", "appid"),
            ("10000000000001,1003,K,,,,yes", "default"),
        ] {
            let all = gathered(&[
                "10000000000001,1001,K,a,6000,1=x,yes",
                row,
                "10000000000002,1002,K,b,,,",
            ]);
            let bad: Vec<_> = all.bad.iter().map(|one| (one.line, one.column.as_str())).collect();
            assert_eq!(bad, [(3, column)], "{row}");
            let left: Vec<_> = all.merchants.iter().map(|one| one.moving.mch_id.0).collect();
            assert_eq!(left, [10_000_000_000_002], "{row}");
        }
    }

    #[test]
    fn a_row_that_cannot_be_read_spoils_the_merchant_that_stands_in_it() {
        let all = gathered(&[
            "10000000000001,1001,K,a,,,",
            "10000000000002,1002,K,b,,,",
            "10000000000001,1003",
        ]);
        let left: Vec<_> = all.merchants.iter().map(|one| one.moving.mch_id.0).collect();
        assert_eq!((left, all.bad.len()), (vec![10_000_000_000_002], 1));
        let good = |mch_id: &str, app_id: i64| {
            format!(r#"{{"mch_id":"{mch_id}","appid":{app_id},"key":"{KEY}"}}"#)
        };
        for bad in [
            r#"{"mch_id":"10000000000001","appid":1003,"key":"#,
            r#"{"appid":1003,"mch_id":10000000000001,"kay":"x"}"#,
            r#"{"mch_id":"10000000000001","mch_id":"10000000000001"}"#,
        ] {
            let file = [good("10000000000001", 1001), bad.into(), good("10000000000002", 1002)];
            let all = gather(json_lines(file.join("\n").as_bytes()).unwrap());
            let left: Vec<_> = all.merchants.iter().map(|one| one.moving.mch_id.0).collect();
            assert_eq!((left, all.bad[0].line), (vec![10_000_000_000_002], 2), "{bad}");
        }
    }
}
