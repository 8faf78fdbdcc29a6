//! Products and states, as tables.

use kernel::fault::Wording;
use kernel::product::PRODUCTS;
use kernel::refund::RefundState;
use kernel::state::TradeState;
use maud::{Markup, html};

use super::say;
use crate::language::Language;

/// The page of products.
pub fn products(language: Language) -> Markup {
    html! {
        h1 { (say(language, ["支付产品", "Products"])) }
        p .lead { (say(language, [
            "用 pay_channel_id（配 mch_id）或 payment（配 appid）指明。",
            "Named by pay_channel_id (with mch_id) or by payment (with appid).",
        ])) }
        table {
            thead { tr {
                th scope="col" { "pay_channel_id" }
                th scope="col" { (say(language, ["产品", "Product"])) }
            } }
            tbody { @for row in PRODUCTS {
                tr id={ "p" (row.channel_id) } {
                    td .number { (row.channel_id) }
                    td {
                        (say(language, row.names)) br;
                        code { (row.payment) }
                        @for alias in row.aliases { ", " code { (alias) } }
                        " " span .soft { (row.trade_type) }
                        @for names in row.requires {
                            br; (say(language, ["还需要", "also needs"])) " "
                            code { (names.join(" / ")) }
                        }
                    }
                }
            } }
        }
    }
}

fn order_words(state: TradeState) -> Wording {
    match state {
        TradeState::NotPay => ["等待付款", "Waits for the payer"],
        TradeState::UserPaying => {
            ["付款人正在付款，结果未知", "The payer is at it; the outcome is unknown"]
        }
        TradeState::PayError => {
            ["付款失败（仅付款码），终态", "The attempt failed; barcodes only, final"]
        }
        TradeState::Success => ["已付款；部分退款后仍是此状态", "Paid; also while partly refunded"],
        TradeState::Refund => ["已全额退款", "Refunded in full"],
        TradeState::Closed => ["已关闭或过期", "Closed, or expired"],
        TradeState::Revoked => ["已撤销", "Reversed"],
    }
}

fn refund_words(state: RefundState) -> Wording {
    match state {
        RefundState::Due | RefundState::Asking => {
            ["已占用金额并向上游提出，尚未完成", "Reserved and asked for; not done yet"]
        }
        RefundState::Done => ["已退回付款人", "The money is back"],
        RefundState::Closed => [
            "上游不予办理，金额已释放；同一单号可再试",
            "The upstream will not do it; the same number may be tried again",
        ],
        RefundState::Stuck => ["需要人工处理", "Needs a person"],
    }
}

/// The page of states.
pub fn states(language: Language) -> Markup {
    let orders = TradeState::ALL
        .map(|state| (format!("{} ({})", state.word(), state.status()), order_words(state)));
    let mut refunds =
        RefundState::ALL.map(|state| (state.status().to_owned(), refund_words(state))).to_vec();
    refunds.dedup_by(|one, other| one.0 == other.0);
    html! {
        h1 { (say(language, ["订单与退款状态", "States of orders and refunds"])) }
        h2 { code { "trade_state" } " (" code { "status" } ")" }
        (table(&orders, language))
        p { (say(language, [
            "CLOSED、PAYERROR、REVOKED 只会因迟到的付款变为 SUCCESS，且须应用接受迟到款；否则自动退回。",
            "CLOSED, PAYERROR and REVOKED become SUCCESS only by late money that the application \
             accepts; else it goes back by itself.",
        ])) }
        h2 { code { "refund_status" } }
        (table(&refunds, language))
    }
}

fn table(rows: &[(String, Wording)], language: Language) -> Markup {
    html! {
        table {
            thead { tr {
                th scope="col" { (say(language, ["状态", "State"])) }
                th scope="col" { (say(language, ["含义", "Means"])) }
            } }
            tbody { @for (word, words) in rows {
                tr { td { code { (word) } } td { (say(language, *words)) } }
            } }
        }
    }
}
