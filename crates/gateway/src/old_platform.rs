//! Passing on what only the platform before knows: requests about its orders and refunds, and its
//! upstreams' callbacks, byte for byte; and asking it before an order is placed that it may hold.
//!
//! It is asked through a guard of its own, which lets only the configured host pass. What it does not
//! answer explicitly stays unknown: an order that it may hold is never called absent. Nothing of its
//! orders is stored here, and placing is never passed on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use channels::http::{HttpRequest, HttpResponse};
use kernel::code;
use kernel::fault::Fault;
use kernel::id::MchId;
use kernel::old_platform::{OldAnswer, OldPlatform, PASSED_ON};
use kernel::order::SignForm;
use kernel::secret::Secret;
use kernel::sign;
use serde_json::json;
use store::orders;
use tokio::sync::Semaphore;

use crate::Gateway;
use crate::callers::Caller;
use crate::egress::{Egress, EgressFault, Wire};

/// Requests that are with the platform before at the same time: when it is slow, it must not hold
/// whatever else this process could do.
const UNDER_WAY_MAX: usize = 256;
/// The same of callbacks, which anybody can send: they must not take the places of merchants.
const CALLBACKS_UNDER_WAY_MAX: usize = 64;
/// How long placing waits for the answer whether a number is taken there.
const GUARD_WAIT: Duration = Duration::from_secs(3);
/// Where it answers queries (document 1.1).
const QUERY: &str = "/index.php?_m=payment&_a=query";

/// The platform before, with the connections to it.
pub(crate) struct OldLink {
    platform: OldPlatform,
    wire: Arc<dyn Wire>,
    places: Semaphore,
    callback_places: Semaphore,
    counts: Counts,
}

/// What was passed on since the process started; every line of the log about it carries these.
#[derive(Default)]
struct Counts {
    passed_on: AtomicU64,
    unanswered: AtomicU64,
    callbacks: AtomicU64,
    asked: AtomicU64,
    standing: AtomicU64,
}

impl OldLink {
    /// Connections to `platform`.
    pub(crate) fn new(
        platform: OldPlatform,
        allowed: &[kernel::egress_policy::Cidr],
    ) -> Result<Self, String> {
        let wire = Arc::new(Egress::to_old_platform(platform.url.as_str(), allowed)?);
        let (places, callback_places) =
            (Semaphore::new(UNDER_WAY_MAX), Semaphore::new(CALLBACKS_UNDER_WAY_MAX));
        Ok(Self { platform, wire, places, callback_places, counts: Counts::default() })
    }

    /// Sends what a merchant, or we, ask.
    async fn send(&self, request: &HttpRequest) -> Result<HttpResponse, EgressFault> {
        self.send_from(&self.places, request).await
    }

    async fn send_from(
        &self,
        places: &Semaphore,
        request: &HttpRequest,
    ) -> Result<HttpResponse, EgressFault> {
        let busy = || EgressFault::NotSent("too many requests are with the platform before".into());
        let _place = places.try_acquire().map_err(|_| busy())?;
        self.wire.send(request).await
    }
}

impl Gateway {
    /// Whether requests about what only the platform before knows are passed on now.
    pub fn passes_on(&self) -> bool {
        self.old_link().is_some()
    }

    /// Whether they are for this caller.
    pub fn passes_on_for(&self, caller: &Caller) -> bool {
        caller.app.settings.moved_in && self.passes_on()
    }

    /// Whether an address is one at which upstreams call the platform before.
    pub fn is_old_callback(&self, path: &str, query: &str) -> bool {
        self.old_link().is_some_and(|link| link.platform.is_callback(path, query))
    }

    /// Where the platform before has a page that we do not know, for a payer's browser.
    pub fn old_address(&self, path_and_query: &str) -> Option<String> {
        let link = self.old_link()?;
        Some(format!("{}{path_and_query}", link.platform.url.as_str()))
    }

    /// The configured link, until its time is over.
    fn old_link(&self) -> Option<&OldLink> {
        self.0.old_platform.as_ref().filter(|link| self.now() < link.platform.until)
    }

    /// Passes an authentic request on; its body and its address are those that came in. Gives back
    /// the answer as it is, if it is one.
    ///
    /// # Errors
    /// 4005 if it was not sent; 492004, 492005 or 40600 if it is not known what became of it. `None`
    /// if nothing is passed on, or not for this application.
    pub async fn pass_on(
        &self,
        caller: &Caller,
        request: HttpRequest,
    ) -> Option<Result<Vec<u8>, Fault>> {
        let link = self.old_link().filter(|_| caller.app.settings.moved_in)?;
        let request = addressed(link, request);
        let answered = match link.send(&request).await {
            Ok(answer) => judged(answer),
            Err(fault) => Err(unanswered(&fault)),
        };
        let Counts { passed_on, unanswered, .. } = &link.counts;
        let count = if answered.is_ok() { passed_on } else { unanswered };
        count.fetch_add(1, Ordering::Relaxed);
        tracing::info!(
            app.id = %caller.app.app_id,
            answer = answered.as_ref().map_or_else(Fault::code, |(code, _)| *code),
            passed_on = passed_on.load(Ordering::Relaxed),
            unanswered = unanswered.load(Ordering::Relaxed),
            "passed on to the platform before"
        );
        Some(answered.map(|(_, body)| body))
    }

