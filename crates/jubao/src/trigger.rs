//! `jubao trigger`: has something happen to a new order in the sandbox, so that a shop can be built
//! against it. It does what a merchant and a payer do (the merchant API, and the simulated wallet), and
//! nothing inside the gateway: what comes of it is the real flow.

use gateway::ids::random_hex;
use serde_json::{Value, json};

use crate::cli::{Failure, TriggerArguments, print_line};
use crate::merchant_client::{Answer, MerchantClient, reason};
use crate::merchant_keys::Verdict;

/// What orders cost here, in fen.
const TOTAL_FEE: i64 = 100;
/// Seconds that one question may wait.
const WAIT_S: i64 = 25;
/// Questions until something that must come is given up.
const QUESTIONS_MAX: usize = 4;

/// Something that can be caused.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Kind {
    Paid,
    Twice,
    Lost,
    Late,
    Refund,
    Closed,
    Failed,
    Reversed,
}

/// Names and words of all kinds: help comes from here.
const KINDS: [(Kind, &str, &str); 8] = [
    (Kind::Paid, "paid", "an order that is paid"),
    (Kind::Twice, "twice", "the same, and the upstream tells of it twice"),
    (Kind::Lost, "lost", "the same, and the upstream never tells: the gateway asks"),
    (Kind::Late, "late", "money for an order that was closed; it goes back by itself"),
    (Kind::Refund, "refund", "an order that is paid and refunded in full"),
    (Kind::Closed, "closed", "an order that is closed unpaid"),
    (Kind::Failed, "failed", "a barcode whose payment fails (PAYERROR)"),
    (Kind::Reversed, "reversed", "a barcode that is paid, and reversed (REVOKED)"),
];

/// The words of all kinds.
pub const WORDS: [&str; KINDS.len()] = {
    let mut words = [""; KINDS.len()];
    let mut at = 0;
    while at < words.len() {
        words[at] = KINDS[at].1;
        at += 1;
    }
    words
};

/// What each kind is, for the help.
pub fn about() -> String {
    let lines = KINDS.iter().map(|(_, word, about)| format!("  {word:<9} {about}"));
    format!("What can be caused:\n{}", lines.collect::<Vec<_>>().join("\n"))
}

/// Causes it, and waits until the merchant API says so.
pub async fn run(arguments: TriggerArguments) -> Result<(), Failure> {
    let found = KINDS.iter().find(|(_, word, _)| *word == arguments.kind);
    let (kind, _, _) = found.ok_or_else(|| Failure::Input(about()))?;
    let stage = Stage { client: MerchantClient::new(&arguments.merchant).await?, arguments };
    stage.check_sandbox().await?;
    match kind {
        Kind::Paid => stage.paid(&json!({})).await.map(|_| ()),
        Kind::Twice => stage.paid(&json!({ "fault": "twice" })).await.map(|_| ()),
        Kind::Lost => stage.paid(&json!({ "fault": "lost" })).await.map(|_| ()),
        Kind::Late => stage.late().await,
        Kind::Refund => stage.refund().await,
        Kind::Closed => stage.closed().await.map(|_| ()),
        Kind::Failed => stage.failed().await,
        Kind::Reversed => stage.reversed().await,
    }
}

/// Where it happens.
struct Stage {
    client: MerchantClient,
    arguments: TriggerArguments,
}

impl Stage {
    /// Refuses for an application whose orders are paid with real money.
    async fn check_sandbox(&self) -> Result<(), Failure> {
        let data = self.call("/event/list", json!({ "limit": 1 })).await?.success()?;
        if data["sandbox"] == true {
            return Ok(());
        }
        let appid = self.arguments.merchant.appid;
        Err(Failure::Input(format!("application {appid} is not for the sandbox: nothing was done")))
    }

    async fn paid(&self, wish: &Value) -> Result<String, Failure> {
        let order = self.place(102, json!({})).await?.success()?;
        let sn = self.placed(&order);
        self.pay(&sn, wish).await?;
        self.reach(&sn, "SUCCESS").await?;
        Ok(sn)
    }

    async fn closed(&self) -> Result<Value, Failure> {
        let order = self.place(102, json!({})).await?.success()?;
        let sn = self.placed(&order);
        self.call("/order/close", json!({ "sn": sn })).await?.success()?;
        self.reach(&sn, "CLOSED").await?;
        Ok(order)
    }

    /// A code that nobody had scanned lives on at its upstream when the order is closed.
    async fn late(&self) -> Result<(), Failure> {
        let order = self.closed().await?;
        let (sn, code) = (text(&order, "sn"), text(&order, "qrcode"));
        let opened = self.client.http().get(code).send().await;
        opened
            .map_err(|error| Failure::Machine(format!("the wallet's page: {}", reason(&error))))?;
        self.pay(sn, &json!({})).await?;
        self.reach(sn, "CLOSED").await?;
        print_line("the payment is on its way back to the payer; the merchant is told nothing");
        Ok(())
    }

