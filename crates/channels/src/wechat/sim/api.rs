//! The API: lets a request in, and does what it asks.

use serde_json::{Value, json};

use super::super::wire;
use super::answer::Reply;
use super::book::Book;
use super::call::Call;
use super::check::{Order, RefundAsked};
use super::faults::Exchange;
use super::trade::{self, Trade, TradeKind};
use super::{WechatSim, auth, barcode};
use crate::Stamp;
use crate::http::{HttpRequest, HttpResponse};
use crate::sim::Served;

/// Answers a request. Only one that is let in uses up a scripted fault.
pub(super) fn serve(sim: &mut WechatSim, request: &HttpRequest, stamp: &Stamp) -> Served {
    let admitted = auth::admit(&sim.platform.config, request, stamp.now);
    let call = match admitted.and_then(|()| Call::route(request)) {
        Ok(call) => call,
        Err(reply) => return Served::Answer(signed(sim, &reply, request, stamp)),
    };
    let fault = sim.script.take(call.kind());
    Exchange { call, request, stamp }.take_place(sim, fault)
}

/// `reply`, signed as the request asks.
pub(super) fn signed(
    sim: &WechatSim,
    reply: &Reply,
    request: &HttpRequest,
    stamp: &Stamp,
) -> HttpResponse {
    sim.platform.signed(reply, auth::answers_as(&sim.platform.config, request), stamp)
}

/// Does what is asked; `None`: it is done, and the connection ends without an answer.
pub(super) fn perform(
    sim: &mut WechatSim,
    call: &Call,
    request: &HttpRequest,
    stamp: &Stamp,
) -> Option<Reply> {
    let reply = match call {
        Call::Place(TradeKind::Barcode) => {
            return barcode::charge(sim, request, stamp).unwrap_or_else(Some);
        }
        Call::Place(kind) => place(sim, *kind, request, stamp),
        Call::QueryByNumber(number) => query(sim, request, stamp, |book| book.trades.get(number)),
        Call::QueryByTransaction(id) => {
            query(sim, request, stamp, |book| book.by_transaction(id, stamp.now))
        }
        Call::Close(number) => close(sim, number, request, stamp),
        Call::Reverse(number) => reverse(sim, number, request, stamp),
        Call::Refund => refund(sim, request, stamp),
        Call::QueryRefund(number) => sim
            .book
            .refunds
            .get(number)
            .map(|row| Reply::ok(row.object(stamp.now)))
            .ok_or_else(|| Reply::error(404, "RESOURCE_NOT_EXISTS", "退款单不存在")),
        Call::Keys => Ok(sim.platform.certificates(&mut sim.book, stamp)),
    };
    Some(reply.unwrap_or_else(|reply| reply))
}

fn place(
    sim: &mut WechatSim,
    kind: TradeKind,
    request: &HttpRequest,
    stamp: &Stamp,
) -> Result<Reply, Reply> {
    let config = &sim.platform.config;
    let order = Order::read(kind, &request.body, config, stamp.now)?;
    let trade = sim.book.place(order, auth::answers_as(config, request), stamp)?;
    let (base, page, prepay_id) = (&config.base_url, &trade.page_id, trade.prepay_id());
    Ok(Reply::ok(match kind {
        TradeKind::Native => json!({ "code_url": format!("{base}/wechat/qr/{page}") }),
        TradeKind::H5 => {
            json!({ "h5_url": format!("{base}/wechat/h5/{page}?prepay_id={prepay_id}") })
        }
        TradeKind::Jsapi | TradeKind::App => json!({ "prepay_id": prepay_id }),
        TradeKind::Barcode => trade.transaction(config, stamp.now),
    }))
}

fn query(
    sim: &WechatSim,
    request: &HttpRequest,
    stamp: &Stamp,
    find: impl FnOnce(&Book) -> Option<&Trade>,
) -> Result<Reply, Reply> {
    let mchid = url::form_urlencoded::parse(request.query().as_bytes())
        .find(|(name, _)| name == "mchid")
        .map(|(_, value)| value);
    if mchid.as_deref() != Some(sim.platform.config.mchid.as_str()) {
        return Err(Reply::param_error("query", "mchid", "与Authorization中的mchid不一致"));
    }
    let trade = find(&sim.book).ok_or_else(trade::not_found)?;
    let mut transaction = trade.transaction(&sim.platform.config, stamp.now);
    if sim.book.is_refunded(&trade.out_trade_no, stamp.now) {
        transaction["trade_state"] = "REFUND".into();
        transaction["trade_state_desc"] = "订单发生过退款".into();
    }
    Ok(Reply::ok(transaction))
}

/// The body of a request that must name the merchant.
fn body_of_merchant(sim: &WechatSim, request: &HttpRequest) -> Result<Value, Reply> {
    let body = wire::parse(&request.body)
        .ok_or_else(|| Reply::param_error("body", "/", "不是合法的JSON"))?;
    if wire::text(&body, "/mchid") != Some(&sim.platform.config.mchid) {
        return Err(Reply::param_error("body", "/mchid", "与Authorization中的mchid不一致"));
    }
    Ok(body)
}

fn close(
    sim: &mut WechatSim,
    number: &str,
    request: &HttpRequest,
    stamp: &Stamp,
) -> Result<Reply, Reply> {
    body_of_merchant(sim, request)?;
    sim.book.close(number, stamp.now).map(|()| Reply::no_content())
}

fn reverse(
    sim: &mut WechatSim,
    number: &str,
    request: &HttpRequest,
    stamp: &Stamp,
) -> Result<Reply, Reply> {
    let body = body_of_merchant(sim, request)?;
    let config = &sim.platform.config;
    if wire::text(&body, "/appid") != Some(&config.appid) {
        return Err(Reply::error(400, "APPID_MCHID_NOT_MATCH", "appid和mchid不匹配"));
    }
    sim.book.reverse(number, stamp.now)?;
    Ok(Reply::ok(json!({
        "appid": config.appid, "mchid": config.mchid, "out_trade_no": number,
    })))
}

fn refund(sim: &mut WechatSim, request: &HttpRequest, stamp: &Stamp) -> Result<Reply, Reply> {
    let asked = RefundAsked::read(&request.body)?;
    let signs_as = auth::answers_as(&sim.platform.config, request);
    sim.book.refund(asked, signs_as, stamp).map(|row| Reply::ok(row.object(stamp.now)))
}
