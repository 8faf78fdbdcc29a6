//! Bar charts as SVG, readable on light and on dark pages. Text stays text.

use std::fmt::Write;

use super::report::{Amount, Run, shown};

/// Width of a chart, in pixels.
const WIDTH: u64 = 760;
/// Height of a bar with the space below it.
const STEP: u64 = 26;
/// Where bars begin; their names stand before.
const LEFT: u64 = 330;
/// Room for the value behind the longest bar.
const RIGHT: u64 = 90;
/// Where the first bar is.
const TOP: u64 = 44;
/// How it looks, on either ground.
const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#1f2328}.t{font-weight:600}\
.n{text-anchor:end}.b{fill:#3b6fb6}@media(prefers-color-scheme:dark){text{fill:#e6edf3}.b{fill:#6ea8fe}}";

/// The first column of a run, a bar for each row that has a value there.
pub fn bars(run: &Run) -> String {
    let first = |values: &[Option<Amount>]| values.first().copied().flatten();
    let rows: Vec<_> =
        run.found.rows.iter().filter_map(|row| Some((&row.name, first(&row.values)?))).collect();
    let most = rows.iter().map(|(_, value)| value.0).max().unwrap_or(0).max(1);
    let height = TOP + STEP * u64::try_from(rows.len()).unwrap_or(0) + 8;
    let title = escaped(&format!("{}: {}", run.bench, run.columns.first().map_or("", |name| name)));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" role=\"img\">\n<style>{STYLE}</style>\n<title>{title}</title>\n\
         <text class=\"t\" x=\"8\" y=\"24\">{title}</text>\n"
    );
    for (at, (name, value)) in (0..).zip(rows) {
        let (top, length) = (TOP + STEP * at, (WIDTH - LEFT - RIGHT) * value.0 / most);
        // Writing to a String cannot fail.
        let _ = writeln!(
            svg,
            "<text class=\"n\" x=\"{}\" y=\"{}\">{}</text><rect class=\"b\" x=\"{LEFT}\" y=\"{top}\" \
             width=\"{}\" height=\"{}\"/><text x=\"{}\" y=\"{}\">{}</text>",
            LEFT - 8,
            top + 14,
            escaped(name),
            length.max(1),
            STEP - 7,
            LEFT + length + 6,
            top + 14,
            shown(Some(value)),
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// A text as XML has it.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::report::{Repeat, Row};
    use crate::bench::tests::a_run;

    #[test]
    fn names_are_escaped_and_stay_text() {
        let rows = vec![Row::new("a <b> & \"c\"", [Some(Amount(1_000))])];
        let svg = bars(&a_run(Repeat { rows, figures: vec![] }));
        assert!(svg.contains(">a &lt;b&gt; &amp; &quot;c&quot;</text>"), "{svg}");
        assert!(svg.contains("prefers-color-scheme:dark"));
    }

    #[test]
    fn bars_are_as_long_as_their_values_and_missing_ones_have_none() {
        let row = |name, value: Option<u64>| Row::new(name, [value.map(Amount)]);
        let rows = vec![row("all", Some(2_000)), row("half", Some(1_000)), row("none", None)];
        let svg = bars(&a_run(Repeat { rows, figures: vec![] }));
        assert!(svg.contains("width=\"340\"") && svg.contains("width=\"170\""), "{svg}");
        assert_eq!(svg.matches("<rect").count(), 2);
        assert!(bars(&a_run(Repeat::default())).ends_with("</svg>\n"));
    }
}
