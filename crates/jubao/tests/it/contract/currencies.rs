//! Renminbi, Hong Kong and Australian dollars, each from the order to the refund, where upstreams take
//! them; and what they say of what the payer paid.

use std::sync::OnceLock;
use std::time::Duration;

use kernel::money::Currency;
use kernel::product::Product;
use serde_json::{Value, json};

use super::case::order;
use super::counter::{Counter, counters};
use super::play::play_alone;
use super::world::{TOTAL_FEE, World};

/// What is refunded first, in minor units.
const PART: i64 = 500;

/// Money as an answer names it: minor units and currency.
type Named = (i64, &'static str);

/// What an upstream says of an order in one currency.
struct Expect {
    counter: &'static str,
    currency: Currency,
    product: Product,
    /// What the payer paid.
    cash: Named,
    /// What the payer gets back of [`PART`].
    cash_back: Named,
    /// `rate` of the refund.
    rate: &'static str,
}

const fn expect(counter: &'static str, currency: Currency, product: Product) -> Expect {
    let code = match currency {
        Currency::Cny => "CNY",
        Currency::Hkd => "HKD",
        Currency::Aud => "AUD",
    };
    Expect {
        counter,
        currency,
        product,
        cash: (TOTAL_FEE, code),
        cash_back: (PART, code),
        rate: "",
    }
}

/// Payers of WeChat Pay and of EasyLink pay in renminbi at a rate; MAPI speaks of the order's currency.
const EXPECT: [Expect; 9] = [
    expect("alipay", Currency::Cny, Product::AlipayQr),
    expect("unionpay", Currency::Cny, Product::UnionpayQr),
    expect("wechat_v2", Currency::Cny, Product::WechatQr),
    Expect {
        cash: (1044, "CNY"),
        cash_back: (423, "CNY"),
        rate: "84570000",
        ..expect("wechat_v2", Currency::Hkd, Product::WechatQr)
    },
    Expect {
        cash: (5727, "CNY"),
        cash_back: (2320, "CNY"),
        rate: "464120000",
        ..expect("wechat_v2", Currency::Aud, Product::WechatQr)
    },
    expect("alipay_mapi", Currency::Hkd, Product::AlipayWap),
    expect("alipay_mapi", Currency::Aud, Product::AlipayWap),
    Expect {
        cash: (1122, "CNY"),
        cash_back: (455, "CNY"),
        rate: "0.91",
        ..expect("chinaums", Currency::Hkd, Product::UnionpayLink)
    },
    Expect {
        cash: (1122, "CNY"),
        cash_back: (455, "CNY"),
        rate: "0.91",
        ..expect("chinaums", Currency::Aud, Product::UnionpayLink)
    },
];

fn counter_of(expect: &Expect) -> Counter {
    let counter = counters().iter().find(|counter| counter.name == expect.counter).unwrap();
    counter.in_currency(expect.currency)
}

async fn paid_and_refunded(counter: &'static Counter, expect: &Expect) {
    let what = format!("{} in {}", expect.counter, expect.currency.code());
    let world = World::of(counter).await;
    let placed = world.call("/payment/pay", &order("F1", expect.product)).await;
    assert_eq!(placed["data"]["fee_type"], expect.currency.code(), "{what}: {placed}");
    let sn = placed["data"]["sn"].as_str().unwrap();
    assert!(world.pay(sn, expect.product, None).await, "{what}");
    tokio::time::sleep(Duration::from_secs(10)).await;
    let queried = world.call("/order/query", &json!({ "sn": sn })).await;
    check_payment(&what, &queried["data"], expect);
    check_payment(&what, &json!(world.shop.last_of(sn)), expect);
    let wish = json!({ "sn": sn, "out_refund_no": "F1R", "refund_fee": PART });
    let asked = world.call("/payment/refund", &wish).await;
    assert_eq!(asked["code"], 200, "{what}: {asked}");
    tokio::time::sleep(Duration::from_secs(30)).await;
    let told = world.call("/order/refundquery", &json!({ "out_refund_no": "F1R" })).await;
    let data = &told["data"];
    assert_eq!((&data["refund_status"], &data["refund_fee"]), (&json!("SUCCESS"), &json!(PART)));
    assert_eq!(data["refund_fee_type"], expect.currency.code(), "{what}: {data}");
    assert_eq!(data["rate"], expect.rate, "{what}: {data}");
    let back = (&data["cash_refund_fee"], &data["cash_refund_fee_type"]);
    assert_eq!(back, (&json!(expect.cash_back.0), &json!(expect.cash_back.1)), "{what}: {data}");
    world.call("/payment/refund", &json!({ "sn": sn, "out_refund_no": "F1S" })).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(world.order(sn).await.state.word(), "REFUND", "{what}");
    assert_eq!(world.differences(sn).await, [""; 0], "{what}");
}

/// Numbers are numbers in an answer, and texts in a notice.
fn check_payment(what: &str, told: &Value, expect: &Expect) {
    let text = |name: &str| told[name].to_string().trim_matches('"').to_owned();
    assert_eq!(text("trade_state"), "SUCCESS", "{what}: {told}");
    assert_eq!(text("total_fee"), TOTAL_FEE.to_string(), "{what}: {told}");
    assert_eq!(text("fee_type"), expect.currency.code(), "{what}: {told}");
    assert_eq!(text("cash_fee"), expect.cash.0.to_string(), "{what}: {told}");
    assert_eq!(text("cash_fee_type"), expect.cash.1, "{what}: {told}");
}

#[test]
fn an_order_keeps_its_currency_from_placing_to_refund() {
    static COUNTERS: OnceLock<Vec<Counter>> = OnceLock::new();
    let counters = COUNTERS.get_or_init(|| EXPECT.iter().map(counter_of).collect());
    for (counter, expect) in counters.iter().zip(&EXPECT) {
        play_alone(|| paid_and_refunded(counter, expect));
    }
    for currency in Currency::ALL {
        assert!(EXPECT.iter().any(|expect| expect.currency == currency), "{}", currency.code());
    }
}
