//! What the simulated gateway does with a request once it is judged, and how it answers: rightly, or as
//! a script wants it to go wrong.

use kernel::time::Timestamp;

use crate::http::{HttpRequest, HttpResponse};
use crate::legacy::sha256_hex;
use crate::sim::{OpFaultKind, OpKind, Served};
use crate::unionpay::sim::books::{Code, Key, Plan, Return, State, Trade, Way};
use crate::unionpay::sim::check::{self, Kind};
use crate::unionpay::sim::{UnionpaySim, facts, pages};
use crate::unionpay::wire::Fields;
use crate::{SetupError, Stamp};

/// How late [`OpFaultKind::Slow`] answers.
const SLOW_MS: i64 = 60_000;
/// How long a payer acts who was asked for a password.
const ACTS_FOR_MS: i64 = 8_000;
/// How long a refund takes.
const REFUND_TAKES_MS: i64 = 5_000;
/// How long after the order a refund is taken: 11 months.
const REFUND_WITHIN_MS: i64 = 334 * 24 * 60 * 60 * 1000;

/// What an admitted request came to: `respCode`, what else is told, and whether the line stays silent.
struct Reply {
    code: Code,
    facts: Fields,
    is_silent: bool,
}

impl Reply {
    fn of(code: Code) -> Self {
        Self { code, facts: Fields::default(), is_silent: false }
    }

    fn with(code: Code, facts: Fields) -> Self {
        Self { facts, ..Self::of(code) }
    }
}

impl UnionpaySim {
    /// Answers a request for `/gateway/api/`.
    pub(super) fn serve_api(&mut self, request: &HttpRequest, stamp: &Stamp) -> Served {
        let Some(fields) = check::read(request) else {
            return Served::Answer(HttpResponse::new(400, "text/plain", "not a form"));
        };
        let kind = match check::admit(&fields, request.path(), &self.platform) {
            Ok(kind) => kind,
            Err(code) if request.path().ends_with("/frontTransReq.do") => {
                return Served::Answer(pages::refused(code));
            }
            Err(code) => return Served::Answer(self.answer(&fields, &Reply::of(code))),
        };
        let op = match kind {
            Kind::Front => return Served::Answer(self.open_page(&fields, stamp)),
            Kind::ApplyQr | Kind::Barcode => OpKind::Place,
            Kind::Ask => self.asked_about(&fields),
            Kind::Refund => OpKind::Refund,
            Kind::Undo | Kind::Reversal => OpKind::Reverse,
        };
        match self.script.take(op) {
            Some(fault) => self.go_wrong(fault, (kind, &fields), stamp),
            None => {
                let reply = self.perform(kind, &fields, stamp);
                if reply.is_silent {
                    return Served::Dropped;
                }
                Served::Answer(self.answer(&fields, &reply))
            }
        }
    }

    /// Whether a query is about a refund.
    fn asked_about(&self, fields: &Fields) -> OpKind {
        let given = self.books.returns.get(&check::key(fields));
        if given.is_some_and(|given| !given.is_undo) { OpKind::QueryRefund } else { OpKind::Query }
    }

    fn perform(&mut self, kind: Kind, fields: &Fields, stamp: &Stamp) -> Reply {
        let done = match kind {
            Kind::ApplyQr => self.apply_qr(fields, stamp),
            Kind::Barcode => self.charge(fields, stamp),
            // It is answered with a page.
            Kind::Front => Err("32"),
            Kind::Ask => self.query(fields, stamp),
            Kind::Refund => self.refund(fields, stamp),
            Kind::Undo => self.undo(fields, stamp),
            Kind::Reversal => self.books.reverse(&check::key(fields)).map(|()| Reply::of("00")),
        };
        done.unwrap_or_else(Reply::of)
    }

    fn apply_qr(&mut self, fields: &Fields, stamp: &Stamp) -> Result<Reply, Code> {
        let order = check::order(fields, Way::Qr, stamp)?;
        let page = self.books.add(order, stamp)?.page.clone();
        let mut facts = Fields::default();
        facts.set("qrCode", format!("{}/unionpay/qr/{page}", self.platform.config.base_url));
        Ok(Reply::with("00", facts))
    }