    async fn refund(&self) -> Result<(), Failure> {
        let sn = self.paid(&json!({})).await?;
        let number = format!("TR{}", random_hex::<8>());
        let wish = json!({ "sn": sn, "out_refund_no": number });
        self.call("/payment/refund", wish).await?.success()?;
        print_line(format!("asked for refund {number}"));
        for _ in 0..QUESTIONS_MAX {
            let asked = json!({ "out_refund_no": number });
            let refund = self.call("/order/refundquery", asked).await?.success()?;
            if refund["refund_status"] == "SUCCESS" {
                print_line(format!("refund {number} is SUCCESS"));
                return self.reach(&sn, "REFUND").await;
            }
            // The upstream may be asked once a second; meanwhile whatever happens ends the wait.
            let newest = self.call("/event/list", json!({ "limit": 1 })).await?.success()?;
            let behind = json!({ "after": newest["newest"], "wait": 2 });
            self.call("/event/list", behind).await?.success()?;
        }
        Err(Failure::Machine(format!("refund {number} is still under way: ask later")))
    }

    async fn failed(&self) -> Result<(), Failure> {
        let number = format!("T{}", random_hex::<8>());
        let wish = json!({ "out_trade_no": number, "code": code("03") });
        // It fails at once, which is an answer with a code of its own.
        let answer = self.place(401, wish).await?;
        print_line(format!("charged, and answered {}: {}", answer.code, answer.message));
        let order =
            self.call("/order/query", json!({ "out_trade_no": number })).await?.success()?;
        self.reach(text(&order, "sn"), "PAYERROR").await
    }

    async fn reversed(&self) -> Result<(), Failure> {
        let order = self.place(401, json!({ "code": code("00") })).await?.success()?;
        let sn = self.placed(&order);
        self.reach(&sn, "SUCCESS").await?;
        self.call("/order/reverse", json!({ "sn": sn })).await?.success()?;
        self.reach(&sn, "REVOKED").await
    }

    async fn place(&self, product: i64, more: Value) -> Result<Answer, Failure> {
        let mut members = json!({
            "pay_channel_id": product, "total_fee": TOTAL_FEE, "body": "jubao trigger",
            "out_trade_no": format!("T{}", random_hex::<8>()),
        });
        if let (Some(members), Some(more)) = (members.as_object_mut(), more.as_object()) {
            members.extend(more.clone());
            if let Some(url) = &self.arguments.notify_url {
                members.insert("notify_url".into(), json!(url));
            }
        }
        self.call("/payment/pay", members).await
    }

    fn placed(&self, order: &Value) -> String {
        print_line(format!("placed {} {}", text(order, "sn"), text(order, "out_trade_no")));
        text(order, "sn").to_owned()
    }

    /// Has the simulated payer pay.
    async fn pay(&self, sn: &str, wish: &Value) -> Result<(), Failure> {
        let url = format!("{}/pay/{sn}", self.arguments.sims.trim_end_matches('/'));
        let answer = self.client.http().post(url).body(wish.to_string()).send().await;
        let answer =
            answer.map_err(|error| Failure::Machine(format!("simulators: {}", reason(&error))))?;
        let body = answer.bytes().await.unwrap_or_default();
        let said: Value = serde_json::from_slice(&body).unwrap_or_default();
        if said["paid"] == true {
            print_line(format!("paid at {}", text(&said, "upstream")));
            return Ok(());
        }
        let why = said["error"].as_str().unwrap_or("they are no simulators of ours");
        Err(Failure::Machine(format!("the simulated payer could not pay: {why}")))
    }

    /// Waits until the order is in `state`.
    async fn reach(&self, sn: &str, state: &str) -> Result<(), Failure> {
        for _ in 0..QUESTIONS_MAX {
            let asked = json!({ "sn": sn, "wait": WAIT_S });
            let order = self.call("/order/query", asked).await?.success()?;
            if order["trade_state"] == state {
                print_line(format!("{sn} is {state}"));
                return Ok(());
            }
        }
        Err(Failure::Machine(format!("{sn} does not become {state}")))
    }

    async fn call(&self, path: &str, members: Value) -> Result<Answer, Failure> {
        let answer = self.client.call(path, members).await;
        let answer = answer.map_err(|why| Failure::Machine(format!("the gateway: {why}")))?;
        let is_signed =
            answer.data["sign"].is_null() || self.client.judge(&answer.data) == Verdict::Right;
        if !is_signed {
            return Err(Failure::Machine("the answer is not signed with this key".into()));
        }
        Ok(answer)
    }
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_default()
}

/// A code of Alipay's that was never used; its last two digits say what the simulated payer does.
fn code(outcome: &str) -> String {
    let hex = random_hex::<7>();
    let digits = hex.bytes().map(|letter| char::from(b'0' + letter % 10));
    format!("28{}{outcome}", digits.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::product::Provider;

    #[test]
    fn a_code_is_one_of_alipays_and_the_help_names_every_kind() {
        for outcome in ["00", "03"] {
            let code = code(outcome);
            assert_eq!(Provider::of_code(&code), Some(Provider::Alipay));
            assert!(code.ends_with(outcome));
        }
        for word in WORDS {
            assert!(about().contains(word), "{word}");
        }
    }
}
