//! Unique parse (contract section 2). Signed text has no separators, so whoever carries it could cut
//! it into other names and values and keep the signature. A request is refused if some other cut
//! that its sender could have sent begins a name inside one of the submitted values.
//!
//! Beyond the contract's wording, a cut may also hold unknown names: they are signed and ignored, so
//! the end of a value could be split off into one. Everything is bounded; nothing is guessed.

use std::ops::Range;

use crate::fields::is_name;

/// Occurrences of known names that are still looked at.
pub const OCCURRENCES_MAX: usize = 256;
/// Bytes of an unknown name.
const NAME_MAX: usize = 32;

/// What the parse knows of a name.
#[derive(Copy, Clone, Debug)]
pub struct Rule {
    /// The name.
    pub name: &'static str,
    /// A free text: a cut may begin one of these anywhere.
    pub is_free: bool,
    /// A text that nothing acts on: where it ends does not matter.
    pub is_ignored: bool,
    /// A URL: it could swallow an unknown name that follows.
    pub is_url: bool,
    /// The requirement that a value of this name meets, as a bit; 0 if none.
    pub role: u8,
}

/// The names of an operation, indexed for scanning. At most 64.
#[derive(Debug)]
pub struct Lexicon {
    rules: Vec<Rule>,
    /// For each byte the rules whose name begins with it, as bits.
    begins: [u64; 256],
    /// All roles: what a cut must meet.
    required: u8,
}

impl Lexicon {
    /// Indexes `rules`, which come in ascending order of their names.
    pub fn new(rules: Vec<Rule>) -> Self {
        assert!(rules.len() <= 64, "one bit a rule");
        let mut begins = [0; 256];
        for (at, rule) in rules.iter().enumerate() {
            begins[usize::from(rule.name.as_bytes()[0])] |= 1 << at;
        }
        let required = rules.iter().fold(0, |roles, rule| roles | rule.role);
        Self { rules, begins, required }
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.rules.binary_search_by(|rule| rule.name.cmp(name)).ok()
    }
}

/// A submitted field in the signed text.
#[derive(Copy, Clone, Debug)]
struct Span {
    start: usize,
    value: usize,
    end: usize,
    rule: Option<usize>,
}

/// A known name in the signed text.
#[derive(Copy, Clone, Debug)]
struct Occurrence {
    at: usize,
    /// Where its value would begin.
    value: usize,
    rule: usize,
    /// Whether it begins a name, other than a free text's, inside a submitted value.
    is_inside: bool,
}

/// The signed text of one request with every known name that occurs in it.
#[derive(Debug)]
pub struct Scan<'a> {
    text: &'a str,
    lexicon: &'a Lexicon,
    spans: Vec<Span>,
    occurrences: Vec<Occurrence>,
    is_overfull: bool,
}

/// Says whether a value belongs to the language of the rule with this index.
pub type Accepts<'a> = &'a dyn Fn(usize, &str) -> bool;

