//! A gateway as a process of its own, and around it what outlives it: upstreams, the merchant's
//! server, and the memory of what clients were told.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener as StdListener;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use gateway::clock::Clock;
use gateway::{Gateway, Settings, Statuses};
use jubao::data_dir::{KEY_NAME, open_or_make};
use jubao::demo::identity::{DemoIdentity, MERCHANT};
use jubao::sim::SimHost;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::dice::Dice;
use crate::foreign::{Running, jubao};
use crate::leaks::{self, TestFolder};
use crate::merchant::TestMerchant;
use crate::place::Place;
use crate::sim_books::SimBooks;

/// How soon a process is ready after any death. The machine may be busy with other tests.
pub const READY_WITHIN: Duration = Duration::from_secs(2);
/// Between two looks at whether it is.
const LOOK: Duration = Duration::from_millis(5);
/// How long a process is waited for that does not get ready in time.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a client was told of one of its orders.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Our number, once an answer named it.
    pub sn: Option<String>,
    /// The upstream has taken the payer's money.
    pub is_paid: bool,
    /// An answer said that it is closed.
    pub is_closed: bool,
    /// An answer said that it is paid.
    pub is_success: bool,
    /// It is charged by the payer's code: whether that was paid, only the upstream's books tell.
    pub is_barcode: bool,
    /// Refunds by the merchant's number: what answers called them.
    pub refunds: BTreeMap<String, ToldRefund>,
}

/// What a client was told of one of its refunds.
#[derive(Clone, Debug, Default)]
pub struct ToldRefund {
    /// What it asked for, in minor units.
    pub amount: i64,
    /// Our number, once an answer named it.
    pub refund_id: Option<String>,
    /// An answer said that the payer has it back.
    pub is_done: bool,
}

/// By the merchant's own number.
pub type Oracle = Arc<Mutex<BTreeMap<String, Told>>>;

/// One test's world.
pub struct World {
    /// The gateway's address, the same in every life.
    pub api: String,
    /// The simulated upstreams'.
    pub sim: String,
    sims: SimHost,
    /// The merchant's server.
    pub merchant: Arc<TestMerchant>,
    /// What clients were told.
    pub oracle: Oracle,
    /// A plain HTTP client.
    pub client: reqwest::Client,
    /// Where its store is.
    pub place: Place,
    config: String,
    dice: Dice,
    running: Option<Running>,
    ready_after: BTreeSet<Duration>,
    _servers: JoinSet<()>,
    /// Where the process keeps its files, as long as this is here.
    _folder: TestFolder,
}

impl World {
    /// A world whose gateway has a merchant with an account at each upstream, and is not running.
    pub async fn make(seed: u64) -> Self {
        let folder = TestFolder::make();
        let place = Place::of(folder.path()).await;
        Self::made(seed, folder, place).await
    }

    /// The same, its store in a place that the test has chosen.
    pub async fn on(seed: u64, place: Place) -> Self {
        Self::made(seed, TestFolder::make(), place).await
    }

