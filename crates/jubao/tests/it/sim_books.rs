//! What the simulated upstreams' books say of payments and of money that went back, read from their
//! snapshots in one form. Whoever compares with them compares with the truth: no program of ours
//! wrote it.

use kernel::time::Timestamp;
use serde_json::Value;

/// A payment that an upstream took and has not undone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Taken {
    /// Our number of the attempt.
    pub trade_no: String,
    /// The upstream's number.
    pub transaction_id: String,
    /// Minor units.
    pub total: i64,
    /// When.
    pub at: Timestamp,
}

/// Money that goes back under a number of ours, or has gone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Given {
    /// Our number of the attempt.
    pub trade_no: String,
    /// Our number of the refund.
    pub refund_no: String,
    /// Minor units.
    pub amount: i64,
    /// Where it stands.
    pub state: GivenState,
}

/// Where a refund stands upstream.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum GivenState {
    /// Accepted.
    OnItsWay,
    /// The payer has it.
    Done,
    /// It will not be done.
    Closed,
    /// A person must act.
    Stuck,
}

/// What goes back of payments that stand: what was refunded of one that was reversed later is a part of
/// what the reversal took back.
pub fn of_standing<'b>(given: &'b [Given], taken: &'b [Taken]) -> impl Iterator<Item = &'b Given> {
    given.iter().filter(|given| taken.iter().any(|one| one.trade_no == given.trade_no))
}

/// The books of all upstreams.
#[derive(Clone, Default, Debug)]
pub struct SimBooks {
    /// Payments that stand: those that were reversed do not.
    pub taken: Vec<Taken>,
    /// Refunds.
    pub given: Vec<Given>,
}

impl SimBooks {
    /// What the simulator of that name says in `snapshot`, as of `now`.
    pub fn read(&mut self, name: &str, snapshot: &Value, now: Timestamp) {
        match name {
            "alipay" => self.alipay(snapshot),
            "alipay_mapi" => self.alipay_mapi(snapshot, now),
            "wechat" => self.wechat(snapshot, now),
            "wechat_v2" | "wechat_v2_hk" => self.wechat_v2(snapshot, now),
            "chinaums" => self.chinaums(snapshot, now),
            "unionpay" => self.unionpay(snapshot, now),
            other => panic!("nobody reads the books of {other}"),
        }
    }

    /// What was paid for the order of that number.
    pub fn taken_for(&self, sn: &str) -> Vec<Taken> {
        self.taken.iter().filter(|one| one.trade_no.starts_with(sn)).cloned().collect()
    }

    /// What went back, or goes, of the order of that number.
    pub fn given_for(&self, sn: &str) -> Vec<Given> {
        self.given.iter().filter(|one| one.trade_no.starts_with(sn)).cloned().collect()
    }

    fn take(&mut self, numbers: (&Value, &Value), total: &Value, at: &Value) {
        self.taken.push(Taken {
            trade_no: text(numbers.0),
            transaction_id: text(numbers.1),
            total: number(total),
            at: Timestamp::from_millis(number(at)),
        });
    }

    fn give(&mut self, numbers: (&Value, &Value), amount: &Value, state: GivenState) {
        let (trade_no, refund_no) = (text(numbers.0), text(numbers.1));
        self.given.push(Given { trade_no, refund_no, amount: number(amount), state });
    }

    fn alipay(&mut self, snapshot: &Value) {
        for trade in rows(&snapshot["trades"]) {
            let (order, refunds) = (&trade["order"], rows(&trade["refunds"]));
            // A cancellation gives everything back, under no number.
            let is_undone = refunds.iter().any(|refund| refund["number"] == "");
            if number(&trade["paid_at"]) > 0 && !is_undone {
                let numbers = (&order["out_trade_no"], &trade["trade_no"]);
                self.take(numbers, &order["total"], &trade["paid_at"]);
            }
            for refund in refunds.iter().filter(|refund| refund["number"] != "") {
                let numbers = (&order["out_trade_no"], &refund["number"]);
                self.give(numbers, &refund["amount"], GivenState::Done);
            }
        }
    }