impl<'a> Scan<'a> {
    /// Scans `text`, which `fields` (in signing order, without `sign`) join to.
    pub fn new<'f>(
        text: &'a str,
        fields: impl Iterator<Item = (&'f str, &'f str)>,
        lexicon: &'a Lexicon,
    ) -> Self {
        let mut spans = Vec::new();
        let mut start = 0;
        for (name, value) in fields {
            let value_start = start + name.len();
            let end = value_start + value.len();
            spans.push(Span { start, value: value_start, end, rule: lexicon.find(name) });
            start = end;
        }
        assert_eq!(start, text.len(), "the fields join to the text");
        let mut scan = Self { text, lexicon, spans, occurrences: Vec::new(), is_overfull: false };
        scan.find_names();
        scan
    }

    fn find_names(&mut self) {
        let bytes = self.text.as_bytes();
        for (at, byte) in bytes.iter().enumerate() {
            let mut rules = self.lexicon.begins[usize::from(*byte)];
            while rules != 0 {
                let rule = rules.trailing_zeros() as usize;
                rules &= rules - 1;
                let name = self.lexicon.rules[rule].name;
                if !bytes[at..].starts_with(name.as_bytes()) {
                    continue;
                }
                if self.occurrences.len() == OCCURRENCES_MAX {
                    self.is_overfull = true;
                    return;
                }
                let is_inside = !self.lexicon.rules[rule].is_free && self.is_in_value(at);
                self.occurrences.push(Occurrence { at, value: at + name.len(), rule, is_inside });
            }
        }
    }

    /// Whether a byte belongs to a submitted value, or to an unknown field as a whole.
    fn is_in_value(&self, at: usize) -> bool {
        let span = self.spans[self.span_at(at)];
        at >= span.value || span.rule.is_none()
    }

    fn span_at(&self, at: usize) -> usize {
        self.spans.partition_point(|span| span.end <= at).min(self.spans.len() - 1)
    }

    /// The first unknown field that hides a known name, alone or together with the unknown fields
    /// right before it, or that comes right after a URL.
    pub fn refused_unknown(&self) -> Option<usize> {
        let mut run = 0;
        self.spans.iter().enumerate().position(|(at, span)| {
            if span.rule.is_some() {
                run = span.end;
            }
            span.rule.is_none() && (self.holds_name(run, span.end) || self.is_after_url(at))
        })
    }

    fn is_after_url(&self, at: usize) -> bool {
        let before = at.checked_sub(1).map(|before| self.spans[before]);
        before.is_some_and(|span| {
            span.end > span.value && span.rule.is_some_and(|rule| self.lexicon.rules[rule].is_url)
        })
    }

    /// The field because of which the text can be cut otherwise; `None` if it cannot.
    pub fn ambiguous_field(&self, accepts: Accepts<'_>) -> Option<usize> {
        if let Some(unknown) = self.ambiguous_unknown(accepts) {
            return Some(unknown);
        }
        let inside = self.occurrences.iter().find(|name| name.is_inside);
        if self.is_overfull {
            return Some(inside.map_or(0, |name| self.span_at(name.at)));
        }
        let inside = inside?;
        let is_other_cut = self.has_usable_name(accepts) && self.has_other_cut(accepts);
        is_other_cut.then(|| self.span_at(inside.at))
    }

    /// Whether any name inside a submitted value could have a value of its own: in ordinary texts
    /// (`out_trade_no=1`) none can, and no cut needs to be sought.
    fn has_usable_name(&self, accepts: Accepts<'_>) -> bool {
        self.occurrences.iter().enumerate().filter(|(_, name)| name.is_inside).any(|(at, name)| {
            let next = self.occurrences[at + 1..].iter().copied().map(Some);
            next.chain([None]).any(|to| {
                let values = self.values(*name, to, accepts);
                values.may_be_empty || values.may_be_filled
            })
        })
    }

    /// The first unknown field whose beginning could as well be the end of the value before it.
    fn ambiguous_unknown(&self, accepts: Accepts<'_>) -> Option<usize> {
        (1..self.spans.len()).find(|&at| {
            let before = self.spans[at - 1];
            let Some(rule) = before.rule.filter(|_| self.spans[at].rule.is_none()) else {
                return false;
            };
            let next = self.spans[at..].iter().find(|span| span.rule.is_some());
            let end = next.map_or(self.text.len(), |span| span.start);
            let name = next.and_then(|span| span.rule).map(|rule| self.lexicon.rules[rule].name);
            let rules = &self.lexicon.rules;
            let does_matter = !rules[rule].is_free && !rules[rule].is_ignored;
            does_matter
                && self.splits(rule, before.value..end, name).any(|split| {
                    let value = &self.text[before.value..split];
                    split != before.end && (value.is_empty() || accepts(rule, value))
                })
        })
    }

    /// Whether a whole cut begins a name inside a submitted value: each occurrence remembers the
    /// sets of requirements met on the ways that lead to it.
    fn has_other_cut(&self, accepts: Accepts<'_>) -> bool {
        let mut reached = vec![States::default(); self.occurrences.len()];
        for at in 0..self.occurrences.len() {
            let from = self.occurrences[at];
            if self.may_begin_with(from) {
                reached[at].insert(0, from.is_inside);
            }
            if reached[at].is_empty() {
                continue;
            }
            let role = self.lexicon.rules[from.rule].role;
            for next in at + 1..self.occurrences.len() {
                let to = self.occurrences[next];
                let values = self.values(from, Some(to), accepts);
                let states = reached[at].after(role, values, to.is_inside);
                reached[next].merge(states);
            }
            let last = reached[at].after(role, self.values(from, None, accepts), false);
            if last.holds(self.lexicon.required) {
                return true;
            }
        }
        false
    }

    /// Whether a cut may begin with a name: at the first byte, or behind unknown names.
    fn may_begin_with(&self, name: Occurrence) -> bool {
        name.at == 0
            || (self.is_tail(0..name.at, "", Some(self.lexicon.rules[name.rule].name))
                && !self.holds_name(0, name.at))
    }

    /// Which values `from` could have, were `to` (or the end of the text) the next known name.
    fn values(&self, from: Occurrence, to: Option<Occurrence>, accepts: Accepts<'_>) -> Values {
        let end = to.map_or(self.text.len(), |to| to.at);
        let mut values = Values::default();
        if end < from.value || to.is_some_and(|to| to.rule <= from.rule) {
            return values;
        }
        let next = to.map(|to| self.lexicon.rules[to.rule].name);
        let is_free = self.lexicon.rules[from.rule].is_free;
        for split in self.splits(from.rule, from.value..end, next) {
            let value = &self.text[from.value..split];
            if value.is_empty() {
                values.may_be_empty = true;
            } else if !values.may_be_filled {
                // What a free text ends with before an unknown name does not matter: it is taken
                // as possible, which can only refuse more.
                values.may_be_filled = (is_free && split < end) || accepts(from.rule, value);
            }
            if values.may_be_filled {
                // The splits ascend: only the first of them can leave the value empty.
                values.may_be_empty |= self.may_be_split_at(from, end, next);
                break;
            }
        }
        values
    }

    /// Whether all that stands between a name and `end` could be unknown names.
    fn may_be_split_at(&self, from: Occurrence, end: usize, next: Option<&'a str>) -> bool {
        let info = self.lexicon.rules[from.rule];
        !info.is_url
            && self.is_tail(from.value..end, info.name, next)
            && !self.holds_name(from.value, end)
    }

    /// Where a value that begins a stretch could end, if the rest of it were unknown names between
    /// `rule`'s name and `next`; the end itself comes first.
    fn splits(
        &self,
        rule: usize,
        stretch: Range<usize>,
        next: Option<&'a str>,
    ) -> impl Iterator<Item = usize> {
        let info = self.lexicon.rules[rule];
        let Range { start, end } = stretch;
        // Unknown names hold no known name, so they begin behind the last one in the stretch.
        let first = self.last_name_within(start, end).map_or(start, |at| at + 1);
        let tails = if info.is_url { end..end } else { first..end };
        let is_tail = move |at: &usize| self.is_tail(*at..end, info.name, next);
        std::iter::once(end).chain(tails.filter(is_tail))
    }

    /// Whether a stretch of the text could be unknown names between `after` and `before`.
    fn is_tail(&self, stretch: Range<usize>, after: &str, before: Option<&str>) -> bool {
        let tail = &self.text.as_bytes()[stretch.clone()];
        let is_letter = |byte: &u8| byte.is_ascii_lowercase() || *byte == b'_';
        if !tail.first().is_some_and(is_letter) {
            return false;
        }
        let longest = tail
            .iter()
            .take(NAME_MAX)
            .take_while(|byte| is_letter(byte) || byte.is_ascii_digit())
            .count();
        (1..=longest).any(|length| {
            let name = &self.text[stretch.start..stretch.start + length];
            is_name(name) && name > after && before.is_none_or(|before| name < before)
        })
    }

    fn holds_name(&self, start: usize, end: usize) -> bool {
        self.last_name_within(start, end).is_some()
    }

    /// The last occurrence that lies wholly between two positions.
    fn last_name_within(&self, start: usize, end: usize) -> Option<usize> {
        let before = self.occurrences.partition_point(|name| name.at < end);
        let mut names = self.occurrences[..before].iter().rev();
        names
            .by_ref()
            .take_while(|name| name.at >= start)
            .find(|name| name.value <= end)
            .map(|name| name.at)
    }
}

