//! What payers' browsers ask of the simulated UnionPay: the page of an order, the scan of a code, the
//! buttons.

use crate::Stamp;
use crate::http::{HttpRequest, HttpResponse};
use crate::unionpay::sim::books::{Code, State, Trade, Way};
use crate::unionpay::sim::pages::{self, View};
use crate::unionpay::sim::{UnionpaySim, check, facts, notify};
use crate::unionpay::wire::Fields;

impl UnionpaySim {
    /// `frontTransReq.do`: answered to a payer's browser, so with a page. Opening it again finds the
    /// same order.
    pub(super) fn open_page(&mut self, fields: &Fields, stamp: &Stamp) -> HttpResponse {
        match self.front_order(fields, stamp) {
            Ok(page) => self.page(&page, View::default(), stamp),
            Err(code) => pages::refused(code),
        }
    }

    fn front_order(&mut self, fields: &Fields, stamp: &Stamp) -> Result<String, Code> {
        let key = check::key(fields);
        if let Some(trade) = self.books.trades.get(&key) {
            let is_same = trade.order.way == Way::Front
                && trade.order.total.to_string() == fields.of("txnAmt");
            return if is_same { Ok(trade.page.clone()) } else { Err("12") };
        }
        let order = check::order(fields, Way::Front, stamp)?;
        let page = self.books.add(order, stamp)?.page.clone();
        self.books.act(&key, None, stamp);
        Ok(page)
    }

    /// Answers a request for the wallet.
    pub(super) fn serve_page(&mut self, request: &HttpRequest, stamp: &Stamp) -> HttpResponse {
        let path = request.path().to_owned();
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        match (request.method.as_str(), parts.as_slice()) {
            ("GET", ["unionpay", "qr", page]) => {
                let key = self.books.of_page(page).filter(|trade| trade.state == State::Fresh);
                if let Some(key) = key.map(|trade| trade.order.key.clone()) {
                    self.books.act(&key, None, stamp);
                }
                self.page(page, View::default(), stamp)
            }
            ("GET", ["unionpay", "orders", page]) => self.page(page, View::default(), stamp),
            ("POST", ["unionpay", "orders", page]) => self.choose(page, &request.body, stamp),
            _ => pages::not_found(),
        }
    }

    /// A button of the page.
    fn choose(&mut self, page: &str, form: &[u8], stamp: &Stamp) -> HttpResponse {
        let Some(key) = self.books.of_page(page).map(|trade| trade.order.key.clone()) else {
            return pages::not_found();
        };
        let form = std::str::from_utf8(form).ok().and_then(Fields::from_form).unwrap_or_default();
        let mut view = View::default();
        match form.of("choice") {
            "pay" => {
                // Why it cannot be paid shows on the page itself: it is paid or over.
                let _ = self.books.pay(&key, None, stamp);
            }
            "password" => view.asks_password = true,
            "balance" => {
                self.books.act(&key, Some("64"), stamp);
                view.hint = "余额不足，未扣款。可以换一种方式再付。";
            }
            "cancel" => {
                self.books.act(&key, None, stamp);
                view.hint = "已取消付款，未扣款。";
            }
            _ => {}
        }
        self.page(page, view, stamp)
    }

    fn page(&self, page: &str, view: View, stamp: &Stamp) -> HttpResponse {
        let Some(trade) = self.books.of_page(page) else { return pages::not_found() };
        pages::of(trade, &View { back: self.way_back(trade), ..view }, stamp.now)
    }

    fn way_back(&self, trade: &Trade) -> Option<Fields> {
        let order = &trade.order;
        if order.way != Way::Front || trade.state != State::Paid {
            return None;
        }
        let mut fields = facts::of_trade(trade);
        notify::name(&mut fields, &order.key.0, &order.key.1, facts::kind(order.way));
        fields.set_all([
            ("merId", self.platform.config.mer_id.as_str()),
            ("respCode", "00"),
            ("respMsg", facts::words("00")),
        ]);
        self.platform.sign(&mut fields, &order.sign_method).ok()?;
        Some(fields)
    }
}
