//! What all rows of a table come to, whatever order they are read in.

use aws_lc_rs::digest::{SHA256, digest};

use crate::Value;

/// A count, and a sum of hashes: of equal rows on both sides, and of no others that anybody could find.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Digest {
    pub(super) count: u64,
    sum: u128,
}

impl Digest {
    /// Adds a row.
    pub(super) fn add(&mut self, row: &[Value]) {
        let mut text = String::new();
        for value in row {
            // Each behind its kind and length, so that no two rows share a text.
            match value {
                Value::Int(number) => text.push_str(&format!("i{number},")),
                Value::Text(word) => text.push_str(&format!("t{}:{word},", word.len())),
                Value::Null => text.push_str("n,"),
            }
        }
        let hash = digest(&SHA256, text.as_bytes());
        let half = hash.as_ref().first_chunk::<16>().copied().unwrap_or_default();
        self.count += 1;
        self.sum = self.sum.wrapping_add(u128::from_le_bytes(half));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rows: &[&[Value]]) -> Digest {
        let mut digest = Digest::default();
        rows.iter().for_each(|row| digest.add(row));
        digest
    }

    #[test]
    fn the_order_of_rows_does_not_count_and_everything_in_them_does() {
        let (one, two) = ([Value::Int(1), Value::from("a")], [Value::Int(2), Value::Null]);
        assert_eq!(of(&[&one, &two]), of(&[&two, &one]));
        for other in [
            [Value::Int(1), Value::from("b")],
            [Value::from("1"), Value::from("a")],
            [Value::Int(1), Value::Null],
            [Value::from("a"), Value::Int(1)],
        ] {
            assert_ne!(of(&[&one]), of(&[&other]), "{other:?}");
        }
        assert_ne!(of(&[&one]), of(&[&one, &one]));
    }
}
