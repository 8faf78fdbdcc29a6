//! What the proxy knows of one session: which statements it has prepared, what its transaction did,
//! and which answer is the one of a COMMIT.

use std::collections::HashMap;

use super::statement::{Effect, Statement};
use super::wire::Message;
use super::{Cut, Moment};

/// A session. Each `Query` and each `Sync` is answered by one `ReadyForQuery`, so they are counted.
#[derive(Default)]
pub struct Session {
    /// Prepared statements by name.
    prepared: HashMap<String, Statement>,
    /// What portals execute.
    portals: HashMap<String, Statement>,
    /// Whether the client has begun a transaction, as far as it has sent.
    is_open: bool,
    /// Whether it can only be given up, as far as the server has answered.
    is_failed: bool,
    /// What the transaction has said, if it writes.
    said: String,
    writes: bool,
    /// Questions sent, and answers that came.
    sent: u64,
    answered: u64,
    /// The number of the answer that the client must not see.
    kept_back: Option<(u64, Cut)>,
    /// Whether it is an error: then nothing was committed.
    is_error: bool,
    /// A connection is about to be cut, but a `Sync` is still to be sent.
    doomed: Option<Cut>,
}

/// What is done with a client's message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// It is passed on.
    Pass,
    /// The connection is cut instead.
    CutBefore,
    /// It is passed on, and the connection cut.
    CutInFlight,
}

/// What is done with a server's message.
#[derive(Clone, Copy, Debug)]
pub enum Answer {
    /// It is passed on; the first of an answer is known.
    Pass { is_first: bool },
    /// It is kept back.
    Keep,
    /// It is the end of what is kept back: the connection is cut.
    CutAfter,
    /// It is the end of what was kept back, and an error: all of it is passed on, and the cut is made
    /// at a later commit.
    GiveBack(Cut),
}

impl Session {
    /// A client's message. `planned` is asked at each commit of something, with what was said.
    pub fn of_client(
        &mut self,
        message: &Message,
        planned: impl FnOnce(&str) -> Option<Cut>,
    ) -> Step {
        let mut texts = message.texts();
        let mut text = || texts.next().unwrap_or_default();
        match message.kind {
            b'Q' => {
                self.sent += 1;
                let is_commit = self.does(&Statement::read(&text())) || self.ends_implied();
                self.at(is_commit, planned)
            }
            b'P' => {
                self.prepared.insert(text(), Statement::read(&text()));
                Step::Pass
            }
            b'B' => {
                let (portal, name) = (text(), text());
                self.portals.extend(self.prepared.get(&name).map(|found| (portal, found.clone())));
                Step::Pass
            }
            b'E' => {
                let Some(statement) = self.portals.get(&text()).cloned() else { return Step::Pass };
                let is_commit = self.does(&statement);
                self.at_execute(is_commit, planned)
            }
            b'S' => {
                self.sent += 1;
                if let Some(cut) = self.doomed.take() {
                    return self.cut(cut);
                }
                let is_commit = self.ends_implied();
                self.at(is_commit, planned)
            }
            _ => Step::Pass,
        }
    }

    /// A server's message.
    pub fn of_server(&mut self, message: &Message, is_first: bool) -> Answer {
        let kept = self.kept_back.filter(|(number, _)| *number == self.answered + 1);
        let Some((_, cut)) = kept else {
            self.follow(message);
            return Answer::Pass { is_first };
        };
        self.is_error |= message.kind == b'E';
        if !self.follow(message) {
            return Answer::Keep;
        }
        if !self.is_error {
            return Answer::CutAfter;
        }
        (self.kept_back, self.is_error) = (None, false);
        Answer::GiveBack(cut)
    }

    /// Whether it is the end of an answer. The first `ReadyForQuery` answers nothing but the start.
    fn follow(&mut self, message: &Message) -> bool {
        if message.kind != b'Z' || self.sent == self.answered {
            return false;
        }
        self.answered += 1;
        if self.answered == self.sent {
            self.is_open = message.body() != b"I";
            self.is_failed = message.body() == b"E";
        }
        true
    }

    /// Follows a statement: whether it commits something that was written.
    fn does(&mut self, statement: &Statement) -> bool {
        let mut is_commit = false;
        if !statement.has(Effect::Commits) || statement.effects.len() > 1 {
            self.said.push_str(&statement.text);
            self.said.push('\n');
        }
        for effect in &statement.effects {
            match effect {
                Effect::Begins => self.is_open = true,
                Effect::Writes => self.writes = true,
                Effect::Commits if !self.is_failed => {
                    self.is_open = false;
                    is_commit |= self.writes;
                }
                // The COMMIT of a transaction that has failed gives it up, too.
                Effect::Commits | Effect::RollsBack => {
                    (self.is_open, self.is_failed) = (false, false);
                    self.forget();
                }
                Effect::Reads => {}
            }
        }
        is_commit
    }

    /// Whether the end of a question, with no transaction open, commits something.
    fn ends_implied(&mut self) -> bool {
        let is_commit = !self.is_open && self.writes;
        if !self.is_open && !is_commit {
            self.forget();
        }
        is_commit
    }

    fn at(&mut self, is_commit: bool, planned: impl FnOnce(&str) -> Option<Cut>) -> Step {
        let cut = self.chosen(is_commit, planned);
        cut.map_or(Step::Pass, |cut| self.cut(cut))
    }

    /// An Execute is done at once, but answered at the Sync behind it.
    fn at_execute(&mut self, is_commit: bool, planned: impl FnOnce(&str) -> Option<Cut>) -> Step {
        self.doomed = self.chosen(is_commit, planned);
        let is_now = self.doomed.is_some_and(|cut| cut.moment == Moment::Before);
        if is_now { Step::CutBefore } else { Step::Pass }
    }

    fn chosen(
        &mut self,
        is_commit: bool,
        planned: impl FnOnce(&str) -> Option<Cut>,
    ) -> Option<Cut> {
        let cut = is_commit.then(|| planned(&self.said)).flatten();
        if is_commit {
            self.forget();
        }
        cut
    }

    fn cut(&mut self, cut: Cut) -> Step {
        match cut.moment {
            Moment::Before => Step::CutBefore,
            Moment::InFlight => Step::CutInFlight,
            Moment::After => {
                self.kept_back = Some((self.sent, cut));
                Step::Pass
            }
        }
    }

    fn forget(&mut self) {
        self.said.clear();
        self.writes = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Message {
        let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
        Message { kind, bytes: [&[kind], &length[..], body].concat() }
    }

    #[test]
    fn nothing_of_an_answer_that_is_kept_back_is_passed_on() {
        let mut session = Session::default();
        let cut = |_: &str| Some(Cut::next(Moment::After));
        let step = session.of_client(&message(b'Q', b"insert into a values (1)\0"), cut);
        assert_eq!(step, Step::Pass);
        for kind in [b'T', b'D', b'C'] {
            let answer = session.of_server(&message(kind, b"x"), false);
            assert!(matches!(answer, Answer::Keep), "{answer:?}");
        }
        let end = session.of_server(&message(b'Z', b"I"), false);
        assert!(matches!(end, Answer::CutAfter), "{end:?}");
    }

    #[test]
    fn what_a_failed_transaction_wrote_is_no_commit() {
        let mut session = Session::default();
        let cut = |_: &str| panic!("asked about a transaction that failed");
        session.of_client(&message(b'Q', b"begin; insert into a values (1)\0"), cut);
        session.of_server(&message(b'Z', b"E"), false);
        assert_eq!(session.of_client(&message(b'Q', b"commit\0"), cut), Step::Pass);
    }
}
