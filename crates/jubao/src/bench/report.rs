//! What a bench found: rows that were measured, figures that have a goal, the medians of the
//! repeats. It never measures anything, and knows whole numbers only: thousandths.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::machine::Machine;

/// A quantity in thousandths of its unit.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Amount(pub u64);

impl Amount {
    /// A whole number.
    pub fn whole(number: impl TryInto<u64>) -> Self {
        Self(number.try_into().unwrap_or(u64::MAX).saturating_mul(1_000))
    }

    /// `part` for each of `whole`; what is measured is never zero, so a missing whole counts as one.
    pub fn ratio(part: impl TryInto<u128>, whole: impl TryInto<u128>) -> Self {
        let (part, whole) = (part.try_into().unwrap_or(0), whole.try_into().unwrap_or(1).max(1));
        Self(u64::try_from((part * 1_000 + whole / 2) / whole).unwrap_or(u64::MAX))
    }

    /// How many there were in a second.
    pub fn per_second(count: usize, elapsed: Duration) -> Self {
        Self::ratio(count * 1_000_000, elapsed.as_micros())
    }

    /// This as a share of `whole`, in percent.
    pub fn percent_of(self, whole: Self) -> Self {
        Self::ratio(self.0 * 100, whole.0)
    }

    /// This many times `other`.
    pub fn times(self, other: Self) -> Self {
        Self::ratio(self.0, other.0)
    }
}

impl fmt::Display for Amount {
    /// Three digits that count: 0.45, 2.31, 34.5, 1,234.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (tens, hundreds) = ((self.0 + 5) / 10, (self.0 + 50) / 100);
        let text = match self.0 {
            0..=9_994 => format!("{}.{:02}", tens / 100, tens % 100),
            9_995..=99_949 => format!("{}.{}", hundreds / 10, hundreds % 10),
            _ => grouped((self.0 + 500) / 1_000),
        };
        out.pad(&text)
    }
}

/// A number with a comma between its thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Something that was measured, one value for each column; some have none.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Row {
    /// What.
    pub name: String,
    /// As many as the bench has columns.
    pub values: Vec<Option<Amount>>,
}

impl Row {
    /// A row.
    pub fn new<const N: usize>(name: &str, values: [Option<Amount>; N]) -> Self {
        Self { name: name.to_owned(), values: values.to_vec() }
    }
}

/// Where a figure is to be.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// This or more.
    AtLeast(Amount),
    /// This or less.
    AtMost(Amount),
}

impl fmt::Display for Goal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(amount) => write!(out, "≥ {amount}"),
            Self::AtMost(amount) => write!(out, "≤ {amount}"),
        }
    }
}

/// A figure with a goal, a ratio within one repeat wherever that says anything.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Figure {
    /// What.
    pub name: String,
    /// `%`, `×`, `ms`, ….
    pub unit: String,
    /// Where it is to be.
    pub goal: Goal,
    /// The median of the repeats.
    pub value: Amount,
    /// The least and the most of the repeats.
    pub range: (Amount, Amount),
}

impl Figure {
    /// The figure of one repeat.
    pub fn new(name: &str, unit: &str, goal: Goal, value: Amount) -> Self {
        let (name, unit) = (name.to_owned(), unit.to_owned());
        Self { name, unit, goal, value, range: (value, value) }
    }

    /// Whether the goal is reached; else by how much it is missed.
    pub fn verdict(&self) -> String {
        let (goal, is_reached) = match self.goal {
            Goal::AtLeast(goal) => (goal, self.value >= goal),
            Goal::AtMost(goal) => (goal, self.value <= goal),
        };
        if is_reached {
            return "reached".to_owned();
        }
        let by = Amount(goal.0.abs_diff(self.value.0));
        format!("missed by {by} {} ({} %)", self.unit, by.percent_of(goal))
    }
}

/// What one repeat found, or the medians of all.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Repeat {
    /// Everything that was measured.
    pub rows: Vec<Row>,
    /// What of it has a goal.
    pub figures: Vec<Figure>,
}

/// The middle one; of an even number the larger of the two in the middle.
pub fn median(mut amounts: Vec<Amount>) -> Amount {
    amounts.sort_unstable();
    amounts.get(amounts.len() / 2).copied().unwrap_or_default()
}

