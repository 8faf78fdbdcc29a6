//! Whether a changed byte of a signed message is ever believed. Each channel's tests hand in messages
//! that its simulator signed, and name the parts that its protocol leaves out of the signature.

use std::ops::Range;

use crate::http::{HttpRequest, HttpResponse};
use crate::{Account, Channel, Op, Outcome, Stamp, Step};

/// A part of a body in which a change may leave everything as it was. It must never make another
/// statement.
#[derive(Clone, Debug)]
pub(crate) enum Free {
    /// Not under the signature by the protocol.
    Unsigned(Range<usize>),
    /// Hexadecimal: a letter of the other case is the same digit.
    Case(Range<usize>),
}

impl Free {
    fn allows(&self, at: usize, old: u8, new: u8) -> bool {
        match self {
            Self::Unsigned(range) => range.contains(&at),
            Self::Case(range) => range.contains(&at) && old.eq_ignore_ascii_case(&new),
        }
    }
}

/// Each place that `before` and `after` enclose.
pub(crate) fn between(body: &[u8], before: &str, after: &str) -> Vec<Range<usize>> {
    let text = str::from_utf8(body).unwrap();
    let inside = |(at, _): (usize, &str)| {
        let from = at + before.len();
        from..from + text[from..].find(after).unwrap_or(text.len() - from)
    };
    text.match_indices(before).map(inside).collect()
}

/// The digits of a form's escapes: `%2b` is `%2B`.
pub(crate) fn escapes(body: &[u8]) -> Vec<Free> {
    let escape = |(at, byte): (usize, &u8)| (*byte == b'%').then_some(Free::Case(at + 1..at + 3));
    body.iter().enumerate().filter_map(escape).collect()
}

/// Nothing: all of the body is signed, byte by byte.
pub(crate) fn nothing(_body: &[u8]) -> Vec<Free> {
    Vec::new()
}

/// Who judges the messages, and what of them is signed.
pub(crate) struct Judge<'a> {
    pub(crate) channel: &'static dyn Channel,
    pub(crate) account: &'a Account,
    pub(crate) stamp: &'a Stamp,
    /// Headers that are signed, or carry the signature.
    pub(crate) headers: &'a [&'a str],
    pub(crate) free: fn(&[u8]) -> Vec<Free>,
}

/// What a changed message comes to.
enum Verdict {
    NotBelieved,
    Same,
    Other(String),
}

type Headers = Vec<(String, String)>;

impl Judge<'_> {
    /// No changed or missing byte of this answer is believed.
    pub(crate) fn tries_answer(&self, op: &Op, answer: &HttpResponse) {
        let step =
            |answer: &HttpResponse| self.channel.response(op, self.account, answer, self.stamp);
        let truth = step(answer);
        assert!(!matches!(truth, Step::Done(Outcome::Unknown(_))), "{op:?} {truth:?}");
        self.tries((&answer.headers, &answer.body), |headers, body| {
            match step(&HttpResponse { status: answer.status, headers, body }) {
                Step::Done(Outcome::Unknown(_)) => Verdict::NotBelieved,
                same if same == truth => Verdict::Same,
                other => Verdict::Other(format!("{other:?}")),
            }
        });
    }

    /// No changed or missing byte of this callback is believed.
    pub(crate) fn tries_callback(&self, callback: &HttpRequest) {
        let facts = |callback: &HttpRequest| {
            self.channel.callback(self.account, callback, self.stamp).facts
        };
        let truth = facts(callback).unwrap();
        self.tries((&callback.headers, &callback.body), |headers, body| {
            match facts(&HttpRequest { headers, body, ..callback.clone() }) {
                Err(_) => Verdict::NotBelieved,
                Ok(same) if same == truth => Verdict::Same,
                Ok(other) => Verdict::Other(format!("{other:?}")),
            }
        });
    }

    fn tries(
        &self,
        (headers, body): (&Headers, &[u8]),
        judge: impl Fn(Headers, Vec<u8>) -> Verdict,
    ) {
        let free = (self.free)(body);
        let may_stay = |at: usize, new: Option<u8>| {
            free.iter().any(|part| part.allows(at, body[at], new.unwrap_or(body[at] ^ 1)))
        };
        for at in 0..body.len() {
            for bit in 0..8 {
                let mut changed = body.to_vec();
                changed[at] ^= 1 << bit;
                let may_stay = may_stay(at, Some(changed[at]));
                check(&changed, may_stay, &judge(headers.clone(), changed.clone()));
            }
            let cut = body[..at].to_vec();
            check(&cut, may_stay(at, None), &judge(headers.clone(), cut.clone()));
        }
        for name in self.headers {
            let index = headers.iter().position(|(key, _)| key == name).unwrap();
            let value = headers[index].1.as_bytes();
            for (at, bit) in (0..value.len()).flat_map(|at| (0..7).map(move |bit| (at, bit))) {
                let mut changed = value.to_vec();
                changed[at] ^= 1 << bit;
                let mut headers = headers.clone();
                headers[index].1 = String::from_utf8(changed.clone()).unwrap();
                check(&changed, false, &judge(headers, body.to_vec()));
            }
        }
    }
}

fn check(changed: &[u8], may_stay: bool, verdict: &Verdict) {
    let text = String::from_utf8_lossy(changed);
    match verdict {
        Verdict::NotBelieved => {}
        Verdict::Same => assert!(may_stay, "believed: {text}"),
        Verdict::Other(said) => panic!("another statement: {said} of {text}"),
    }
}
