//! What a statement does, as far as a proxy must know: whether it begins, ends or writes.

/// Words that only statements have which change something.
const WRITES: [&str; 9] =
    ["insert", "update", "delete", "merge", "copy", "create", "alter", "drop", "truncate"];

/// What a statement does to its transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Opens one.
    Begins,
    /// Makes it last.
    Commits,
    /// Gives it up.
    RollsBack,
    /// Changes something in it.
    Writes,
    /// Nothing that lasts.
    Reads,
}

/// One statement, or several that were sent as one text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Statement {
    /// What it says, in lower case.
    pub text: String,
    /// What its parts do, in their order.
    pub effects: Vec<Effect>,
}

impl Statement {
    /// Reads a text. Quoted semicolons may be taken for ends of statements: the parts behind them
    /// begin with no word that matters.
    pub fn read(text: &str) -> Self {
        let text = text.to_lowercase();
        let parts = text.split(';').map(str::trim).filter(|part| !part.is_empty());
        let effects = parts.map(effect).collect();
        Self { text, effects }
    }

    /// Whether it has a part with this effect.
    pub fn has(&self, effect: Effect) -> bool {
        self.effects.contains(&effect)
    }
}

fn effect(text: &str) -> Effect {
    let words =
        || text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|w| !w.is_empty());
    let first = words().next().unwrap_or("");
    match (first, words().nth(1)) {
        ("begin" | "start", _) => Effect::Begins,
        ("commit" | "end", _) => Effect::Commits,
        ("rollback", Some("to")) | ("savepoint" | "release", _) => Effect::Reads,
        ("rollback" | "abort", _) => Effect::RollsBack,
        _ if writes(words()) => Effect::Writes,
        _ => Effect::Reads,
    }
}

/// Whether any word changes something; `for update` locks only.
fn writes<'a>(words: impl Iterator<Item = &'a str>) -> bool {
    let mut before = "";
    for word in words {
        let is_lock = word == "update" && matches!(before, "for" | "key");
        if WRITES.contains(&word) && !is_lock {
            return true;
        }
        before = word;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_told_apart() {
        for (text, effect) in [
            ("BEGIN", Effect::Begins),
            ("start transaction isolation level serializable", Effect::Begins),
            ("COMMIT", Effect::Commits),
            ("end;", Effect::Commits),
            ("ROLLBACK", Effect::RollsBack),
            ("rollback to savepoint a", Effect::Reads),
            ("insert into orders values ($1)", Effect::Writes),
            ("with new as (insert into orders select $1 returning id) select 1", Effect::Writes),
            ("select id from orders for update skip locked", Effect::Reads),
            ("select id from orders for no key update", Effect::Reads),
            ("select updated_at from orders", Effect::Reads),
        ] {
            assert_eq!(Statement::read(text).effects, [effect], "{text}");
        }
        let several = Statement::read("begin; insert into a values (1); commit");
        assert_eq!(several.effects, [Effect::Begins, Effect::Writes, Effect::Commits]);
    }
}
