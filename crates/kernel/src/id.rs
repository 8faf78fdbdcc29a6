//! Identifiers. A row's id is made by us, ascends in time and fits in 53 bits, so that it is exact
//! in every JSON reader; an order's `sn` spells the same id with a readable time.

use std::fmt;

use crate::digits::push_padded;
use crate::time::Timestamp;

/// Bits of an id below its second: node and sequence.
const LOW_BITS: u32 = 22;
/// Nodes that can make ids at the same time.
pub const NODES_MAX: u32 = 1 << 6;
/// Ids that one node can make in one second.
pub const IDS_PER_SECOND_MAX: u32 = 1 << 16;

/// A row's id: `seconds · 2²² + node · 2¹⁶ + sequence`, below 2⁵³.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Id(pub i64);

impl Id {
    /// No id: what a process makes that may make none. The store writes nothing that holds it.
    pub const NONE: Self = Self(i64::MIN);

    /// Puts an id together; `None` if a part is out of its range.
    pub fn from_parts(seconds: i64, node: u32, sequence: u32) -> Option<Self> {
        let is_in_range = (0..1_i64 << 31).contains(&seconds)
            && node < NODES_MAX
            && sequence < IDS_PER_SECOND_MAX;
        let low = i64::from(node << 16 | sequence);
        is_in_range.then_some(Self(seconds << LOW_BITS | low))
    }

    /// The first and the last id of the seconds from `first` to `last`, all nodes' among them.
    pub fn range(first: i64, last: i64) -> (Self, Self) {
        let begin = |second: i64| second.clamp(0, 1 << 31) << LOW_BITS;
        (Self(begin(first)), Self(begin(last.saturating_add(1)) - 1))
    }

    /// The second in which it was made.
    pub fn seconds(self) -> i64 {
        self.0 >> LOW_BITS
    }

    /// The order's `sn`: `11`, the second as yyyyMMddHHmmss in UTC+8, the low 22 bits as ten digits.
    pub fn sn(self) -> Sn {
        let low = self.0 & ((1 << LOW_BITS) - 1);
        let mut text = String::with_capacity(Sn::LENGTH);
        text.push_str("11");
        Timestamp::from_seconds(self.seconds()).push_compact(&mut text);
        push_padded(&mut text, u64::try_from(low).unwrap_or(0), 10);
        Sn(text)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// An order's number as merchants see it: 26 digits beginning with `11`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Sn(String);

impl Sn {
    /// Characters of an `sn`.
    pub const LENGTH: usize = 26;

    /// Reads an `sn`; `None` for whatever [`Id::sn`] could not have made.
    pub fn parse(text: &str) -> Option<Self> {
        let sn = Self(text.to_owned());
        (text.len() == Self::LENGTH && sn.try_id()?.sn() == sn).then_some(sn)
    }

    /// The row's id.
    pub fn id(&self) -> Id {
        self.try_id().unwrap_or(Id(0))
    }

    /// The 26 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The 26 digits, owned.
    pub fn into_string(self) -> String {
        self.0
    }

    fn try_id(&self) -> Option<Id> {
        let digits = self.0.strip_prefix("11")?;
        let at = Timestamp::from_compact(digits.get(..14)?)?;
        let low = digits.get(14..)?.parse::<u32>().ok()?;
        Id::from_parts(at.seconds(), low >> 16, low & 0xFFFF)
    }
}

impl fmt::Display for Sn {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// A merchant's number: 14 digits.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct MchId(pub i64);

impl MchId {
    /// Reads a merchant's number as it is shown: 14 digits.
    pub fn parse(text: &str) -> Option<Self> {
        let is_shaped = text.len() == 14 && text.bytes().all(|byte| byte.is_ascii_digit());
        is_shaped.then(|| text.parse().ok().map(Self)).flatten()
    }
}

impl fmt::Display for MchId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:014}", self.0)
    }
}

/// A merchant application's number: 4 to 10 digits, below 2³¹.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct AppId(pub i64);

impl AppId {
    /// Reads an application's number as it is shown: 4 to 10 digits, no more zeros than needed.
    pub fn parse(text: &str) -> Option<Self> {
        let is_shaped =
            (4..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        let is_padded = text.len() > 4 && text.starts_with('0');
        let id = text.parse().ok().filter(|id| is_shaped && !is_padded && *id < 1_i64 << 31);
        id.map(Self)
    }
}

impl fmt::Display for AppId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:04}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_sn_shows_its_time_and_low_bits() {
        let id = Id::from_parts(1_795_320_005, 1, 2).unwrap();
        assert_eq!(id.sn().as_str(), "11202611221200050000065538");
        assert_eq!(id.sn().id(), id);
        assert!(id.0 < 1 << 53);
    }

    #[test]
    fn the_numbers_of_parties_are_read_as_they_are_shown() {
        for id in [0, 7, 1_000_258, (1 << 31) - 1] {
            assert_eq!(AppId::parse(&AppId(id).to_string()), Some(AppId(id)));
            assert_eq!(MchId::parse(&MchId(id).to_string()), Some(MchId(id)));
        }
        for text in ["", "258", "01000258", "2147483648", "+1000", "１００0", "10502105689001"] {
            assert_eq!(AppId::parse(text), None, "{text}");
        }
        for text in ["", "1050210568900", "105021056890010", "+0502105689001"] {
            assert_eq!(MchId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_we_never_made_is_no_sn() {
        for text in [
            "",
            "11",
            "1120261122120005000006553",
            "112026112212000500000655380",
            "12202611221200050000065538",
            "11202613221200050000065538",
            "11202611221200054294967295",
            "1120261122120005+000065538",
        ] {
            assert_eq!(Sn::parse(text), None, "{text}");
        }
    }

    #[test]
    fn parts_out_of_range_make_no_id() {
        assert_eq!(Id::from_parts(1 << 31, 0, 0), None);
        assert_eq!(Id::from_parts(0, NODES_MAX, 0), None);
        assert_eq!(Id::from_parts(0, 0, IDS_PER_SECOND_MAX), None);
    }

    proptest! {
        #[test]
        fn an_sn_is_read_back(
            seconds in 0..1_i64 << 31, node in 0..NODES_MAX, sequence in 0..IDS_PER_SECOND_MAX
        ) {
            let id = Id::from_parts(seconds, node, sequence).unwrap();
            prop_assert_eq!(Sn::parse(id.sn().as_str()).map(|sn| sn.id()), Some(id));
        }
    }
}
