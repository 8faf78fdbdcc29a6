//! Where the requests of a race go: gateways within the test, or processes of the program. Each has a
//! store of its own on one database, with its own lanes and readers.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use channels::http::{HttpRequest, HttpResponse};
use gateway::clock::Clock;
use gateway::egress::{EgressFault, Sending, Wire, Wires};
use gateway::vault::Vault;
use gateway::{Gateway, Settings, Statuses};
use jubao::demo::accounts;
use jubao::demo::identity::{DemoIdentity, MERCHANT};
use jubao::signing;
use jubao::sim::SimHost;
use kernel::product::Product;
use kernel::secret::Secret;
use serde_json::{Map, Value};
use store::{Database, Store};
use tower::ServiceExt;
use web::edge::{Client, Edge, Limits};

use crate::foreign::Running;
use crate::leaks::{self, Kind, TestFolder};
use crate::nodes::fleet::Fleet;
use crate::place;
use crate::sim_books::SimBooks;

/// Gateways within the test.
const GATEWAYS: usize = 3;
/// Processes.
const PROCESSES: usize = 2;
/// The key-encryption key of every gateway.
const MASTER_KEY: [u8; 32] = [9; 32];
/// Where the upstream is, which no request over a network ever asks.
const UPSTREAM_URL: &str = "https://upstream.example";
/// Bytes of an answer that are read.
const BODY_BYTES_MAX: usize = 1 << 20;

/// Where requests go.
pub enum Doors {
    /// To gateways within the test.
    Within(Box<Within>),
    /// To processes.
    OverHttp(Box<OverHttp>),
}

/// Gateways on one database, and their upstream.
pub struct Within {
    routers: Vec<Router>,
    looking: Store,
    sims: SimHost,
    folder: TestFolder,
    _database: pgtest::Database,
}

/// Processes on one database.
pub struct OverHttp {
    fleet: Fleet,
    apis: Vec<String>,
    looking: Store,
    _processes: Vec<Running>,
}

impl Doors {
    /// Gateways within the test.
    pub async fn within() -> Self {
        leaks::secret(Kind::Key, "the master key", &MASTER_KEY);
        for password in pgtest::Database::passwords() {
            leaks::secret(Kind::Password, "a password of PostgreSQL", password.as_bytes());
        }
        let folder = TestFolder::make();
        let identity = DemoIdentity::load(folder.path()).unwrap();
        leaks::remember_identity(&identity);
        let sims = identity.sims(UPSTREAM_URL).unwrap();
        let sims = SimHost::new(sims, Clock::default(), Some(snapshot(&folder))).unwrap();
        let database = pgtest::Database::fresh_from("gateway", place::migrate).await;
        let mut routers = Vec::new();
        for at in 0..GATEWAYS {
            let gateway = gateway(&database, &sims).await;
            if at == 0 {
                accounts::install(&gateway, vec![account(&identity)]).await.unwrap();
            }
            let edge = Edge::new(Limits::of_this_machine(), None).unwrap();
            routers.push(web::router(gateway, edge));
        }
        let looking = opened(&database).await;
        Self::Within(Box::new(Within { routers, looking, sims, folder, _database: database }))
    }

    /// Processes of the program.
    pub async fn over_http() -> Self {
        let fleet = Fleet::make_with_books().await;
        let looking = fleet.gateway(Clock::default()).await.store().clone();
        let (mut apis, mut processes) = (Vec::new(), Vec::new());
        for _ in 0..PROCESSES {
            let (process, api) = fleet.process().await;
            processes.push(process);
            apis.push(api);
        }
        Self::OverHttp(Box::new(OverHttp { fleet, apis, looking, _processes: processes }))
    }

    /// Asks the process whose turn it is.
    pub async fn call(&self, at: u64, path: &str, members: Value) -> Value {
        let at = usize::try_from(at).unwrap();
        match self {
            Self::Within(within) => {
                let router = &within.routers[at % within.routers.len()];
                ask(router.clone(), path, &members).await
            }
            Self::OverHttp(over) => {
                let api = &over.apis[at % over.apis.len()];
                over.fleet.call(api, path, &members).await.unwrap()
            }
        }
    }