/// The medians of repeats, value by value. All of them have the same rows and figures.
pub fn medians(repeats: &[Repeat]) -> Repeat {
    let Some(mut all) = repeats.first().cloned() else { return Repeat::default() };
    for (at, row) in all.rows.iter_mut().enumerate() {
        for (column, value) in row.values.iter_mut().enumerate() {
            let of_repeat = |one: &Repeat| *one.rows.get(at)?.values.get(column)?;
            *value = value.map(|_| median(repeats.iter().filter_map(of_repeat).collect()));
        }
    }
    for (at, figure) in all.figures.iter_mut().enumerate() {
        let of_repeat = |one: &Repeat| Some(one.figures.get(at)?.value);
        let values: Vec<_> = repeats.iter().filter_map(of_repeat).collect();
        let (least, most) = (values.iter().min(), values.iter().max());
        figure.range = (least.copied().unwrap_or_default(), most.copied().unwrap_or_default());
        figure.value = median(values);
    }
    all
}

/// A run of a bench: what is kept of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Run {
    /// The bench.
    pub bench: String,
    /// What it measures.
    pub about: String,
    /// How much was asked of it.
    pub settings: String,
    /// Columns of the rows, the first being what the chart shows.
    pub columns: Vec<String>,
    /// Repeats that the medians are of.
    pub repeats: usize,
    /// When, in UTC+8.
    pub at: String,
    /// Where.
    pub machine: Machine,
    /// The medians.
    pub found: Repeat,
}

impl Run {
    /// Everything as a text for a terminal.
    pub fn text(&self) -> String {
        let mut text = format!("{}: {}\n{}\n\n", self.bench, self.about, self.settings);
        let width = self.found.rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0);
        let heads: String = self.columns.iter().map(|name| format!("{name:>16}")).collect();
        text.push_str(&format!("{:<width$}{heads}\n", ""));
        for row in &self.found.rows {
            let cell = |value: &Option<Amount>| format!("{:>16}", shown(*value));
            let cells: String = row.values.iter().map(cell).collect();
            text.push_str(&format!("{:<width$}{cells}\n", row.name));
        }
        for figure in &self.found.figures {
            let Figure { name, unit, goal, value, range: (least, most) } = figure;
            let verdict = figure.verdict();
            text.push_str(&format!(
                "\n{name}: {value} {unit} ({least} to {most}), goal {goal}: {verdict}"
            ));
        }
        text
    }
}

/// A value that may not be there.
pub fn shown(value: Option<Amount>) -> String {
    value.map_or_else(|| "–".to_owned(), |amount| amount.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(goal: Goal, value: u64) -> Figure {
        Figure::new("a", "×", goal, Amount(value))
    }

    #[test]
    fn amounts_show_the_digits_that_count() {
        let shown = |amount| Amount(amount).to_string();
        assert_eq!([0, 454, 2_305, 9_995].map(shown), ["0.00", "0.45", "2.31", "10.0"]);
        assert_eq!([34_540, 99_950, 1_234_499].map(shown), ["34.5", "100", "1,234"]);
        assert_eq!(Amount::whole(1_234_567_u64).to_string(), "1,234,567");
    }

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        let of = |list: &[u64]| median(list.iter().copied().map(Amount).collect()).0;
        assert_eq!((of(&[]), of(&[3]), of(&[9, 1, 5]), of(&[4, 1])), (0, 3, 5, 4));
    }

    #[test]
    fn medians_are_taken_value_by_value_and_keep_the_range() {
        let repeat = |first, second, value| Repeat {
            rows: vec![Row::new("r", [Some(Amount(first)), Some(Amount(second)), None])],
            figures: vec![figure(Goal::AtLeast(Amount(5)), value)],
        };
        let all = medians(&[repeat(1, 30, 7), repeat(2, 20, 9), repeat(3, 10, 8)]);
        assert_eq!(all.rows, [Row::new("r", [Some(Amount(2)), Some(Amount(20)), None])]);
        assert_eq!(
            (all.figures[0].value, all.figures[0].range),
            (Amount(8), (Amount(7), Amount(9)))
        );
        assert_eq!(medians(&[]), Repeat::default());
    }

    #[test]
    fn a_goal_is_reached_at_its_very_value_and_a_miss_says_by_how_much() {
        let (least, most) = (Goal::AtLeast(Amount(2_000)), Goal::AtMost(Amount(2_000)));
        assert_eq!(figure(least, 2_000).verdict(), "reached");
        assert_eq!(figure(most, 2_000).verdict(), "reached");
        assert_eq!(figure(least, 1_500).verdict(), "missed by 0.50 × (25.0 %)");
        assert_eq!(figure(most, 2_500).verdict(), "missed by 0.50 × (25.0 %)");
    }

    #[test]
    fn ratios_are_rounded_and_never_fail() {
        assert_eq!(Amount::ratio(1_u64, 3_u64), Amount(333));
        assert_eq!(Amount::ratio(2_u64, 3_u64), Amount(667));
        assert_eq!(Amount::ratio(1_u64, 0_u64), Amount(1_000));
        assert_eq!(Amount::whole(45_u64).percent_of(Amount::whole(90_u64)), Amount::whole(50_u64));
    }
}
