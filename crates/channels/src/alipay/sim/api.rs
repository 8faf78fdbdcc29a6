//! What the simulated `gateway.do` does with a request once it is judged, and how it answers when
//! nothing goes wrong.

use serde_json::{Map, Value, json};

use crate::alipay::sim::barcode::Charged;
use crate::alipay::sim::gateway::{self, Method, Refused};
use crate::alipay::sim::seal::SignType;
use crate::alipay::sim::trade::{Key, Status, Trade};
use crate::alipay::sim::{AlipaySim, asked, facts};
use crate::alipay::wire::Fields;
use crate::http::{HttpRequest, HttpResponse};
use crate::sim::Served;
use crate::{SetupError, Stamp};

/// Said of a method that is none of the gateway's.
pub(super) const NO_METHOD: Refused = Refused { code: "40002", sub_code: "isv.invalid-method" };

/// An admitted request.
pub(super) struct Asked<'a> {
    pub(super) method: Method,
    pub(super) sign_type: SignType,
    fields: &'a Fields,
}

/// An answer before it is signed: the name of its object, and the object.
pub(super) type Answer = (String, Map<String, Value>);

/// The members of an answer that took the request; `None` if it is never sent.
type Facts = Option<Map<String, Value>>;

impl AlipaySim {
    /// Answers a request for `gateway.do`.
    pub(super) fn serve_gateway(&mut self, request: &HttpRequest, stamp: &Stamp) -> Served {
        let Some(fields) = gateway::read(request) else {
            let refused = Refused { code: "40002", sub_code: "isv.invalid-parameter" };
            return self.answered(SignType::Rsa2, &error(refused));
        };
        let sign_type = SignType::from_word(fields.of("sign_type")).unwrap_or_default();
        let method = match gateway::method(&fields) {
            Ok(method) => method,
            Err(refused) => return self.answered(sign_type, &error(refused)),
        };
        let Some(kind) = method.op() else {
            if method == Method::WapPay {
                return Served::Answer(self.open_page(method, &fields, stamp));
            }
            // An order string is the wallet's business: nobody sends it here.
            return self.answered(sign_type, &error(NO_METHOD));
        };
        if let Err(refused) = gateway::admit(&fields, &self.config) {
            return self.answered(sign_type, &(method.answer_name(), facts::refusal(refused)));
        }
        let asked = Asked { method, sign_type, fields: &fields };
        match self.script.take(kind) {
            Some(fault) => self.go_wrong(fault, &asked, stamp),
            None => match self.perform(&asked, stamp) {
                Some(answer) => self.answered(sign_type, &answer),
                None => Served::Dropped,
            },
        }
    }

    /// Does what an admitted request asks for.
    pub(super) fn perform(&mut self, asked: &Asked<'_>, stamp: &Stamp) -> Option<Answer> {
        let done = gateway::biz_content(asked.fields).and_then(|biz| self.act(asked, &biz, stamp));
        let object = match done {
            Ok(facts) => {
                let mut object = facts::object(json!({ "code": "10000", "msg": "Success" }));
                object.extend(facts?);
                object
            }
            Err(refused) => facts::refusal_of(asked.method, refused),
        };
        Some((asked.method.answer_name(), object))
    }

    fn act(
        &mut self,
        asked: &Asked<'_>,
        biz: &Map<String, Value>,
        stamp: &Stamp,
    ) -> Result<Facts, Refused> {
        match asked.method {
            Method::Precreate => self.precreate(asked, biz, stamp).map(Some),
            Method::WapPay | Method::AppPay => Err(NO_METHOD),
            Method::Pay => self.charge(asked, biz, stamp),
            Method::Query => self.trade(biz).map(|trade| Some(facts::queried(trade, stamp))),
            Method::Close => self.close(biz, stamp).map(Some),
            Method::Cancel => self.cancel(biz, stamp).map(Some),
            Method::Refund => self.refund(biz, stamp).map(Some),
            Method::RefundQuery => self.query_refund(biz).map(Some),
        }
    }

    fn precreate(
        &mut self,
        asked: &Asked<'_>,
        biz: &Map<String, Value>,
        stamp: &Stamp,
    ) -> Result<Map<String, Value>, Refused> {
        let order = asked::order(asked.method, (asked.fields, biz), &self.config, stamp)?;
        let number = order.out_trade_no.clone();
        let code = self.books.precreate(order, stamp).map_err(Refused::business)?;
        let qr_code = format!("{}/alipay/qr/{code}", self.config.base_url);
        Ok(facts::object(json!({ "out_trade_no": number, "qr_code": qr_code })))
    }

