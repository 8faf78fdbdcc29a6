//! The store's tests, against real files. Each has its own folder, and nothing sleeps.

mod books;
mod delivery;
mod differential;
mod feed;
mod inspect;
mod layouts;
mod lists;
mod nodes;
mod once;
mod parties;
mod placing;
mod postgres;
mod promises;
mod refunds;
mod settling;
mod users;
mod writing;

use std::cell::Cell;
use std::future::Future;

use kernel::application::Settings;
use kernel::id::{AppId, Id, MchId};
use kernel::ledger::FeeRule;
use kernel::money::{Currency, Money};
use kernel::notice::{Notice, NoticeState};
use kernel::order::{Attempt, AttemptState, Order, Payment, SignForm};
use kernel::product::{Product, Provider};
use kernel::state::TradeState;
use kernel::time::Timestamp;
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::applications::NewApplication;
use crate::audit::AuditEntry;
use crate::layout::Layout;
use crate::merchants::NewMerchant;
use crate::messages::{Direction, Message};
use crate::orders::Change;
use crate::stores::Shop;
use crate::writer::{Answer, Reply};
use crate::{Batch, Database, Engine, Store, StoreError, Written};

const MCH: MchId = MchId(10_502_105_689_001);
const APP: AppId = AppId(1_000_258);
/// The server of every order's notices.
const TARGET: &str = "https://shop.example";

/// What a batch's answer comes by.
enum Waiting {
    File(oneshot::Receiver<Reply>),
    Server(oneshot::Receiver<Answer>),
}

impl Waiting {
    async fn told(self) -> Answer {
        match self {
            Self::File(answer) => answer.await.unwrap().0,
            Self::Server(answer) => answer.await.unwrap(),
        }
    }

    fn try_told(&mut self) -> Option<Answer> {
        match self {
            Self::File(answer) => answer.try_recv().ok().map(|(answer, _)| answer),
            Self::Server(answer) => answer.try_recv().ok(),
        }
    }
}

impl Store {
    /// Queues `batch` without waiting for its answer.
    fn submit(&self, batch: Batch) -> Result<Waiting, StoreError> {
        match &*self.engine {
            Engine::File(threads) => threads.writer.submit(batch).map(Waiting::File),
            Engine::Postgres(server) => server.submit(batch).map(Waiting::Server),
            Engine::Memory(_) => panic!("what is in memory has no queue"),
        }
    }
}

/// Which engine a test runs on.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum On {
    File,
    Server,
    /// A server that keeps what grows in partitions.
    Parts,
}

thread_local! {
    /// Where this thread's next store is.
    static ON: Cell<On> = const { Cell::new(On::File) };
}

/// Where a store is; it goes with this.
enum Place {
    Folder(TempDir),
    Server(pgtest::Database),
}

impl Place {
    fn database(&self) -> Database {
        match self {
            Self::Folder(folder) => options(folder),
            Self::Server(database) => Database::parse(&database.url()).unwrap(),
        }
    }
}

/// A store in a place that goes with it.
struct TestStore {
    store: Store,
    place: Place,
}

impl TestStore {
    fn new() -> Self {
        let place = match ON.get() {
            On::File => Place::Folder(tempfile::tempdir().unwrap()),
            On::Server => Place::Server(blocking(pgtest::Database::fresh_from("store", migrate))),
            On::Parts => {
                Place::Server(blocking(pgtest::Database::fresh_from("store_parts", partition)))
            }
        };
        let store = Store::open(&place.database()).unwrap();
        Self { store, place }
    }

    /// Closes the store and opens it again.
    fn reopened(self) -> Self {
        drop(self.store);
        let store = Store::open(&self.place.database()).unwrap();
        Self { store, place: self.place }
    }

    fn folder(&self) -> &TempDir {
        match &self.place {
            Place::Folder(folder) => folder,
            Place::Server(_) => panic!("a test for files alone"),
        }
    }

    /// A connection of nobody's, as another process has one.
    fn raw(&self) -> Connection {
        Connection::open(options(self.folder()).file().unwrap()).unwrap()
    }

    /// Runs statements behind the store's back.
    fn execute(&self, sql: &str) -> Result<(), String> {
        match &self.place {
            Place::Folder(_) => self.raw().execute_batch(sql).map_err(|error| error.to_string()),
            Place::Server(database) => blocking(async {
                let done = database.raw().await.batch_execute(sql).await;
                done.map_err(|error| format!("{:?}", error.as_db_error()))
            }),
        }
    }

    fn count(&self, table: &str) -> i64 {
        match &self.place {
            Place::Folder(_) => count(&self.raw(), table),
            Place::Server(database) => blocking(database.count(table)),
        }
    }

    async fn done(&self, batch: Batch) {
        assert!(self.store.write(batch).await.unwrap().is_done());
    }

    async fn missed(&self, batch: Batch) {
        assert!(matches!(self.store.write(batch).await.unwrap(), Written::Missed));
    }
}

fn options(folder: &TempDir) -> Database {
    Database::Sqlite(folder.path().join("data").join("jubao.db"))
}

fn count(connection: &Connection, table: &str) -> i64 {
    let sql = format!("select count(*) from {table}");
    connection.query_row(&sql, [], |row| row.get(0)).unwrap()
}

/// Runs a test on each engine, on one thread.
fn run(test: impl AsyncFn()) {
    run_on_file(&test);
    for on in [On::Server, On::Parts] {
        ON.set(on);
        runtime().block_on(test());
    }
    ON.set(On::File);
}