    /// Charges a barcode, whose last two digits choose what happens.
    fn charge(&mut self, fields: &Fields, stamp: &Stamp) -> Result<Reply, Code> {
        let order = check::order(fields, Way::Barcode, stamp)?;
        let key = order.key.clone();
        self.books.add(order, stamp)?;
        let code = fields.of("qrNo");
        if !self.books.codes.insert(sha256_hex(code.as_bytes())) {
            self.books.fail(&key, "36", stamp);
            return Err("36");
        }
        let (answered, refused, is_silent) = match code.get(code.len() - 2..) {
            Some("01") => return Ok(self.plan(&key, true, stamp)),
            Some("02") => return Ok(self.plan(&key, false, stamp)),
            Some("03") => ("64", Some("64"), false),
            Some("04") => ("36", Some("36"), false),
            Some("05") => ("04", None, false),
            Some("06") => ("04", Some("01"), false),
            Some("07") => ("00", None, true),
            Some(_) | None => ("00", None, false),
        };
        match refused {
            Some(code) => self.books.fail(&key, code, stamp),
            // It was added just now: nothing keeps it from being paid.
            None => drop(self.books.pay(&key, None, stamp)),
        }
        Ok(Reply { is_silent, ..Reply::of(answered) })
    }

    /// The payer of a barcode acts, and then pays or leaves.
    fn plan(&mut self, key: &Key, is_paid: bool, stamp: &Stamp) -> Reply {
        if let Some(trade) = self.books.trades.get_mut(key) {
            trade.state = State::Acting(None);
            trade.plan = Some(Plan { at: stamp.now.plus_millis(ACTS_FOR_MS).millis(), is_paid });
        }
        Reply::of("05")
    }

    /// Manual: 交易状态查询. 34 is an answer to the query itself.
    fn query(&self, fields: &Fields, stamp: &Stamp) -> Result<Reply, Code> {
        let key = check::key(fields);
        let (code, mut facts) = match (self.books.trades.get(&key), self.books.returns.get(&key)) {
            (Some(trade), _) => {
                let is_paid = trade.state == State::Paid;
                let facts = if is_paid { facts::of_trade(trade) } else { Fields::default() };
                (trade.code(stamp.now), facts)
            }
            (None, Some(given)) => {
                let trade = self.books.trades.get(&given.of).ok_or("34")?;
                (given.code(stamp.now), facts::of_return(given, trade))
            }
            (None, None) => return Err("34"),
        };
        if code == "34" {
            return Err("34");
        }
        facts.set_all([("origRespCode", code), ("origRespMsg", facts::words(code))]);
        Ok(Reply::with("00", facts))
    }

    fn refund(&mut self, fields: &Fields, stamp: &Stamp) -> Result<Reply, Code> {
        let (trade, given) = self.going_back(fields, REFUND_TAKES_MS, stamp)?;
        let left = trade.order.total - self.books.given_back(&given.of);
        if stamp.now.millis() - trade.ended_at > REFUND_WITHIN_MS {
            return Err("39");
        }
        if left == 0 {
            return Err("45");
        }
        if given.total > left {
            return Err("36");
        }
        Ok(self.give_back(given))
    }

    fn undo(&mut self, fields: &Fields, stamp: &Stamp) -> Result<Reply, Code> {
        let (trade, given) = self.going_back(fields, 0, stamp)?;
        let paid_at = Timestamp::from_millis(trade.ended_at);
        if self.books.given_back(&given.of) > 0 {
            return Err("45");
        }
        if given.total != trade.order.total {
            return Err("36");
        }
        if facts::settlement_day(paid_at) != facts::settlement_day(stamp.now) {
            return Err("39");
        }
        Ok(self.give_back(given))
    }

    /// The paid order of `origQryId`, and what shall go back of it.
    fn going_back(
        &mut self,
        fields: &Fields,
        takes_ms: i64,
        stamp: &Stamp,
    ) -> Result<(Trade, Return), Code> {
        let total = check::given_back(fields)?;
        let key = check::key(fields);
        if self.books.is_used(&key) {
            return Err("12");
        }
        let is_meant =
            |trade: &&Trade| trade.query_id == fields.of("origQryId") && trade.state == State::Paid;
        let trade = self.books.trades.values().find(is_meant).ok_or("35")?.clone();
        let given = Return {
            key,
            of: trade.order.key.clone(),
            is_undo: fields.of("txnType") == "31",
            total,
            back_url: fields.of("backUrl").to_owned(),
            sign_method: fields.of("signMethod").to_owned(),
            query_id: self.books.next_query_id(stamp),
            done_at: stamp.now.plus_millis(takes_ms).millis(),
            is_told: false,
        };
        Ok((trade, given))
    }