    /// Passes a callback on, whoever sends it: the platform before verifies it. `None` if it has not
    /// answered: then the upstream must call again.
    pub async fn pass_callback_on(&self, request: HttpRequest) -> Option<HttpResponse> {
        let link = self.old_link()?;
        let answered = link.send_from(&link.callback_places, &addressed(link, request)).await;
        let callbacks = link.counts.callbacks.fetch_add(1, Ordering::Relaxed) + 1;
        match answered {
            Ok(answer) => {
                tracing::info!(status = answer.status, callbacks, "a callback was passed on");
                Some(answer)
            }
            Err(fault) => {
                let why = fault.class();
                tracing::warn!(
                    why,
                    callbacks,
                    "a callback was not answered by the platform before"
                );
                None
            }
        }
    }

    /// Makes sure that the platform before does not hold the number: its payer could pay twice. A
    /// number of ours is answered by us.
    ///
    /// # Errors
    /// 40101, 40103–40106 as the order stands there; 4005 if that could not be learned.
    pub(crate) async fn guard_place(&self, caller: &Caller, number: &str) -> Result<(), Fault> {
        let Some(link) = self.guarding_link(caller) else { return Ok(()) };
        if self.is_ours(caller.app.mch_id, number).await? {
            return Ok(());
        }
        link.counts.asked.fetch_add(1, Ordering::Relaxed);
        let now = self.now();
        let mut fault = Fault::NotSent;
        for key in caller.app.keys_at(now) {
            match ask(link, caller, (number, key)).await {
                Standing::Absent => return Ok(()),
                Standing::There(why) => {
                    link.counts.standing.fetch_add(1, Ordering::Relaxed);
                    fault = why;
                    break;
                }
                Standing::Unknown => {}
            }
        }
        tracing::warn!(
            app.id = %caller.app.app_id, code = fault.code(),
            asked = link.counts.asked.load(Ordering::Relaxed),
            standing = link.counts.standing.load(Ordering::Relaxed),
            "an order was not placed: the platform before holds it, or did not say"
        );
        Err(fault)
    }

    /// The link, if placing has to ask it for this application.
    fn guarding_link(&self, caller: &Caller) -> Option<&OldLink> {
        let link = self.old_link().filter(|_| caller.app.settings.moved_in)?;
        (self.now() < link.platform.guard_until).then_some(link)
    }

    /// Whether placing asks the platform before for this application.
    pub(crate) fn guards(&self, caller: &Caller) -> bool {
        self.guarding_link(caller).is_some()
    }

    async fn is_ours(&self, mch_id: MchId, number: &str) -> Result<bool, Fault> {
        let found = orders::by_out_trade_no(&self.0.store, mch_id, number).await;
        Ok(found.map_err(|error| self.busy("read an order", &error))?.is_some())
    }
}

/// Whether the platform before holds a number.
enum Standing {
    /// It says that it has no such order.
    Absent,
    /// It has; why it is not placed again.
    There(Fault),
    /// It has not said.
    Unknown,
}

/// Asks whether a number is taken there, signed as its merchant signs.
async fn ask(link: &OldLink, caller: &Caller, (number, key): (&str, &Secret)) -> Standing {
    let app_id = caller.app.app_id.to_string();
    // ASCII is spelled alike in both forms.
    let signed = format!("appid{app_id}out_trade_no{number}");
    let sign = sign::md5_sign(key, &signed, SignForm::Plain);
    let body = json!({ "appid": app_id, "out_trade_no": number, "sign": sign });
    let request = HttpRequest {
        method: "POST".into(),
        url: QUERY.into(),
        headers: vec![("content-type".into(), "application/json".into())],
        body: body.to_string().into_bytes(),
    };
    let request = addressed(link, request);
    let Ok(Ok(answer)) = tokio::time::timeout(GUARD_WAIT, link.send(&request)).await else {
        return Standing::Unknown;
    };
    let Ok((code, body)) = judged(answer) else { return Standing::Unknown };
    if code == Fault::OrderNotFound.code() {
        return Standing::Absent;
    }
    match OldAnswer::parse(&body) {
        Some(answer) if code == code::SUCCESS && answer.is_of(number, key) => {
            Standing::There(answer.standing_fault())
        }
        Some(_) | None => Standing::Unknown,
    }
}

/// The request at the platform before, marked so that it goes no further.
fn addressed(link: &OldLink, mut request: HttpRequest) -> HttpRequest {
    request.url = format!("{}{}", link.platform.url.as_str(), request.url);
    request.headers.push((PASSED_ON.into(), "1".into()));
    request
}

/// An answer that may be given to a merchant, with its code. A redirect, an error of a server or a page
/// for people is none: what became of the request is not known.
fn judged(answer: HttpResponse) -> Result<(i64, Vec<u8>), Fault> {
    if answer.status == 200 && answer.body.is_empty() {
        return Err(Fault::EmptyAnswer);
    }
    match OldAnswer::parse(&answer.body) {
        Some(read) if answer.status == 200 => Ok((read.code, answer.body)),
        Some(_) | None => Err(Fault::UnmappedUpstream),
    }
}

fn unanswered(fault: &EgressFault) -> Fault {
    match fault {
        EgressFault::Blocked(_) | EgressFault::NotSent(_) | EgressFault::NoCertificate => {
            Fault::NotSent
        }
        EgressFault::Timeout | EgressFault::Broken(_) => Fault::TimedOut,
        EgressFault::TooLong => Fault::UnmappedUpstream,
    }
}