/// Runs a test of what only files have.
fn run_on_file(test: impl AsyncFn()) {
    runtime().block_on(test());
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Waits for something of the server's, wherever it is asked for.
fn blocking<T: Send>(work: impl Future<Output = T> + Send) -> T {
    std::thread::scope(|scope| scope.spawn(|| runtime().block_on(work)).join().unwrap())
}

async fn migrate(url: String) {
    drop(Store::open(&Database::parse(&url).unwrap()).unwrap());
}

/// As few partitions as there can be: more would only take longer to be copied.
const PARTS: u16 = 2;

async fn partition(url: String) {
    let database = Database::parse(&url).unwrap();
    crate::layout::lay_out(&database, Layout::Partitions(PARTS), &mut |_| ()).await.unwrap();
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_795_320_000 + seconds)
}

fn id(sequence: u32) -> Id {
    Id::from_parts(1_795_320_000, 1, sequence).unwrap()
}

/// Order number `sequence`, of 100.00, with no two fields alike.
fn an_order(sequence: u32) -> Order {
    Order {
        id: id(sequence),
        mch_id: MCH,
        app_id: APP,
        store_id: 7,
        out_trade_no: format!("T{sequence}"),
        product: Product::AlipayQr,
        state: TradeState::NotPay,
        rev: 0,
        currency: Currency::Hkd,
        total_fee: 10_000,
        discount: 12,
        fee_rule: FeeRule { rate_ppm: 6_000 },
        total_refund_fee: 0,
        body: "茶 🍵".into(),
        attach: "attach".into(),
        detail: "[]".into(),
        notify_url: "https://shop.example/n".into(),
        return_url: "https://shop.example/r".into(),
        wallet: "HK".into(),
        payer_ip: "192.0.2.1".into(),
        payer_openid: String::new(),
        sign_form: SignForm::Version2.into(),
        page_secret: "0123456789abcdef".into(),
        provider: None,
        adapter: String::new(),
        pay_text: String::new(),
        payment: None,
        created_at: at(1),
        expires_at: at(1_800),
        sweep_at: Some(at(60)),
        sweeps: 0,
    }
}

fn an_attempt(order: &Order, no: i64) -> Attempt {
    Attempt {
        order_id: order.id,
        mch_id: order.mch_id,
        no,
        product: Product::AlipayQr,
        account_id: id(40_000),
        account_version: 2,
        state: AttemptState::Asking,
        rev: 0,
        pay_text: String::new(),
        transaction_id: String::new(),
        created_at: at(2),
    }
}

fn a_message(order: &Order, sequence: u32) -> Message {
    Message {
        id: id(sequence),
        mch_id: order.mch_id,
        order_id: order.id,
        attempt_no: 1,
        account_id: id(40_000),
        direction: Direction::In,
        kind: "place".into(),
        at: at(3),
        status: Some(200),
        head: "HTTP/1.1 200".into(),
        body: br#"{"code":"10000"}"#.to_vec(),
    }
}

fn a_notice(order: &Order, sequence: u32) -> Notice {
    Notice {
        id: id(sequence),
        mch_id: order.mch_id,
        app_id: order.app_id,
        sign_form: order.sign_form,
        order_id: order.id,
        event: TradeState::Success,
        url: order.notify_url.clone(),
        target: TARGET.into(),
        facts: r#"{"sn":"11"}"#.into(),
        state: NoticeState::Waiting,
        tries: 0,
        due_at: at(10),
    }
}

fn an_audit_entry(subject: &str) -> AuditEntry {
    AuditEntry {
        at: at(5),
        actor: "operator".into(),
        action: "test".into(),
        subject: subject.into(),
        detail: "{}".into(),
    }
}

fn a_payment(order: &Order) -> Payment {
    Payment {
        provider: Provider::Alipay,
        transaction_id: format!("2026{}", order.out_trade_no),
        amount: order.pay_amount(),
        cash: Money::new(9_000, Currency::Cny),
        bank_type: "PCREDIT".into(),
        openid: "2088".into(),
        paid_at: at(4),
    }
}

/// A change of `order` that alters nothing yet.
fn a_change(order: &Order, batch: u32) -> Change {
    Change {
        order: order.clone(),
        expected_rev: order.rev,
        from: order.state,
        event: "looked".into(),
        postings: Vec::new(),
        notice: None,
        attempts: Vec::new(),
        new_attempts: Vec::new(),
        refunds: Vec::new(),
        new_refunds: Vec::new(),
        messages: Vec::new(),
        audit: Vec::new(),
        at: at(6),
        batch_id: id(batch).0,
    }
}

/// `order` paid: books, notice and audit travel with it.
fn a_paying_change(order: &Order, batch: u32) -> Change {
    let mut change = a_change(order, batch);
    change.event = "paid".into();
    change.order.state = TradeState::Success;
    change.order.provider = Some(Provider::Alipay);
    change.order.adapter = "alipay".into();
    change.order.payment = Some(a_payment(order));
    change.order.sweep_at = None;
    change.postings = kernel::ledger::payment(order.pay_amount(), order.fee_rule);
    change.notice = Some(a_notice(order, batch + 1));
    change.audit = vec![an_audit_entry(order.sn().as_str())];
    change
}

fn a_merchant() -> NewMerchant {
    NewMerchant {
        mch_id: MCH,
        name: "聚宝 Pay".into(),
        fee_rate_ppm: 6_000,
        application: NewApplication {
            app_id: APP,
            key_sealed: "sealed-1".into(),
            settings: Settings { may_discount: true, ..Settings::default() },
        },
        shops: vec![Shop { store_id: 7, name: "总店".into() }],
        created_at: at(0),
    }
}