    fn alipay_mapi(&mut self, snapshot: &Value, now: Timestamp) {
        for trade in rows(&snapshot["trades"]) {
            let order = &trade["order"];
            if number(&trade["paid_at"]) > 0 {
                let numbers = (&order["out_trade_no"], &trade["trade_no"]);
                self.take(numbers, &order["total"], &trade["paid_at"]);
            }
            for refund in rows(&trade["refunds"]) {
                let numbers = (&order["out_trade_no"], &refund["out_return_no"]);
                self.give(numbers, &refund["amount"], done_at(&refund["done_at"], now));
            }
        }
    }

    fn wechat(&mut self, snapshot: &Value, now: Timestamp) {
        for trade in rows(&snapshot["trades"]) {
            let state = &trade["state"];
            // A payer who was at it then has paid.
            let acted = Some(&state["Acting"]).filter(|acting| {
                acting["transaction_id"].is_string() && number(&acting["until_ms"]) <= now.millis()
            });
            let paid = [(&state["Paid"], "paid_ms")].into_iter().filter(|(one, _)| one.is_object());
            for (paid, at) in paid.chain(acted.map(|acting| (acting, "until_ms"))) {
                let numbers = (&trade["out_trade_no"], &paid["transaction_id"]);
                self.take(numbers, &trade["total"], &paid[at]);
            }
        }
        for refund in rows(&snapshot["refunds"]) {
            let asked = &refund["asked"];
            let ends_ms = Value::from(number(&refund["created_ms"]) + 3_000);
            let state = match (done_at(&ends_ms, now), asked["reason"].as_str()) {
                (GivenState::Done, Some("CLOSED")) => GivenState::Closed,
                (GivenState::Done, Some("ABNORMAL")) => GivenState::Stuck,
                (state, _) => state,
            };
            let numbers = (&refund["out_trade_no"], &asked["out_refund_no"]);
            self.give(numbers, &asked["refund"], state);
        }
    }

    fn wechat_v2(&mut self, snapshot: &Value, now: Timestamp) {
        for trade in rows(&snapshot["trades"]) {
            let paid = &trade["state"]["Paid"];
            if paid.is_object() {
                let numbers = (&trade["out_trade_no"], &paid["transaction_id"]);
                self.take(numbers, &trade["total"], &paid["paid_ms"]);
            }
            for refund in rows(&trade["refunds"]) {
                let state = match (done_at(&refund["done_ms"], now), refund["end"].as_str()) {
                    (GivenState::Done, Some("REFUNDCLOSE")) => GivenState::Closed,
                    (GivenState::Done, Some("CHANGE")) => GivenState::Stuck,
                    (state, _) => state,
                };
                let numbers = (&trade["out_trade_no"], &refund["out_refund_no"]);
                self.give(numbers, &refund["fee"], state);
            }
        }
    }

    fn chinaums(&mut self, snapshot: &Value, now: Timestamp) {
        for payment in rows(&snapshot["payments"]) {
            let paid = &payment["state"]["Paid"];
            if paid.is_object() {
                let numbers = (&payment["order_id"], &payment["payment_id"]);
                self.take(numbers, &payment["amount"], &paid["at_ms"]);
            }
        }
        for refund in rows(&snapshot["refunds"]) {
            let payment = &snapshot["payments"][text(&refund["payment_id"])];
            let numbers = (&payment["order_id"], &refund["refund_order_id"]);
            self.give(numbers, &refund["amount"], done_at(&refund["done_ms"], now));
        }
    }

    fn unionpay(&mut self, snapshot: &Value, now: Timestamp) {
        for trade in rows(&snapshot["trades"]) {
            let (order, key) = (&trade["order"], &trade["order"]["key"][0]);
            if trade["state"] == "Paid" {
                self.take((key, &trade["query_id"]), &order["total"], &trade["ended_at"]);
            }
        }
        for given in rows(&snapshot["returns"]) {
            let numbers = (&given["of"][0], &given["key"][0]);
            self.give(numbers, &given["total"], done_at(&given["done_at"], now));
        }
    }
}

/// The rows of a list, or of an object by names.
fn rows(table: &Value) -> Vec<&Value> {
    match table {
        Value::Array(rows) => rows.iter().collect(),
        Value::Object(rows) => rows.values().collect(),
        other => panic!("no rows: {other}"),
    }
}

fn done_at(at_ms: &Value, now: Timestamp) -> GivenState {
    if number(at_ms) <= now.millis() { GivenState::Done } else { GivenState::OnItsWay }
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("no number: {value}"))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}
