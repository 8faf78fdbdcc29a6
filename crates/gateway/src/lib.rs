//! The use cases of Jubao Pay, one file each, and the workers that finish what was begun.
//!
//! The kernel decides, this crate performs: it commits first and speaks after, to upstreams and to
//! merchants alike. No transaction is open while it waits for the network. What an upstream has not
//! said explicitly stays in doubt until the sweeper has asked.

pub mod clock;
pub mod egress;
pub mod ids;
pub mod inspect;
pub mod manage;
pub mod move_in;
mod old_platform;
pub mod page;
pub mod resolver;
pub mod vault;

mod answered;
mod ask_upstream;
mod asked_lately;
mod bell;
mod callers;
mod certified_clients;
mod close_order;
mod exchange_rates;
mod forget;
mod fresh;
mod full_lists;
mod js_sdk;
mod kept_connections;
mod learn;
mod learn_plan;
mod learn_refund;
mod list_events;
mod list_orders;
mod list_places;
mod log_in;
mod looks;
pub mod merchant_wire;
mod node;
mod notifier;
mod one_at_a_time;
mod passwords;
mod payer_login;
mod place_order;
mod platform_key;
mod query_order;
mod receive_callback;
mod refund_order;
mod refund_password;
mod rehearse;
mod request_key;
mod reverse_order;
mod rotate_key;
mod routing;
mod set_application;
mod standing_order;
mod stopping;
mod story;
mod surplus;
mod sweeper;
mod switch_wallet;
mod users;
mod watchers;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use kernel::dialect::jubao::CallerId;
use kernel::digits::push_padded;
use kernel::egress_policy::Cidr;
use kernel::fault::Fault;
use kernel::id::{AppId, Id, MchId, Sn};
use kernel::old_platform::OldPlatform;
use kernel::rsa::PrivateKey;
use kernel::state::TradeState;
use kernel::time::Timestamp;
use store::Store;
use tokio::sync::{Notify, broadcast};

pub use crate::answered::{Answered, OrderFault};
use crate::asked_lately::AskedLately;
use crate::bell::News;
pub use crate::callers::Caller;
use crate::clock::Clock;
use crate::egress::{Wire, Wires};
use crate::fresh::Fresh;
use crate::full_lists::FullLists;
use crate::ids::IdSource;
pub use crate::js_sdk::SdkConfig;
pub use crate::list_events::EventsPage;
pub use crate::list_orders::Page;
use crate::list_places::ListPlaces;
pub use crate::log_in::LoggedIn;
use crate::looks::Looks;
use crate::node::Node;
use crate::old_platform::OldLink;
use crate::one_at_a_time::OneAtATime;
use crate::passwords::Passwords;
pub use crate::payer_login::{Arrival, LoginFailed};
pub use crate::place_order::Asked;
pub use crate::receive_callback::CallbackPath;
pub use crate::refund_order::AnsweredRefund;
pub use crate::request_key::{KeyClaim, KeyTurn};
use crate::routing::Accounts;
pub use crate::story::{Story, story};
pub use crate::users::Manager;
use crate::vault::Vault;
use crate::watchers::Watchers;
pub use crate::watchers::{Topic, Watcher};

/// What the operator decides.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where payers and upstreams reach us: scheme and host, no slash at the end.
    pub public_url: String,
    /// The number that this process makes its ids under; `None`: one that is free.
    pub node: Option<u32>,
    /// Networks that notifications may go to although they are not global.
    pub private_targets: Vec<Cidr>,
    /// HTTP status of the answers for which the contract leaves it to the operator.
    pub statuses: Statuses,
    /// The platform that this one replaces, if it still holds orders.
    pub old_platform: Option<OldPlatform>,
}

/// HTTP statuses that deployed clients may not expect: they drop the body of whatever is not 200, so
/// 200 is the default (contract section 1).
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Statuses {
    /// Of 4006, which then goes with `Retry-After`: 200, 429 or 503.
    pub busy: u16,
    /// Of a body that is too large (491002): 200 or 413.
    pub too_large: u16,
}

impl Default for Statuses {
    fn default() -> Self {
        Self { busy: 200, too_large: 200 }
    }
}

/// States that one page may lag behind before it has to ask again.
const CHANGES_BUFFERED_MAX: usize = 1024;

/// The running gateway. Clones share everything.
#[derive(Clone)]
pub struct Gateway(Arc<Inner>);

