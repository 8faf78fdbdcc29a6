//! The merchants' API: bytes in, the documented envelope out. Every answer has an envelope, a trace
//! number and, but for unknown addresses and wrong methods, HTTP status 200.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{ALLOW, CONTENT_TYPE};
use axum::http::{Extensions, HeaderValue, Method, Response, StatusCode};
use futures_util::StreamExt;
use gateway::{Caller, Gateway, KeyClaim, KeyTurn};
use kernel::address::{self, Operation};
use kernel::call::Call;
use kernel::code;
use kernel::crash::{self, Point};
use kernel::dialect::jubao::{self, Admitted, BODY_BYTES_MAX, Context, RawCall};
use kernel::fault::{Fault, Language, Wording};
use kernel::scheme::Signing;
use tracing::Instrument;

use crate::carry_out::{carry_out, reply_of_record};
use crate::doctor;
use crate::edge::{Client, Edge, Turn};
use crate::idempotency::{self, SentKey};
use crate::outlive::Outlive;
use crate::reply::{Reply, envelope, failure, language, text, written};
use crate::{Site, long_poll, records};

/// Bytes that are read of a body beyond its limit, only to be dropped.
const DROPPED_BYTES_MAX: usize = 4 << 20;

/// Said of a body that breaks off.
const BROKEN: Wording = ["请求体不完整", "the body did not arrive whole"];

/// Said of a nonce that was sent before.
const REPLAYED: Wording = ["nonce_str 已使用过", "this nonce_str was used before"];

/// A request that was admitted, and that may be carried out more than once because it only asks.
#[derive(Clone)]
pub(crate) struct Asking {
    pub(crate) caller: Arc<Caller>,
    pub(crate) call: Call,
    form: (Signing, bool),
}

/// Answers every request to an address that no page has.
pub async fn call(State(site): State<Site>, request: Request) -> Response<Body> {
    let Site { gateway, edge } = &site;
    let trace_no = gateway.trace_no();
    let (parts, body) = request.into_parts();
    let language = language(&parts.headers);
    let (path, query) = (parts.uri.path(), parts.uri.query().unwrap_or_default());
    let Some(operation) = address::resolve(path, query) else {
        return envelope(
            StatusCode::NOT_FOUND,
            &failure(Fault::UnknownAddress),
            language,
            &trace_no,
        );
    };
    if parts.method != Method::POST {
        let reply = failure(Fault::WrongMethod);
        let mut response = envelope(StatusCode::METHOD_NOT_ALLOWED, &reply, language, &trace_no);
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
        return response;
    }
    // Read even if it is refused: a client that is still sending would not see the answer.
    let reply = match read(body, edge.limits().times.body).await {
        Ok(body) => {
            let Some(turn) = turn(edge, operation, &parts.extensions).await else {
                return written(gateway, &failure(Fault::Busy), language, &trace_no);
            };
            let content_type = parts.headers.get(CONTENT_TYPE).and_then(|text| text.to_str().ok());
            let content_type = content_type.map(str::to_owned);
            let sender = Sender {
                ip: parts.extensions.get::<Client>().map(|client| client.ip),
                key: idempotency::key_of(&parts.headers),
                language,
                trace_no: trace_no.clone(),
            };
            let query = query.to_owned();
            let owned = OwnedCall { operation, content_type, query, body, sender, turn };
            let (reply, asking) = finish(site.clone(), owned, &trace_no).await;
            match asking {
                Some(asking) => long_poll::until(&site, asking, reply, &trace_no).await,
                None => reply,
            }
        }
        Err(fault) => failure(fault),
    };
    let success = if reply.is_awaited { code::AWAITED } else { code::SUCCESS };
    let code = reply.fault.as_ref().map_or(success, Fault::code);
    tracing::info!(trace_no, operation = ?operation, code, "answered");
    written(gateway, &reply, language, &trace_no)
}

/// A turn for a request, unless its client asks too often or there is none in time.
async fn turn(edge: &Edge, operation: Operation, extensions: &Extensions) -> Option<Turn> {
    let client = extensions.get::<Client>().copied();
    if client.is_some_and(|client| !edge.is_welcome(client)) {
        return None;
    }
    // A guess at a password costs a guesser little, and us a hash.
    if !operation.is_signed() && client.is_some_and(|client| !edge.may_log_in(client)) {
        return None;
    }
    edge.merchant_turn().await
}

/// A request that outlives its connection, and keeps its turn until it is done.
struct OwnedCall {
    operation: Operation,
    content_type: Option<String>,
    query: String,
    body: Vec<u8>,
    sender: Sender,
    turn: Turn,
}

/// What a request is beside its bytes.
struct Sender {
    /// The client's address.
    ip: Option<IpAddr>,
    /// Its Idempotency-Key.
    key: SentKey,
    language: Language,
    trace_no: String,
}

/// Reads a body up to its limit. What is beyond is read and dropped, as far as that is cheap:
/// clients that are still sending would not see an answer.
async fn read(body: Body, wait: Duration) -> Result<Vec<u8>, Fault> {
    let mut chunks = body.into_data_stream();
    let (mut bytes, mut length) = (Vec::new(), 0);
    let whole = tokio::time::timeout(wait, async {
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.ok()?;
            length += chunk.len();
            if length <= BODY_BYTES_MAX {
                bytes.extend_from_slice(&chunk);
            } else if length > DROPPED_BYTES_MAX {
                break;
            }
        }
        Some(())
    });
    match whole.await {
        Ok(Some(())) if length > BODY_BYTES_MAX => Err(Fault::TooLarge),
        Ok(Some(())) => Ok(bytes),
        Ok(None) | Err(_) => Err(Fault::Malformed(BROKEN)),
    }
}

