//! What payers' browsers and apps ask of the simulated MAPI: the page of an order, an order string,
//! the buttons of the wallet.

use crate::Stamp;
use crate::alipay_mapi::fields::Fields;
use crate::alipay_mapi::sign::{self, SignType};
use crate::alipay_mapi::sim::books::{Order, Status, Trade, Word};
use crate::alipay_mapi::sim::{AlipayMapiSim, gateway, pages};
use crate::http::{HttpRequest, HttpResponse};

impl AlipayMapiSim {
    /// `create_forex_trade_wap`: answered to a payer's browser, so with a page.
    pub(super) fn open_page(&mut self, fields: &Fields, stamp: &Stamp) -> HttpResponse {
        let order = gateway::admit(fields, &self.keys(), &self.config)
            .and_then(|_| gateway::wap_order(fields, &self.config));
        self.open(order, stamp)
    }

    /// Answers a request for the wallet.
    pub(super) fn serve_page(&mut self, request: &HttpRequest, stamp: &Stamp) -> HttpResponse {
        let path = request.path().to_owned();
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match (request.method.as_str(), parts.as_slice()) {
            ("GET" | "POST", ["alipay_mapi", "app"]) => self.open_app(request, stamp),
            ("GET", ["alipay_mapi", "trades", trade_no]) => self.trade_page(trade_no, "", stamp),
            ("POST", ["alipay_mapi", "trades", trade_no, verb]) => self.act(trade_no, verb, stamp),
            _ => pages::not_found(),
        }
    }

    /// The order string that an app gives to Alipay's: in `order` of the query or of a form, or the
    /// whole body. Without one there is a page to put it in.
    fn open_app(&mut self, request: &HttpRequest, stamp: &Stamp) -> HttpResponse {
        let body = std::str::from_utf8(&request.body).unwrap_or_default().trim();
        let of_form = |text: &str| Fields::from_form(text).map(|form| form.of("order").to_owned());
        let text = match body.starts_with("order=") {
            true => of_form(body),
            false if body.is_empty() => of_form(request.query()),
            false => Some(body.to_owned()),
        };
        let Some(text) = text.filter(|text| !text.trim().is_empty()) else {
            return pages::ask_for_order();
        };
        let order = gateway::app_order(text.trim(), &self.keys(), &self.config);
        self.open(order, stamp)
    }

    /// A payer comes with an order that was admitted, or not.
    fn open(&mut self, order: Result<Order, Word>, stamp: &Stamp) -> HttpResponse {
        match order.and_then(|order| self.books.open(order, stamp)) {
            Ok(trade_no) => self.trade_page(&trade_no, "", stamp),
            Err(word) => pages::message("订单信息无法识别", word),
        }
    }

    /// A button of the wallet's page.
    fn act(&mut self, trade_no: &str, verb: &str, stamp: &Stamp) -> HttpResponse {
        let Some(trade) = self.books.named(trade_no) else { return pages::not_found() };
        let number = trade.order.out_trade_no.clone();
        match verb {
            // A second press finds the trade paid, and sees the same page.
            "pay" => {
                let _ = self.books.pay(&number, None, stamp);
                pages::see_other(&format!("/alipay_mapi/trades/{trade_no}"))
            }
            "password" => self.trade_page(trade_no, pages::PASSWORD, stamp),
            "poor" => self.trade_page(trade_no, pages::POOR, stamp),
            "cancel" => self.trade_page(trade_no, pages::CANCELLED, stamp),
            _ => pages::not_found(),
        }
    }

    /// The page of a trade with a word on the last button, which may be empty.
    fn trade_page(&self, trade_no: &str, hint: &str, stamp: &Stamp) -> HttpResponse {
        let Some(trade) = self.books.named(trade_no) else { return pages::not_found() };
        pages::of(trade, self.return_address(trade, stamp).as_deref(), hint)
    }

    /// Where the payer goes back to: `return_url`, after a payment with what the notification says,
    /// signed (it proves nothing).
    fn return_address(&self, trade: &Trade, stamp: &Stamp) -> Option<String> {
        let order = &trade.order;
        let url = Some(order.return_url.as_str()).filter(|url| !url.is_empty())?;
        if trade.status != Status::Finished {
            return Some(url.to_owned());
        }
        let kind = SignType::from_word(&order.sign_type).unwrap_or(SignType::Rsa);
        let mut fields = Fields::of_table(&[
            ("out_trade_no", &order.out_trade_no),
            ("trade_no", &trade.trade_no),
            ("trade_status", trade.status.word()),
            ("total_fee", &order.decimal(order.total)),
            ("currency", &order.currency),
            ("notify_time", &stamp.now.beijing()),
        ]);
        let sign = self.sign(kind, &sign::text(&fields));
        fields.push("sign", sign);
        fields.push("sign_type", kind.word());
        let joint = if url.contains('?') { '&' } else { '?' };
        Some(format!("{url}{joint}{}", fields.to_form()))
    }
}
