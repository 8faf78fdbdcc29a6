//! An order that the simulated platform holds, and where it stands (manual: 开发指引).

use kernel::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::WechatSimConfig;
use super::answer::Reply;
use crate::sim::PayError;

/// The one simulated payer, in the account's own app.
pub(super) const OPENID: &str = "oSimulatedPayer000000000001x";

/// An order.
#[derive(Serialize, Deserialize)]
pub(super) struct Trade {
    /// Orders in which they came.
    pub(super) sequence: u64,
    pub(super) out_trade_no: String,
    pub(super) page_id: String,
    pub(super) kind: TradeKind,
    /// The request as it was first asked: a repetition must equal it.
    pub(super) asked: Value,
    pub(super) description: String,
    pub(super) attach: String,
    pub(super) total: i64,
    /// Empty for a barcode: nothing is called back.
    pub(super) notify_url: String,
    pub(super) created_ms: i64,
    pub(super) expires_ms: i64,
    pub(super) state: TradeState,
    /// The serial that callbacks are signed as.
    pub(super) signs_as: String,
}

/// The product an order was placed with.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum TradeKind {
    Native,
    H5,
    Jsapi,
    App,
    Barcode,
}

impl TradeKind {
    /// `trade_type` of a transaction.
    fn trade_type(self) -> &'static str {
        match self {
            Self::Native => "NATIVE",
            Self::H5 => "MWEB",
            Self::Jsapi => "JSAPI",
            Self::App => "APP",
            Self::Barcode => "MICROPAY",
        }
    }
}

/// Where an order stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum TradeState {
    NotPay,
    UserPaying,
    /// A barcode's payer is asked for a password until then, and pays as `transaction_id` or gives up.
    Acting {
        until_ms: i64,
        transaction_id: Option<String>,
    },
    Paid {
        transaction_id: String,
        paid_ms: i64,
    },
    Closed,
    /// A barcode's payment failed for good.
    PayError,
    Revoked,
}

impl Trade {
    /// Where it stands at `now`: an order that expired is closed, and a payer who acted is done.
    pub(super) fn state_at(&self, now: Timestamp) -> TradeState {
        let now_ms = now.millis();
        match &self.state {
            TradeState::NotPay | TradeState::UserPaying if now_ms >= self.expires_ms => {
                TradeState::Closed
            }
            TradeState::Acting { until_ms, .. } if now_ms < *until_ms => TradeState::UserPaying,
            TradeState::Acting { until_ms, transaction_id: Some(id) } => {
                TradeState::Paid { transaction_id: id.clone(), paid_ms: *until_ms }
            }
            TradeState::Acting { transaction_id: None, .. } => TradeState::PayError,
            state => state.clone(),
        }
    }

    /// Whether the payer can pay it now.
    pub(super) fn check_payable(&self, now: Timestamp) -> Result<(), PayError> {
        let why = match self.state_at(now) {
            TradeState::NotPay | TradeState::UserPaying | TradeState::Acting { .. } => {
                return Ok(());
            }
            TradeState::Paid { .. } => "订单已支付",
            TradeState::Closed => "订单已关闭",
            TradeState::PayError => "支付失败",
            TradeState::Revoked => "订单已撤销",
        };
        Err(PayError::NotPayable(why.to_owned()))
    }

    pub(super) fn prepay_id(&self) -> String {
        format!("wx{}{}", Timestamp::from_millis(self.created_ms).compact(), self.page_id)
    }

    /// The app that it was placed with.
    pub(super) fn app(&self) -> &str {
        self.asked["appid"].as_str().unwrap_or_default()
    }

    /// The transaction object; what only a payment has is absent before it.
    pub(super) fn transaction(&self, config: &WechatSimConfig, now: Timestamp) -> Value {
        let state = self.state_at(now);
        let (word, description) = match state {
            TradeState::NotPay => ("NOTPAY", "订单未支付"),
            TradeState::UserPaying | TradeState::Acting { .. } => ("USERPAYING", "用户支付中"),
            TradeState::Paid { .. } => ("SUCCESS", "支付成功"),
            TradeState::Closed => ("CLOSED", "订单已关闭"),
            TradeState::PayError => ("PAYERROR", "支付失败"),
            TradeState::Revoked => ("REVOKED", "订单已撤销"),
        };
        let mut object = json!({
            "appid": self.app(),
            "mchid": config.mchid,
            "out_trade_no": self.out_trade_no,
            "trade_type": self.kind.trade_type(),
            "trade_state": word,
            "trade_state_desc": description,
            "attach": self.attach,
            "payer": {},
            "amount": { "total": self.total, "currency": "CNY" },
            "promotion_detail": [],
        });
        if let TradeState::Paid { transaction_id, paid_ms } = state {
            object["transaction_id"] = transaction_id.into();
            object["bank_type"] = "OTHERS".into();
            object["success_time"] = Timestamp::from_millis(paid_ms).rfc3339().into();
            object["payer"]["openid"] =
                self.asked["payer"]["openid"].as_str().unwrap_or(OPENID).into();
            object["amount"]["payer_total"] = self.total.into();
            object["amount"]["payer_currency"] = "CNY".into();
        }
        object
    }
}

/// ORDER_NOT_EXIST.
pub(super) fn not_found() -> Reply {
    Reply::error(404, "ORDER_NOT_EXIST", "订单不存在")
}

/// ORDERPAID.
pub(super) fn paid() -> Reply {
    Reply::error(400, "ORDERPAID", "该订单已支付")
}

/// ORDER_CLOSED.
pub(super) fn closed() -> Reply {
    Reply::error(400, "ORDER_CLOSED", "该订单已关闭")
}

/// ORDER_REVERSED.
pub(super) fn reversed() -> Reply {
    Reply::error(400, "ORDER_REVERSED", "该订单已撤销")
}
