//! A database with everything in it that can happen to an order, and ways to spoil a copy of it by hand.

use std::path::{Path, PathBuf};

use jubao::data_dir::DATABASE_NAME;
use jubao::demo::identity::MERCHANT;
use kernel::id::Sn;
use kernel::notice::NoticeState;
use kernel::refund::RefundState;
use rusqlite::Connection;
use serde_json::{Value, json};
use store::upkeep::{Existing, back_up};
use store::{Database, Store};

use crate::app::TestApp;
use crate::leaks::{self, Kind, TestFolder};

/// The store after a day of trade, closed.
pub struct Traded {
    /// Where it is.
    pub folder: TestFolder,
    /// Paid, told, and nothing else.
    pub paid: Sn,
    /// Paid, and given back in two parts, one of which is still under way.
    pub refunded: Sn,
    /// Closed, then paid all the same: its money went back.
    pub surplus: Sn,
    /// Not paid yet.
    pub waiting: Sn,
}

/// Trades for a day.
pub async fn traded() -> Traded {
    let app = TestApp::spawn().await;
    let place = async |product| sn(&app.place(product).await["sn"]);
    let (paid, refunded) = (place(102).await, place(102).await);
    for sn in [&paid, &refunded] {
        app.pay(sn.as_str(), &json!({})).await;
        app.wait_state(sn.as_str(), "SUCCESS").await;
        app.wait_notice_state(sn.as_str(), NoticeState::Delivered).await;
    }
    for (number, fee) in [("A-1", 500), ("A-2", 34)] {
        let members = json!({
            "mch_id": app.mch_id().to_string(), "sn": refunded.as_str(), "out_refund_no": number,
            "refund_fee": fee,
        });
        assert_eq!(app.call("/payment/refund", &members).await["code"], 200);
    }
    let surplus = late(&app).await;
    // A barcode, charged with a key of its request.
    let mut members = app.order(401);
    members["code"] = code().into();
    assert_eq!(app.call("/payment/pay", &members).await["code"], 200);
    let waiting = place(304).await;
    app.check().await;
    let TestApp { demo, folder, .. } = app;
    demo.stop().await;
    Traded { folder, paid, refunded, surplus, waiting }
}

/// An order that was closed, and paid by whoever had its page: its money goes back.
async fn late(app: &TestApp) -> Sn {
    let data = app.place(102).await;
    let late = sn(&data["sn"]);
    assert_eq!(app.close(late.as_str()).await["code"], 200);
    app.client.get(data["qrcode"].as_str().unwrap()).send().await.unwrap();
    app.pay(late.as_str(), &json!({})).await;
    app.wait("the surplus to go back", async || {
        let store = app.demo.gateway.store();
        let refunds = store::refunds::of_order(store, MERCHANT.mch_id, late.id()).await.unwrap();
        refunds.iter().any(|one| one.state == RefundState::Done).then_some(())
    })
    .await;
    late
}

fn code() -> String {
    let code = "287654321012307700".to_owned();
    leaks::secret(Kind::Code, "a payer's code", code.as_bytes());
    code
}

fn sn(value: &Value) -> Sn {
    Sn::parse(value.as_str().unwrap()).unwrap()
}

impl Traded {
    /// The database's file.
    pub fn database(&self) -> PathBuf {
        self.folder.path().join(DATABASE_NAME)
    }

    /// A copy in which `sql` was done behind everybody's back; `:paid` and the others are the orders'
    /// ids.
    pub fn spoilt(&self, name: &str, sql: &str) -> PathBuf {
        let path = self.folder.path().join(format!("{name}.db"));
        // Not its bytes: what was written last may still be in the file beside it.
        back_up(&self.database(), &path, Existing::Replace).unwrap();
        let connection = Connection::open(&path).unwrap();
        let sql = self.named(sql);
        let is_of_guards = sql.contains("trigger ");
        let sql = if is_of_guards { sql } else { unguarded(&connection, &sql) };
        connection.execute_batch(&sql).unwrap_or_else(|error| panic!("{name}: {error}"));
        path
    }

    /// `sql` with the orders' ids in it.
    pub fn named(&self, sql: &str) -> String {
        let Self { paid, refunded, surplus, waiting, .. } = self;
        let all = [
            (":paid", paid),
            (":refunded", refunded),
            (":surplus", surplus),
            (":waiting", waiting),
        ];
        all.into_iter()
            .fold(sql.to_owned(), |sql, (name, sn)| sql.replace(name, &sn.id().to_string()))
    }
}

/// `sql` without the triggers that would refuse it, which are there again when it is done.
fn unguarded(connection: &Connection, sql: &str) -> String {
    let mut triggers = connection.prepare(include_str!("triggers.sql")).unwrap();
    let triggers = triggers.query_map([], |row| {
        Ok((row.get::<_, String>(0).unwrap(), row.get::<_, String>(1).unwrap()))
    });
    let triggers: Vec<_> = triggers.unwrap().map(Result::unwrap).collect();
    let off: String = triggers.iter().map(|(name, _)| format!("drop trigger {name};")).collect();
    let on: String = triggers.iter().map(|(_, sql)| format!("{sql};")).collect();
    format!("begin; {off}{sql};{on} commit;")
}

/// Opens a database as it is.
pub fn open(path: &Path) -> Store {
    Store::open(&Database::Sqlite(path.to_owned())).unwrap()
}
