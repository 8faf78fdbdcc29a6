//! What the simulated gateway does with a request once it is judged, and how it answers: rightly,
//! or as a script wants it to go wrong.

use kernel::time::Timestamp;

use crate::Stamp;
use crate::alipay_mapi::fields::Fields;
use crate::alipay_mapi::sign::{self, SignType};
use crate::alipay_mapi::sim::books::{Refund, Trade, Word};
use crate::alipay_mapi::sim::gateway::{self, Service};
use crate::alipay_mapi::sim::{AlipayMapiSim, notify, pages};
use crate::alipay_mapi::xml;
use crate::http::{HttpRequest, HttpResponse};
use crate::sim::{OpFaultKind, OpKind, Served};

/// How late [`OpFaultKind::Slow`] answers.
const SLOW_MS: i64 = 60_000;

/// An admitted request.
struct Asked {
    service: Service,
    kind: SignType,
    fields: Fields,
}

/// What an answer says.
enum Said {
    /// `is_success` T with an element of facts, or with none.
    Yes(Option<(&'static str, Fields)>),
    /// `is_success` F.
    No(Word),
    /// A file.
    RateFile(String),
}

impl AlipayMapiSim {
    /// Answers a request for the gateway.
    pub(super) fn serve_gateway(&mut self, request: &HttpRequest, stamp: &Stamp) -> Served {
        let asked = gateway::read(request).ok_or("ILLEGAL_ARGUMENT");
        let asked = asked.and_then(|fields| Service::of(&fields).map(|service| (service, fields)));
        let (service, fields) = match asked {
            Ok(asked) => asked,
            Err(word) => return Served::Answer(refusal(word)),
        };
        let op = match service {
            Service::WapPay => return Served::Answer(self.open_page(&fields, stamp)),
            Service::Verify => {
                let is_known = self.books.callbacks.vouches(fields.of("notify_id"), stamp);
                let word = gateway::verdict(&fields, &self.config, is_known);
                return Served::Answer(HttpResponse::new(200, "text/html;charset=utf-8", word));
            }
            Service::Query => OpKind::Query,
            Service::Refund => OpKind::Refund,
            Service::QueryRefund => OpKind::QueryRefund,
            Service::Rates => OpKind::Rates,
        };
        let asked = match gateway::admit(&fields, &self.keys(), &self.config) {
            Ok(kind) => Asked { service, kind, fields },
            Err(word) => return Served::Answer(refusal(word)),
        };
        match self.script.take(op) {
            Some(fault) => self.go_wrong(fault, &asked, stamp),
            None => {
                let said = self.perform(&asked, stamp);
                Served::Answer(self.answer(&asked, &said, ""))
            }
        }
    }

    /// Does what an admitted request asks for.
    fn perform(&mut self, asked: &Asked, stamp: &Stamp) -> Said {
        let said = match asked.service {
            Service::Query => self.query(&asked.fields),
            Service::Refund => self.refund(&asked.fields, stamp),
            Service::QueryRefund => Ok(self.query_refund(&asked.fields, stamp)),
            Service::Rates => Ok(Said::RateFile(gateway::rate_file(stamp))),
            Service::WapPay | Service::Verify => Err("ILLEGAL_SERVICE"),
        };
        said.unwrap_or_else(Said::No)
    }

    fn query(&self, fields: &Fields) -> Result<Said, Word> {
        let trade = match fields.of("trade_no") {
            "" => self.books.trade(fields.of("out_trade_no")),
            trade_no => self.books.named(trade_no),
        };
        let trade = trade.ok_or("TRADE_NOT_EXIST")?;
        Ok(Said::Yes(Some(("trade", self.queried(trade)))))
    }

    /// The facts of a trade (manual: single_trade_query).
    fn queried(&self, trade: &Trade) -> Fields {
        let order = &trade.order;
        let total = order.decimal(order.total);
        let mut facts = Fields::of_table(&[
            ("buyer_id", notify::BUYER_ID),
            ("gmt_create", &time(trade.created_at)),
            ("out_trade_no", &order.out_trade_no),
            ("seller_id", &self.config.partner),
            ("subject", &order.subject),
            ("currency", &order.currency),
            ("total_fee", &total),
            ("trade_no", &trade.trade_no),
            ("trade_status", trade.status.word()),
        ]);
        if trade.paid_at > 0 {
            facts.push("gmt_payment", time(trade.paid_at));
        }
        if trade.refunded() > 0 {
            facts.push("refund_fee", order.decimal(trade.refunded()));
            facts.push("refund_status", "REFUND_SUCCESS");
        }
        facts
    }

    fn refund(&mut self, fields: &Fields, stamp: &Stamp) -> Result<Said, Word> {
        let out_trade_no = fields.of("out_trade_no");
        let order = self.books.trade(out_trade_no).map(|trade| &trade.order);
        let (wish, is_sync) = gateway::refund(fields, order)?;
        self.books.refund(out_trade_no, wish, is_sync, stamp)?;
        Ok(Said::Yes(None))
    }

    /// Manual: alipay.acquire.refund.query.
    fn query_refund(&self, fields: &Fields, stamp: &Stamp) -> Said {
        let code = |code| Said::Yes(Some(("alipay", Fields::of_table(&[("response_code", code)]))));
        let Some(trade) = self.books.trade(fields.of("out_trade_no")) else {
            return code("TRADE_NOT_EXIST");
        };
        match trade.refund(fields.of("out_return_no")) {
            Some(refund) => Said::Yes(Some(("alipay", refund_facts(trade, refund, stamp)))),
            None => code("NOT_FOUND"),
        }
    }

    /// Answers one operation wrongly. What is not signed cannot be signed wrongly, and what names
    /// nothing cannot name another: these answers are right.
    fn go_wrong(&mut self, fault: OpFaultKind, asked: &Asked, stamp: &Stamp) -> Served {
        match fault {
            OpFaultKind::DroppedBefore => return Served::Dropped,
            OpFaultKind::Refused => return Served::Answer(refusal("HAS_NO_PRIVILEGE")),
            OpFaultKind::ErrorBefore => return Served::Answer(refusal("SYSTEM_ERROR")),
            OpFaultKind::Busy => {
                return Served::Answer(HttpResponse::new(429, "text/plain", "busy"));
            }
            OpFaultKind::DroppedAfter
            | OpFaultKind::ErrorAfter
            | OpFaultKind::Empty
            | OpFaultKind::Html
            | OpFaultKind::Truncated
            | OpFaultKind::BadSignature
            | OpFaultKind::WrongAnswer
            | OpFaultKind::Slow => {}
        }
        let mut said = self.perform(asked, stamp);
        if fault == OpFaultKind::WrongAnswer {
            mistake(&mut said);
        }
        let right = self.answer(asked, &said, "");
        match fault {
            OpFaultKind::DroppedAfter => Served::Dropped,
            OpFaultKind::ErrorAfter => Served::Answer(refusal("SYSTEM_ERROR")),
            OpFaultKind::Empty => Served::Answer(HttpResponse { body: Vec::new(), ..right }),
            OpFaultKind::Html => Served::Answer(pages::message("系统维护", "请稍后再试。")),
            OpFaultKind::Truncated => {
                let half = right.body.len() / 2;
                Served::Answer(HttpResponse { body: right.body[..half].to_vec(), ..right })
            }
            OpFaultKind::BadSignature => Served::Answer(self.answer(asked, &said, "!")),
            OpFaultKind::Slow => Served::Late(right, SLOW_MS),
            OpFaultKind::WrongAnswer
            | OpFaultKind::Refused
            | OpFaultKind::DroppedBefore
            | OpFaultKind::ErrorBefore
            | OpFaultKind::Busy => Served::Answer(right),
        }
    }

    /// An answer in MAPI's form; facts are signed, with `also` to spoil the signature.
    fn answer(&self, asked: &Asked, said: &Said, also: &str) -> HttpResponse {
        let facts = match said {
            Said::No(word) => return refusal(word),
            Said::RateFile(text) => return HttpResponse::new(200, "text/plain", text.as_str()),
            Said::Yes(facts) => facts,
        };
        let echo = |(name, value): &(String, String)| {
            format!("<param name=\"{}\">{}</param>", xml::escape(name), xml::escape(value))
        };
        let is_echoed =
            |(name, _): &&(String, String)| !matches!(name.as_str(), "sign" | "sign_type");
        let request: String = asked.fields.0.iter().filter(is_echoed).map(echo).collect();
        let mut content = format!("<is_success>T</is_success><request>{request}</request>");
        if let Some((name, facts)) = facts {
            let element = |(name, value): &(String, String)| {
                format!("<{name}>{}</{name}>", xml::escape(value))
            };
            let inside: String = facts.0.iter().map(element).collect();
            let sign = self.sign(asked.kind, &format!("{}{also}", sign::text(facts)));
            content.push_str(&format!(
                "<response><{name}>{inside}</{name}></response><sign>{sign}</sign>\
                 <sign_type>{}</sign_type>",
                asked.kind.word()
            ));
        }
        document(&content)
    }
}

/// The facts of a refund.
fn refund_facts(trade: &Trade, refund: &Refund, stamp: &Stamp) -> Fields {
    let is_done = refund.done_at <= stamp.now.millis();
    Fields::of_table(&[
        ("response_code", "SUCCESS"),
        ("refund_result_code", if is_done { "SUCCESS" } else { "PROCESSING" }),
        ("out_return_no", &refund.out_return_no),
        ("out_trade_no", &trade.order.out_trade_no),
        ("trade_no", &trade.trade_no),
        ("gmt_create", &time(refund.created_at)),
    ])
}

/// Makes an answer wrong, though it stays in form: another amount if it tells one, else another
/// number.
fn mistake(said: &mut Said) {
    let Said::Yes(Some((_, facts))) = said else { return };
    if facts.has("gmt_payment") {
        let is_that_already = facts.of("total_fee") == "0.01";
        facts.set("total_fee", if is_that_already { "0.02" } else { "0.01" });
    } else {
        facts.set("out_trade_no", "1120260101000000000000000099");
    }
}

fn refusal(word: Word) -> HttpResponse {
    document(&format!("<is_success>F</is_success><error>{word}</error>"))
}

fn document(content: &str) -> HttpResponse {
    let text = format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<alipay>{content}</alipay>");
    HttpResponse::new(200, "text/xml;charset=utf-8", text)
}

/// A time as Alipay writes it.
pub(super) fn time(millis: i64) -> String {
    Timestamp::from_millis(millis).beijing()
}