/// Whether a name can have an empty value, or one that meets its role, between two positions.
#[derive(Copy, Clone, Default)]
struct Values {
    may_be_empty: bool,
    may_be_filled: bool,
}

/// Sets of (requirements met, begun inside a value), one bit each: eight sets of three roles, twice.
#[derive(Copy, Clone, Default)]
struct States(u16);

impl States {
    fn insert(&mut self, roles: u8, is_inside: bool) {
        self.0 |= 1 << (roles << 1 | u8::from(is_inside));
    }

    fn merge(&mut self, other: Self) {
        self.0 |= other.0;
    }

    fn is_empty(self) -> bool {
        self.0 == 0
    }

    fn holds(self, roles: u8) -> bool {
        self.0 & 1 << (roles << 1 | 1) != 0
    }

    /// The states behind a value of a name with `role`.
    fn after(self, role: u8, values: Values, is_inside: bool) -> Self {
        let mut states = Self::default();
        for state in (0..16_u8).filter(|state| self.0 & 1 << state != 0) {
            let (roles, was_inside) = (state >> 1, state & 1 == 1);
            if values.may_be_empty {
                states.insert(roles, was_inside || is_inside);
            }
            if values.may_be_filled {
                states.insert(roles | role, was_inside || is_inside);
            }
        }
        states
    }
}

#[cfg(test)]
#[path = "unique_parse_tests.rs"]
mod tests;