    fn charge(
        &mut self,
        asked: &Asked<'_>,
        biz: &Map<String, Value>,
        stamp: &Stamp,
    ) -> Result<Facts, Refused> {
        let order = asked::order(asked.method, (asked.fields, biz), &self.config, stamp)?;
        let code = asked::auth_code(biz)?;
        let key = order.key();
        let charged = self.books.charge(order, code, stamp).map_err(Refused::business)?;
        let trade = self.books.trade(&key).ok_or(Refused::business("ACQ.TRADE_NOT_EXIST"))?;
        Ok(match charged {
            Charged::Paid => Some(facts::charged(trade)),
            Charged::Acting => Some(facts::acting(trade)),
            Charged::Unanswered => None,
        })
    }

    fn close(
        &mut self,
        biz: &Map<String, Value>,
        stamp: &Stamp,
    ) -> Result<Map<String, Value>, Refused> {
        let key = self.key(biz)?;
        self.books.close(&key, stamp).map_err(Refused::business)?;
        self.trade(biz).map(facts::numbers)
    }

    fn cancel(
        &mut self,
        biz: &Map<String, Value>,
        stamp: &Stamp,
    ) -> Result<Map<String, Value>, Refused> {
        let key = self.key(biz)?;
        let action = self.books.cancel(&key, stamp).map_err(Refused::business)?;
        let mut facts = match self.trade(biz) {
            Ok(trade) => facts::numbers(trade),
            Err(_) => facts::object(json!({ "out_trade_no": key.1 })),
        };
        facts.insert("retry_flag".to_owned(), "N".into());
        facts.extend(action.map(|action| ("action".to_owned(), action.into())));
        Ok(facts)
    }

    fn refund(
        &mut self,
        biz: &Map<String, Value>,
        stamp: &Stamp,
    ) -> Result<Map<String, Value>, Refused> {
        let key = self.key(biz)?;
        let total = self.trade(biz)?.order.total;
        let (number, amount) = asked::refund(biz, &key, total)?;
        let asked = (number.as_str(), amount);
        let change = self.books.refund(&key, asked, stamp).map_err(Refused::business)?;
        self.trade(biz).map(|trade| facts::refunded(trade, &number, change))
    }

    fn query_refund(&self, biz: &Map<String, Value>) -> Result<Map<String, Value>, Refused> {
        let number = asked::refund_number(biz)?;
        let trade = self.trade(biz)?;
        Ok(facts::refund(trade, number, asked::wants(biz, "gmt_refund_pay")))
    }

    /// The trade that a request names; a QR that nobody scanned is none.
    fn trade(&self, biz: &Map<String, Value>) -> Result<&Trade, Refused> {
        let trade = self.books.trade(&self.key(biz)?);
        let trade = trade.filter(|trade| trade.status != Status::Coded);
        trade.ok_or(Refused::business("ACQ.TRADE_NOT_EXIST"))
    }

    /// The trade's key, by Alipay's number or by the merchant's.
    fn key(&self, biz: &Map<String, Value>) -> Result<Key, Refused> {
        match asked::number(biz)? {
            asked::Number::Alipays(number) => {
                let trade = self.books.named(number);
                trade.map(|trade| trade.order.key()).ok_or(Refused::business("ACQ.TRADE_NOT_EXIST"))
            }
            asked::Number::Merchants(number) => Ok((self.config.app_id.clone(), number.to_owned())),
        }
    }

    pub(super) fn answered(&self, sign_type: SignType, answer: &Answer) -> Served {
        Served::Answer(self.signed(sign_type, answer, ""))
    }

    /// `{"<name>":{…},"sign":"…"}`, signed over the exact bytes of the object, and `also` to spoil it.
    pub(super) fn signed(&self, sign_type: SignType, answer: &Answer, also: &str) -> HttpResponse {
        let (name, object) = answer;
        let text = Value::Object(object.clone()).to_string();
        match self.platform.sign(sign_type, &format!("{text}{also}")) {
            Ok(sign) => {
                let body = format!(r#"{{"{name}":{text},"sign":"{sign}"}}"#);
                HttpResponse::new(200, "text/html;charset=utf-8", body)
            }
            Err(SetupError(why)) => HttpResponse::new(500, "text/plain", why),
        }
    }
}

/// A refusal of the gateway itself, before it knows a method.
fn error(refused: Refused) -> Answer {
    ("error_response".to_owned(), facts::refusal(refused))
}
