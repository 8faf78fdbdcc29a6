//! What nothing that stores can surpass: orders read, verified, made and answered as the merchants' API
//! does it, with the same functions behind the same edge, and then forgotten; or, on a server, kept by
//! one statement each.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response, StatusCode};
use gateway::{Caller, Gateway};
use kernel::address;
use kernel::call::{Call, PlaceCall};
use kernel::dialect::answer::{self, OrderUrls};
use kernel::dialect::jubao::{self, BODY_BYTES_MAX, Context, RawCall};
use kernel::dialect::members;
use kernel::fault::{Fault, Language};
use kernel::order::Order;
use kernel::scheme::Signing;
use kernel::sign::Signer;
use store::measure::OneStatement;
use store::orders;

use super::sample::Sampler;

/// The node of what is kept by a statement each.
const KEEPING_NODE: u32 = 1;

/// Every address of it places an order, which is gone when it is answered.
pub fn router(gateway: Gateway) -> Router {
    let sampler = Sampler::new(gateway.now());
    Router::new().fallback(place).with_state(Ceiling { gateway, sampler, kept: None })
}

/// The same, but each order is kept by a statement of its own before it is answered.
pub fn keeping_router(gateway: Gateway, kept: OneStatement) -> Router {
    // The ids of another node than the gateway's.
    let sampler = Sampler::of_node(KEEPING_NODE, gateway.now());
    let kept = Some(Arc::new(kept));
    Router::new().fallback(place).with_state(Ceiling { gateway, sampler, kept })
}

#[derive(Clone)]
struct Ceiling {
    gateway: Gateway,
    sampler: Sampler,
    kept: Option<Arc<OneStatement>>,
}

async fn place(State(ceiling): State<Ceiling>, request: Request) -> Response<Body> {
    let trace_no = ceiling.gateway.trace_no();
    let (parts, body) = request.into_parts();
    let text = match to_bytes(body, BODY_BYTES_MAX).await {
        Ok(body) => {
            let content_type = parts.headers.get(CONTENT_TYPE).and_then(|text| text.to_str().ok());
            let query = parts.uri.query().unwrap_or_default();
            let operation = address::resolve(parts.uri.path(), query);
            let raw =
                operation.map(|operation| RawCall { operation, content_type, query, body: &body });
            match raw {
                Some(raw) => answered(&ceiling, &raw).await,
                None => Err(Fault::UnknownAddress),
            }
        }
        Err(_) => Err(Fault::TooLarge),
    };
    let text = match text {
        Ok(data) => answer::success(&data, &trace_no),
        Err(fault) => answer::failure(&fault, Language::En, None, &trace_no),
    };
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = StatusCode::OK;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    response
}

/// The signed data of the order that `raw` asks for.
async fn answered(ceiling: &Ceiling, raw: &RawCall<'_>) -> Result<String, Fault> {
    let gateway = &ceiling.gateway;
    let opened = jubao::open(raw)?;
    let caller = gateway.caller(opened.caller()).await?;
    let context =
        Context { now: gateway.now(), allow: &gateway.settings().private_targets, from: None };
    let admitted = jubao::admit(&opened, &caller.app, &context)?;
    let Call::Place(call) = admitted.call else { return Err(Fault::UnknownAddress) };
    let order = order(&ceiling.sampler, &caller, *call, admitted.sign_form);
    if let Some(kept) = &ceiling.kept {
        let placed = kept.place(&orders::place(&order, &[], &[])).await;
        placed.ok().filter(|is_placed| *is_placed).ok_or(Fault::Defect)?;
    }
    let base = &gateway.settings().public_url;
    let token = format!("{:x}-{:x}-{}", order.mch_id.0, order.id.0, order.page_secret);
    let (code_url, qrcode) =
        (format!("{base}/pay/{token}"), format!("{base}/order/qrcode/{token}"));
    let urls = OrderUrls { code_url: &code_url, qrcode: &qrcode, transaction_id: "" };
    let nonce = gateway.nonce();
    let mut data = answer::order_members(&order, &caller.app, &urls);
    let signer = Signer::of(&caller.app);
    members::sign_members(&mut data, signer, admitted.sign_form, &nonce).ok_or(Fault::Defect)?;
    Ok(members::object(&data))
}

fn order(sampler: &Sampler, caller: &Caller, call: PlaceCall, sign_form: Signing) -> Order {
    Order {
        mch_id: caller.app.mch_id,
        app_id: caller.app.app_id,
        product: call.product,
        total_fee: call.total_fee,
        discount: call.discount,
        fee_rule: caller.fee_rule,
        body: call.body,
        attach: call.attach,
        detail: call.detail,
        notify_url: call.notify_url.unwrap_or_default(),
        return_url: call.return_url.unwrap_or_default(),
        sign_form,
        ..sampler.order(call.out_trade_no.unwrap_or_default())
    }
}