/// Finishes what a request began even if its client hangs up, and answers although a defect of ours
/// stopped it.
async fn finish(site: Site, call: OwnedCall, trace_no: &str) -> (Reply, Option<Asking>) {
    let work = async move {
        let raw = RawCall {
            operation: call.operation,
            content_type: call.content_type.as_deref(),
            query: &call.query,
            body: &call.body,
        };
        let reply = perform(&site, &raw, &call.sender).await;
        drop(call.turn);
        reply
    };
    let work = Outlive::new(work.instrument(tracing::info_span!("call", trace_no)));
    work.await.unwrap_or_else(|_| {
        tracing::error!(trace_no, "a request was not finished");
        (failure(Fault::Defect), None)
    })
}

/// The answer, and what asks for it if it may wait for a better one.
async fn perform(site: &Site, raw: &RawCall<'_>, sender: &Sender) -> (Reply, Option<Asking>) {
    if !raw.operation.is_signed() {
        let from = sender.ip.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let reply = match jubao::open_unsigned(raw, site.gateway.now()) {
            Ok(call) => reply_of_record(
                Box::pin(records::carry_out_unsigned(&site.gateway, call, from)).await,
            ),
            Err(fault) => failure(fault),
        };
        return (reply, None);
    }
    let Admission { caller, mut admitted, key } = match admitted(site, raw, sender).await {
        Ok(admission) => admission,
        Err(reply) => return (reply, None),
    };
    crash::reach(Point::RequestAdmitted);
    let nonce = admitted.nonce.take();
    let form = (admitted.sign_form, admitted.is_form_certain);
    // What is kept under a key is the answer now: such a request does not wait for another.
    let asking = (key.is_none() && long_poll::may_wait(&admitted.call)).then(|| Asking {
        caller: caller.clone(),
        call: admitted.call.clone(),
        form,
    });
    let asked = (admitted.call, form);
    let reply = carry_out((&site.gateway, &caller), asked, key.as_ref()).await;
    crash::reach(Point::AnswerSigned);
    // Busy had no effect and may be repeated as it is.
    if let (Some(Fault::Busy), Some(nonce)) = (&reply.fault, nonce) {
        site.gateway.forgive_nonce(&caller, &nonce).await;
    }
    if let Some(key) = key {
        let text = text(&reply, sender.language, &sender.trace_no);
        site.gateway.settle_key(key, reply.fault.as_ref(), &text).await;
    }
    (reply, asking)
}

/// Asks once more.
pub(crate) async fn ask_again(gateway: &Gateway, asking: Asking) -> Reply {
    carry_out((gateway, &asking.caller), (asking.call, asking.form), None).await
}

/// A request that may have its effect.
struct Admission {
    caller: Arc<Caller>,
    admitted: Admitted,
    key: Option<KeyClaim>,
}

/// Who calls, and what for; everything that is checked before our records are.
async fn admitted(site: &Site, raw: &RawCall<'_>, sender: &Sender) -> Result<Admission, Reply> {
    let Site { gateway, edge } = site;
    let opened = jubao::open(raw)?;
    let mut caller = gateway.caller(opened.caller()).await?;
    let allow = &gateway.settings().private_targets;
    let context = Context { now: gateway.now(), allow, from: sender.ip };
    let mut judged = jubao::admit(&opened, &caller.app, &context);
    if matches!(judged, Err(Fault::WrongSignature))
        && let Some(changed) = gateway.changed_caller(opened.caller(), &caller).await?
    {
        judged = jubao::admit(&opened, &changed.app, &context);
        caller = changed;
    }
    let admitted = match judged {
        Err(Fault::WrongSignature) => {
            let data = Box::pin(doctor::data(site, &caller, (&opened, raw))).await;
            return Err(Reply { data, ..failure(Fault::WrongSignature) });
        }
        judged => judged?,
    };
    // Only what is authentic is counted, else anybody could use up a merchant's rate; and before the
    // nonce is spent, since a refused request may be repeated as it is.
    if !edge.is_within_rate(caller.app.app_id) {
        return Err(Fault::Busy.into());
    }
    let key = match idempotency::turn(gateway, &caller, raw, &sender.key).await? {
        Some(KeyTurn::Act(claim)) => Some(claim),
        Some(KeyTurn::Answered(kept)) => {
            let none = Reply { fault: None, ..failure(Fault::Defect) };
            return Err(Reply { kept: Some(kept), ..none });
        }
        None => None,
    };
    match is_replay(gateway, &caller, &admitted, key.as_ref()).await {
        Ok(false) => Ok(Admission { caller, admitted, key }),
        refused => {
            let fault = refused.err().unwrap_or(Fault::NotAllowed(REPLAYED));
            if let Some(key) = key {
                gateway.settle_key(key, Some(&Fault::Busy), "").await;
            }
            Err(fault.into())
        }
    }
}

/// Whether a guarded request's nonce was spent before, but by an attempt of the same request that was lost.
async fn is_replay(
    gateway: &Gateway,
    caller: &Caller,
    admitted: &Admitted,
    key: Option<&KeyClaim>,
) -> Result<bool, Fault> {
    match &admitted.nonce {
        Some(nonce) if !key.is_some_and(KeyClaim::is_resumed) => {
            Ok(!gateway.spend_nonce(caller, nonce).await?)
        }
        Some(_) | None => Ok(false),
    }
}
