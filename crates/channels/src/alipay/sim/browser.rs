//! What payers' browsers ask of the simulated Alipay: the page of an order, the scan of a QR, the
//! buttons of the wallet.

use crate::Stamp;
use crate::alipay::sign;
use crate::alipay::sim::api::NO_METHOD;
use crate::alipay::sim::gateway::{self, Method, Refused};
use crate::alipay::sim::trade::Trade;
use crate::alipay::sim::{AlipaySim, asked, notify, pages};
use crate::alipay::wire::Fields;
use crate::http::{HttpRequest, HttpResponse};

impl AlipaySim {
    /// `alipay.trade.wap.pay` and `alipay.trade.app.pay`: answered to a payer, so with a page.
    pub(super) fn open_page(
        &mut self,
        method: Method,
        fields: &Fields,
        stamp: &Stamp,
    ) -> HttpResponse {
        let opened = gateway::admit(fields, &self.config)
            .and_then(|()| gateway::biz_content(fields))
            .and_then(|biz| asked::order(method, (fields, &biz), &self.config, stamp))
            .and_then(|order| self.books.open_page(order, stamp).map_err(Refused::business));
        match opened {
            Ok(trade_no) => self.trade_page(&trade_no, stamp),
            Err(refused) => unreadable(refused),
        }
    }

    /// The order string that a merchant's app gives to the wallet: only now does Alipay hear of it.
    fn open_app(&mut self, request: &HttpRequest, stamp: &Stamp) -> HttpResponse {
        let fields = gateway::read(request).unwrap_or_default();
        match gateway::method(&fields) {
            Ok(Method::AppPay) => self.open_page(Method::AppPay, &fields, stamp),
            Ok(_) => unreadable(NO_METHOD),
            Err(refused) => unreadable(refused),
        }
    }

    /// Answers a request for the wallet.
    pub(super) fn serve_page(&mut self, request: &HttpRequest, stamp: &Stamp) -> HttpResponse {
        let path = request.path().to_owned();
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match (request.method.as_str(), parts.as_slice()) {
            ("GET" | "POST", ["alipay", "app"]) => self.open_app(request, stamp),
            ("GET", ["alipay", "qr", code]) => self.scan(code, stamp),
            ("GET", ["alipay", "trades", trade_no]) => self.trade_page(trade_no, stamp),
            ("POST", ["alipay", "trades", trade_no, verb]) => self.press(trade_no, verb, stamp),
            _ => pages::not_found(),
        }
    }

    /// A buyer scans a QR: only now is there a trade.
    fn scan(&mut self, code: &str, stamp: &Stamp) -> HttpResponse {
        let Some(trade) = self.books.named(code) else { return pages::not_found() };
        let key = trade.order.key();
        match self.books.begin(&key, stamp) {
            Ok(trade_no) => self.trade_page(&trade_no, stamp),
            Err(_) => pages::message("二维码已失效", "请商户重新下单。"),
        }
    }

    /// A button of the wallet's page.
    fn press(&mut self, trade_no: &str, verb: &str, stamp: &Stamp) -> HttpResponse {
        let Some(trade) = self.books.named(trade_no) else { return pages::not_found() };
        let (key, quit_url) = (trade.order.key(), trade.order.quit_url.clone());
        let address = format!("/alipay/trades/{trade_no}");
        match verb {
            // A second press finds the trade paid, and sees the same page.
            "pay" => {
                let _ = self.books.pay(&key, None, stamp);
                pages::see_other(&address)
            }
            "poor" => self.trade_page_with(trade_no, pages::POOR, stamp),
            "cancel" if quit_url.is_empty() => {
                self.trade_page_with(trade_no, pages::CANCELLED, stamp)
            }
            "cancel" => pages::see_other(&quit_url),
            _ => pages::not_found(),
        }
    }

    fn trade_page(&self, trade_no: &str, stamp: &Stamp) -> HttpResponse {
        self.trade_page_with(trade_no, "", stamp)
    }

    /// The page of a trade with a word on the last button.
    fn trade_page_with(&self, trade_no: &str, hint: &str, stamp: &Stamp) -> HttpResponse {
        let Some(trade) = self.books.named(trade_no) else { return pages::not_found() };
        pages::of(trade, self.return_address(trade, stamp).as_deref(), hint)
    }

    /// Where the payer goes after a page's payment: `return_url` with signed members (manual:
    /// alipay.trade.wap.pay; they prove nothing).
    fn return_address(&self, trade: &Trade, stamp: &Stamp) -> Option<String> {
        let url = Some(trade.order.return_url.as_str()).filter(|url| !url.is_empty())?;
        let sign_type = trade.order.sign_type;
        let mut fields = Fields::default();
        for (name, value) in [
            ("app_id", self.config.app_id.as_str()),
            ("auth_app_id", self.config.app_id.as_str()),
            ("method", "alipay.trade.wap.pay.return"),
            ("out_trade_no", trade.order.out_trade_no.as_str()),
            ("trade_no", trade.trade_no.as_str()),
            ("seller_id", self.config.seller_id.as_str()),
            ("charset", "utf-8"),
            ("version", "1.0"),
            ("sign_type", sign_type.word()),
        ] {
            fields.push(name, value);
        }
        fields.push("total_amount", notify::fen(trade.order.total));
        fields.push("timestamp", stamp.now.beijing());
        let sign = self.platform.sign(sign_type, &sign::notice_text(&fields)).ok()?;
        fields.push("sign", sign);
        let joint = if url.contains('?') { '&' } else { '?' };
        Some(format!("{url}{joint}{}", fields.to_form()))
    }
}

/// An order that the wallet does not take.
fn unreadable(refused: Refused) -> HttpResponse {
    let text = format!("{}（{}）", refused.reason(), refused.sub_code);
    pages::message("订单信息无法识别", &text)
}