    async fn made(seed: u64, folder: TestFolder, place: Place) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sim = format!("http://{}", listener.local_addr().unwrap());
        let free = StdListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let identity = DemoIdentity::load(folder.path()).unwrap();
        install((&folder, &place), &identity, &sim).await;
        // They outlive every process, so nothing of them has to be kept in a file.
        let sims = SimHost::new(identity.sims(&sim).unwrap(), Clock::default(), None).unwrap();
        let mut servers = JoinSet::new();
        let router = sims.router();
        servers.spawn(async move { axum::serve(listener, router).await.unwrap() });
        servers.spawn(sims.clone().run_callbacks());
        let (config, data) = (folder.path().join("jubao.toml"), folder.path().display());
        let database = &place.text;
        let text = format!(
            "listen = '{free}'\npublic_url = 'http://{free}'\nlog = 'error'\n\
             database = '{database}'\nmaster_key_file = '{data}/{KEY_NAME}'\n\
             private_targets = ['127.0.0.0/8']\nturn_wait_ms = 5000\nrate_per_application = 0\n"
        );
        std::fs::write(&config, text).unwrap();
        Self {
            api: format!("http://{free}"),
            sim,
            sims,
            merchant: Arc::new(TestMerchant::spawn().await),
            oracle: Oracle::default(),
            client: client(),
            config: config.display().to_string(),
            place,
            dice: Dice::new(seed),
            running: None,
            ready_after: BTreeSet::new(),
            _servers: servers,
            _folder: folder,
        }
    }

    /// The merchant's number, as it is sent.
    pub fn mch_id(&self) -> String {
        MERCHANT.mch_id.to_string()
    }

    /// Random numbers of this world's seed.
    pub fn dice(&mut self) -> &mut Dice {
        &mut self.dice
    }

    /// What the upstreams' books say now.
    pub fn books(&self) -> SimBooks {
        let mut books = SimBooks::default();
        for (name, snapshot) in &self.sims.snapshot() {
            books.read(name, snapshot, Clock::default().now());
        }
        books
    }

    /// What clients were told so far.
    pub fn told(&self) -> MutexGuard<'_, BTreeMap<String, Told>> {
        self.oracle.lock().unwrap()
    }

    /// Adds lines to the configuration, for the next start.
    pub fn configure(&self, lines: &str) {
        let text = std::fs::read_to_string(&self.config).unwrap();
        std::fs::write(&self.config, text + lines).unwrap();
    }

    /// The process as it runs.
    pub fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    /// Starts the process, whose log goes to a file that may be on a full disk, and waits until it is ready.
    pub async fn start_logging_to(&mut self, log: &Path) {
        let serve = jubao(&["serve", "--config", &self.config]);
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", "exec \"$@\" 2>>\"$LOG\"", "sh"]).arg(serve.get_program());
        shell.args(serve.get_args()).env("LOG", log).env_remove("RUST_BACKTRACE");
        self.running = Some(Running::start(&mut shell));
        self.is_started(Instant::now()).await;
    }

    /// Starts another process beside it, which reaches the store at an address of its own: the process, and
    /// its address.
    pub async fn second(&self, database: &str) -> (Running, String) {
        let free = StdListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let mut command = jubao(&["serve", "--config", &self.config]);
        command.env("JUBAO_DATABASE", database).env("JUBAO_LISTEN", &free);
        let (running, api) = (Running::start(&mut command), format!("http://{free}"));
        self.is_ready_at(&api).await;
        (running, api)
    }

    /// Starts the process, to die at the point that `crash_at` names, if any, and does not wait.
    pub async fn begin(&mut self, crash_at: &str) {
        let mut command = jubao(&["serve", "--config", &self.config]);
        if !crash_at.is_empty() {
            command.env("JUBAO_CRASH_AT", crash_at);
        }
        self.running = Some(Running::start(&mut command));
    }

    /// Starts the process and waits until it is ready, which must not take long.
    pub async fn start(&mut self, crash_at: &str) {
        let began = Instant::now();
        self.begin(crash_at).await;
        self.is_started(began).await;
    }

    async fn is_started(&mut self, began: Instant) {
        self.is_ready_at(&self.api).await;
        self.ready_after.insert(began.elapsed());
    }

    async fn is_ready_at(&self, api: &str) {
        let (url, began) = (format!("{api}/readyz"), Instant::now());
        while began.elapsed() < PATIENCE {
            let answer = self.client.get(&url).send().await;
            if answer.is_ok_and(|answer| answer.status() == 200) {
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
        panic!("not ready after {PATIENCE:?}");
    }

    /// Kills the process, as `kill -9` does.
    pub async fn kill(&mut self) {
        if let Some(running) = self.running.take() {
            // It may have died by itself a moment ago.
            let _ = running.signal_if_alive("-KILL");
            running.end().await;
        }
    }

    /// Waits until the process has died at a point, and not otherwise.
    pub async fn died(&mut self, point: &str, patience: Duration) {
        let running = self.running.take().unwrap();
        let ended = tokio::time::timeout(patience, running.end()).await;
        let status = ended.unwrap_or_else(|_| panic!("{point:?} was never reached"));
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(6), "{point}");
    }

    /// Asks the process to end and waits.
    pub async fn finish(&mut self) {
        if let Some(running) = self.running.take() {
            let (code, said) = running.finish().await;
            assert_eq!(code, 0, "{said:?}");
        }
    }

    /// The longest time to get ready.
    pub fn slowest_start(&self) -> Duration {
        self.ready_after.last().copied().unwrap_or_default()
    }

    /// How many orders were acknowledged so far.
    pub fn acknowledged(&self) -> usize {
        self.told().values().filter(|one| one.sn.is_some()).count()
    }

    /// Says what was done, for whoever runs it by hand.
    pub fn report(&self, what: &str, count: u64) {
        let acknowledged = self.acknowledged();
        let told = self.told();
        let paid = told.values().filter(|one| one.is_paid).count();
        let refunds: usize = told.values().map(|one| one.refunds.len()).sum();
        println!(
            "{count} {what}: {acknowledged} orders acknowledged, {paid} paid, {refunds} refunds, {} starts, the \
             slowest {} ms; nothing lost",
            self.ready_after.len(),
            self.slowest_start().as_millis(),
        );
    }

    /// A process that dies while it makes its first store starts as if nothing had been.
    pub async fn dies_at_its_first_start(point: &str) {
        let folder = TestFolder::make();
        let data = folder.path().join("data").display().to_string();
        let mut dying = jubao(&["merchant", "add", "--data", &data, "--name", "first"]);
        let running = Running::start(dying.env("JUBAO_CRASH_AT", point));
        let status = running.end().await;
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(6), "{point}");
        let again = ["merchant", "add", "--data", &data, "--name", "again"];
        let again = crate::foreign::run(&again, "").await;
        assert_eq!(again.code, 0, "{point}: {again:?}");
    }
}

/// A client that gives up on a process that is gone.
pub fn client() -> reqwest::Client {
    leaks::client_builder().timeout(Duration::from_secs(15)).build().unwrap()
}

async fn install((folder, place): (&TestFolder, &Place), identity: &DemoIdentity, sim: &str) {
    let key = folder.path().join(KEY_NAME);
    let (store, vault) = open_or_make(&place.database, &key).await.unwrap();
    let settings = Settings {
        public_url: String::new(),
        node: None,
        private_targets: Vec::new(),
        statuses: Statuses::default(),
        old_platform: None,
    };
    let gateway = Gateway::new(store, vault, Clock::default(), settings).await.unwrap();
    identity.install(&gateway, sim).await.unwrap();
}