struct Inner {
    store: Store,
    settings: Settings,
    clock: Clock,
    ids: IdSource,
    node: Node,
    vault: Vault,
    upstreams: Arc<dyn Wire>,
    merchants: Arc<dyn Wire>,
    old_platform: Option<OldLink>,
    callers_by_app: Fresh<AppId, Arc<Caller>>,
    callers_by_mch: Fresh<MchId, Arc<Caller>>,
    accounts: Accounts,
    platform_key: Fresh<(), Option<PrivateKey>>,
    asked_lately: AskedLately,
    looks: Looks<CallerId, Result<Arc<Caller>, Fault>>,
    keys_fetched: Mutex<HashMap<Id, Timestamp>>,
    spent_logins: Mutex<HashMap<String, Timestamp>>,
    tickets: Mutex<HashMap<(Id, i64), (String, Timestamp)>>,
    passwords: Passwords,
    guesses: OneAtATime<String>,
    rates_asked: OneAtATime<Id>,
    list_places: ListPlaces,
    full_lists: FullLists,
    list_walks: OneAtATime<MchId>,
    changes: broadcast::Sender<(Id, Option<TradeState>)>,
    news: News,
    watchers: Watchers,
    wake_sweeper: Notify,
    wake_notifier: Notify,
    refused_callbacks: AtomicU64,
}

impl Gateway {
    /// A gateway on `store`.
    ///
    /// # Errors
    /// TLS does not start.
    pub async fn new(
        store: Store,
        vault: Vault,
        clock: Clock,
        settings: Settings,
    ) -> Result<Self, String> {
        let wires = Wires::connections(settings.private_targets.clone())?;
        Self::with_wires(store, (vault, clock), settings, wires).await
    }

    /// A gateway on `store` that speaks to others through `wires`.
    ///
    /// # Errors
    /// TLS does not start.
    pub async fn with_wires(
        store: Store,
        (vault, clock): (Vault, Clock),
        settings: Settings,
        wires: Wires,
    ) -> Result<Self, String> {
        let link = |old| OldLink::new(old, &settings.private_targets);
        let old_platform = settings.old_platform.clone().map(link).transpose()?;
        Ok(Self(Arc::new(Inner {
            ids: IdSource::default(),
            node: Node::default(),
            store,
            vault,
            upstreams: wires.upstreams,
            merchants: wires.merchants,
            old_platform,
            callers_by_app: Fresh::default(),
            callers_by_mch: Fresh::default(),
            accounts: Accounts::default(),
            platform_key: Fresh::default(),
            asked_lately: AskedLately::default(),
            looks: Looks::default(),
            keys_fetched: Mutex::default(),
            spent_logins: Mutex::default(),
            tickets: Mutex::default(),
            passwords: Passwords::default(),
            guesses: OneAtATime::default(),
            rates_asked: OneAtATime::default(),
            list_places: ListPlaces::default(),
            full_lists: FullLists::default(),
            list_walks: OneAtATime::default(),
            changes: broadcast::channel(CHANGES_BUFFERED_MAX).0,
            news: News::default(),
            watchers: Watchers::default(),
            wake_sweeper: Notify::new(),
            wake_notifier: Notify::new(),
            refused_callbacks: AtomicU64::new(0),
            clock,
            settings,
        })))
    }

    /// The store, for reports and administration.
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// The operator's settings.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Now, by the gateway's clock.
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Changes of orders, as they are committed by this process; and those of another process, whose
    /// state is to be looked up.
    pub fn changes(&self) -> broadcast::Receiver<(Id, Option<TradeState>)> {
        self.0.changes.subscribe()
    }

    /// Wakes the workers, so that they look at the clock again.
    pub fn wake(&self) {
        self.0.wake_sweeper.notify_one();
        self.0.wake_notifier.notify_one();
    }

    /// Callbacks refused since the process started.
    pub fn refused_callbacks(&self) -> u64 {
        self.0.refused_callbacks.load(Ordering::Relaxed)
    }

    /// Passwords hashed since the process started: each costs the same, so that no time tells anything.
    pub fn passwords_hashed(&self) -> u64 {
        self.0.passwords.hashed()
    }

    /// A number for one request, unique, for logs and support: time, node and random digits.
    pub fn trace_no(&self) -> String {
        let mut number = self.now().compact();
        number.push('-');
        push_padded(&mut number, u64::from(self.0.ids.node()), 1);
        number.push('-');
        number.push_str(&ids::random_hex::<12>());
        number
    }

    /// A nonce for a signed answer.
    pub fn nonce(&self) -> String {
        ids::random_hex::<16>()
    }

    /// The address of an order's page, by its number alone.
    pub async fn page_url(&self, sn: &Sn) -> Option<String> {
        let order = store::orders::by_sn(&self.0.store, sn).await.ok()??;
        Some(format!("{}/pay/{}", self.0.settings.public_url, page::token(&order)))
    }

    fn next_id(&self) -> Id {
        self.0.ids.next(self.0.clock.now())
    }
}