    fn give_back(&mut self, given: Return) -> Reply {
        let mut facts = Fields::default();
        facts.set("queryId", given.query_id.as_str());
        facts.set("txnAmt", given.total.to_string());
        self.books.give_back(given);
        Reply::with("00", facts)
    }

    /// Answers one operation wrongly.
    fn go_wrong(
        &mut self,
        fault: OpFaultKind,
        (kind, fields): (Kind, &Fields),
        stamp: &Stamp,
    ) -> Served {
        let broken = || HttpResponse::new(500, "text/html", "");
        let busy = if kind == Kind::Ask { "37" } else { "02" };
        match fault {
            OpFaultKind::DroppedBefore => return Served::Dropped,
            OpFaultKind::Refused => {
                return Served::Answer(self.answer(fields, &Reply::of("31")));
            }
            OpFaultKind::ErrorBefore => return Served::Answer(broken()),
            OpFaultKind::Busy => return Served::Answer(self.answer(fields, &Reply::of(busy))),
            OpFaultKind::DroppedAfter
            | OpFaultKind::ErrorAfter
            | OpFaultKind::Empty
            | OpFaultKind::Html
            | OpFaultKind::Truncated
            | OpFaultKind::BadSignature
            | OpFaultKind::WrongAnswer
            | OpFaultKind::Slow => {}
        }
        let mut reply = self.perform(kind, fields, stamp);
        if fault == OpFaultKind::WrongAnswer {
            mistake(&mut reply.facts);
        }
        let right = self.answer(fields, &reply);
        match fault {
            OpFaultKind::DroppedAfter => Served::Dropped,
            OpFaultKind::ErrorAfter => Served::Answer(broken()),
            OpFaultKind::Empty => Served::Answer(HttpResponse { body: Vec::new(), ..right }),
            OpFaultKind::Html => Served::Answer(pages::message("系统维护", "请稍后再试。")),
            OpFaultKind::Truncated => {
                let half = right.body.len() / 2;
                Served::Answer(HttpResponse { body: right.body[..half].to_vec(), ..right })
            }
            OpFaultKind::BadSignature => {
                let body = [right.body.as_slice(), b"&version2=1"].concat();
                Served::Answer(HttpResponse { body, ..right })
            }
            OpFaultKind::Slow => Served::Late(right, SLOW_MS),
            OpFaultKind::WrongAnswer
            | OpFaultKind::Refused
            | OpFaultKind::DroppedBefore
            | OpFaultKind::ErrorBefore
            | OpFaultKind::Busy => Served::Answer(right),
        }
    }

    /// `name=value&…`, not encoded, with what the request named and its own signature.
    fn answer(&self, asked: &Fields, reply: &Reply) -> HttpResponse {
        let mut fields = Fields::default();
        for name in [
            "version",
            "encoding",
            "txnType",
            "txnSubType",
            "bizType",
            "accessType",
            "merId",
            "orderId",
            "txnTime",
        ] {
            fields.set(name, asked.of(name));
        }
        fields.set_all([("respCode", reply.code), ("respMsg", facts::words(reply.code))]);
        fields.set_all(reply.facts.iter());
        match self.platform.sign(&mut fields, asked.of("signMethod")) {
            Ok(()) => HttpResponse::new(200, "text/html;charset=UTF-8", fields.to_raw()),
            Err(SetupError(why)) => HttpResponse::new(500, "text/plain", why),
        }
    }
}

/// Makes an answer wrong, though it stays in form: another amount if it tells one, else another order.
fn mistake(facts: &mut Fields) {
    if facts.has("txnAmt") {
        let other = if facts.of("txnAmt") == "1" { "2" } else { "1" };
        facts.set("txnAmt", other);
    } else {
        facts.set("orderId", "1120260101000000000000000099");
    }
}