    /// The database, to look at.
    pub fn store(&self) -> &Store {
        match self {
            Self::Within(within) => &within.looking,
            Self::OverHttp(over) => &over.looking,
        }
    }

    /// What the upstreams say.
    pub fn books(&self) -> SimBooks {
        let file = match self {
            Self::Within(within) => {
                within.sims.save();
                snapshot(&within.folder)
            }
            Self::OverHttp(over) => over.fleet.saved_books(),
        };
        let saved: Map<String, Value> =
            serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        let mut books = SimBooks::default();
        for (name, snapshot) in &saved {
            books.read(name, snapshot, Clock::default().now());
        }
        books
    }
}

fn snapshot(folder: &TestFolder) -> PathBuf {
    folder.path().join("upstreams.json")
}

/// One account, at the upstream whose signatures cost least.
fn account(identity: &DemoIdentity) -> gateway::manage::AccountWish {
    let accounts = identity.accounts(UPSTREAM_URL).unwrap();
    let mut cheapest = accounts.into_iter().find(|one| one.channel == "wechat_v2").unwrap();
    cheapest.products = vec![Product::Micropay];
    cheapest
}

async fn opened(database: &pgtest::Database) -> Store {
    let url = Database::parse(&database.url()).unwrap();
    tokio::task::spawn_blocking(move || Store::open(&url)).await.unwrap().unwrap()
}

async fn gateway(database: &pgtest::Database, sims: &SimHost) -> Gateway {
    let settings = Settings {
        public_url: "https://pay.example".into(),
        node: None,
        private_targets: Vec::new(),
        statuses: Statuses::default(),
        old_platform: None,
    };
    let wires =
        Wires { upstreams: Arc::new(ToUpstream(sims.router())), merchants: Arc::new(Nowhere) };
    let (store, vault) = (opened(database).await, Vault::new(MASTER_KEY));
    Gateway::with_wires(store, (vault, Clock::default()), settings, wires).await.unwrap()
}

async fn ask(router: Router, path: &str, members: &Value) -> Value {
    let signed = signing::signed(members, &Secret::new(MERCHANT.key)).unwrap();
    let mut request = Request::post(path).body(Body::from(signed.to_string())).unwrap();
    request.extensions_mut().insert(Client::direct([192, 0, 2, 1].into()));
    let answer = router.oneshot(request).await.unwrap();
    let body = to_bytes(answer.into_body(), BODY_BYTES_MAX).await.unwrap();
    serde_json::from_slice(&body).unwrap()
}

/// The way to the simulators: no network.
struct ToUpstream(Router);

impl ToUpstream {
    async fn exchange(&self, request: &HttpRequest) -> Result<HttpResponse, EgressFault> {
        let path = request.url.trim_start_matches(UPSTREAM_URL);
        let mut builder = Request::builder().method(request.method.as_str()).uri(path);
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        let request = builder.body(Body::from(request.body.clone())).unwrap();
        let (parts, body) = self.0.clone().oneshot(request).await.unwrap().into_parts();
        let body = to_bytes(body, BODY_BYTES_MAX).await.unwrap().to_vec();
        let text = |value: &axum::http::HeaderValue| value.to_str().unwrap().to_owned();
        let headers = parts.headers.iter().map(|(name, value)| (name.to_string(), text(value)));
        Ok(HttpResponse { status: parts.status.as_u16(), headers: headers.collect(), body })
    }
}

impl Wire for ToUpstream {
    fn send<'a>(&'a self, request: &'a HttpRequest) -> Sending<'a> {
        Box::pin(self.exchange(request))
    }
}

/// The way to merchants, which nobody goes: these gateways have no notifier.
struct Nowhere;

impl Wire for Nowhere {
    fn send<'a>(&'a self, _: &'a HttpRequest) -> Sending<'a> {
        Box::pin(std::future::ready(Err(EgressFault::NotSent("nobody is there".into()))))
    }
}
