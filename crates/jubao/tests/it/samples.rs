//! The samples that the reference shows, run as they are: in each language an order is placed,
//! paid, told, queried and refunded, and a forged notification is refused.

use std::path::{Path, PathBuf};
use std::process::Command;

use jubao::demo::identity::MERCHANT;
use kernel::notice::NoticeState;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};

use crate::app::TestApp;
use crate::foreign::{Running, root};

/// How a language's samples are run.
struct Runner {
    /// The program and its arguments for one of the four samples.
    program: fn(&str, &Path) -> Vec<String>,
    /// What has to be made before, in a folder of the test's own.
    make: fn(&Path) -> Vec<Command>,
}

fn sample(language: &str, file: &str) -> String {
    root().join("docs/samples").join(language).join(file).display().to_string()
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

const NOTHING: fn(&Path) -> Vec<Command> = |_| Vec::new();
const PHP: Runner = Runner {
    program: |name, _| words(&["php", &sample("php", &format!("{name}.php"))]),
    make: NOTHING,
};
const PYTHON: Runner = Runner {
    program: |name, _| words(&["python3", "-B", &sample("python", &format!("{name}.py"))]),
    make: NOTHING,
};
const NODE: Runner = Runner {
    program: |name, _| words(&["node", &sample("node", &format!("{name}.mjs"))]),
    make: NOTHING,
};
const CURL: Runner = Runner {
    program: |name, _| words(&["bash", &sample("curl", &format!("{name}.sh"))]),
    make: NOTHING,
};
/// Built before: `go run` would leave the server behind when it is ended.
const GO: Runner = Runner {
    program: |name, folder| words(&[&folder.join(name).display().to_string()]),
    make: |folder| {
        let build = |name: &str| {
            let mut go = Command::new("go");
            go.args(["build", "-o"]).arg(folder.join(name));
            go.arg(sample("go", &format!("{name}.go"))).arg(sample("go", "jubao.go"));
            // Nothing of the network, and nothing but Go.
            go.env("GOTOOLCHAIN", "local").env("GOPROXY", "off").env("CGO_ENABLED", "0");
            go.env_remove("GOFLAGS");
            go
        };
        ["place", "query", "refund", "notify"].map(build).into()
    },
};
const JAVA: Runner = Runner {
    program: |name, folder| {
        let class = name[..1].to_uppercase() + &name[1..];
        words(&["java", "-cp", &folder.display().to_string(), &class])
    },
    make: |folder| {
        let mut javac = Command::new("javac");
        javac.args(["-encoding", "UTF-8", "-d"]).arg(folder);
        javac.args(
            ["Jubao", "Place", "Query", "Refund", "Notify"]
                .map(|class| sample("java", &format!("{class}.java"))),
        );
        vec![javac]
    },
};

/// One language's samples beside a server.
struct Shop<'a> {
    app: &'a TestApp,
    runner: Runner,
    folder: PathBuf,
    notify_url: String,
}

impl Shop<'_> {
    fn command(&self, name: &str) -> Command {
        self.command_of(&(self.runner.program)(name, &self.folder))
    }

    fn command_of(&self, words: &[String]) -> Command {
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).env("JUBAO_API", &self.app.demo.addresses.api);
        command.env("JUBAO_MCH_ID", MERCHANT.mch_id.to_string()).env("JUBAO_KEY", MERCHANT.key);
        command.env("OUT_TRADE_NO", "SAMPLE-1").env("NOTIFY_URL", &self.notify_url);
        for name in ["http_proxy", "https_proxy", "all_proxy"] {
            command.env_remove(name).env_remove(name.to_uppercase());
        }
        // Java says what its environment told it.
        command.env_remove("JAVA_TOOL_OPTIONS").env_remove("_JAVA_OPTIONS");
        command
    }

    /// What a sample prints.
    async fn run(&self, name: &str) -> String {
        let outcome = Running::start(&mut self.command(name)).outcome(b"").await;
        assert_eq!(outcome.code, 0, "{name}: {outcome:?}");
        outcome.said.trim().to_owned()
    }

    async fn make(&self) {
        for mut command in (self.runner.make)(&self.folder) {
            let outcome = Running::start(&mut command).outcome(b"").await;
            assert_eq!(outcome.code, 0, "{command:?}: {outcome:?}");
        }
    }

    async fn place(&self) -> String {
        let placed = self.run("place").await;
        let (sn, page) = placed.split_once(' ').unwrap_or_else(|| panic!("{placed}"));
        assert!(page.starts_with(&self.app.demo.addresses.api), "{placed}");
        self.app.pay(sn, &json!({})).await;
        self.app.wait_state(sn, "SUCCESS").await;
        sn.to_owned()
    }

    async fn query_and_refund(&self) {
        assert_eq!(self.run("query").await, "SUCCESS");
        let status = self.run("refund").await;
        assert!(["PROCESSING", "SUCCESS"].contains(&status.as_str()), "{status}");
        assert_eq!(self.app.query(&self.sn().await).await["data"]["refundable"], 1000);
    }

    async fn sn(&self) -> String {
        let members = json!({ "mch_id": MERCHANT.mch_id.to_string(), "out_trade_no": "SAMPLE-1" });
        let answer = self.app.call("/order/query", &members).await;
        answer["data"]["sn"].as_str().unwrap().to_owned()
    }
}

fn shop<'a>(app: &'a TestApp, runner: Runner, notify_url: String) -> Shop<'a> {
    Shop { app, runner, folder: app.folder.path().to_owned(), notify_url }
}

/// A port that was free a moment ago.
async fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

/// A shop whose own server takes the notification.
async fn live(runner: Runner, server: fn(&Shop<'_>, u16) -> Command) {
    let app = TestApp::spawn().await;
    let port = free_port().await;
    let shop = shop(&app, runner, format!("http://127.0.0.1:{port}/notify"));
    shop.make().await;
    let listener = Running::start(&mut server(&shop, port));
    app.wait("the sample's server", async || {
        TcpStream::connect(("127.0.0.1", port)).await.ok().map(|_| ())
    })
    .await;
    let sn = shop.place().await;
    app.wait_notice_state(&sn, NoticeState::Delivered).await;
    let forged = "out_trade_no=SAMPLE-1&total_fee=1314&sign=00000000000000000000000000000000";
    let answer = app.client.post(&shop.notify_url).body(forged);
    let answer = answer.header("content-type", "application/x-www-form-urlencoded").send().await;
    assert_eq!(answer.unwrap().text().await.unwrap(), "fail");
    shop.query_and_refund().await;
    listener.terminate();
    app.finish().await;
}

/// The sample's server, as its head says that it is started.
fn own_server(shop: &Shop<'_>, port: u16) -> Command {
    let mut command = shop.command("notify");
    command.env("PORT", port.to_string());
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn the_samples_in_php_place_hear_query_and_refund() {
    live(PHP, |shop, port| {
        let mut server = shop.command_of(&words(&["php", "-S", &format!("127.0.0.1:{port}")]));
        server.arg(sample("php", "notify.php"));
        server
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_samples_in_python_place_hear_query_and_refund() {
    live(PYTHON, own_server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_samples_in_node_place_hear_query_and_refund() {
    live(NODE, own_server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_samples_in_java_place_hear_query_and_refund() {
    live(JAVA, own_server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_samples_in_go_place_hear_query_and_refund() {
    live(GO, own_server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_samples_with_curl_place_verify_query_and_refund() {
    let app = TestApp::spawn().await;
    let shop = shop(&app, CURL, app.merchant.url().to_owned());
    shop.place().await;
    let body = app.wait_notices(1).await.remove(0).body;
    let forged = body.replace("total_fee=1314", "total_fee=1");
    for (body, expect) in [(body, "success"), (forged, "fail")] {
        let outcome = Running::start(&mut shop.command("notify")).outcome(body.as_bytes()).await;
        assert_eq!(outcome.said.trim(), expect, "{outcome:?}");
    }
    shop.query_and_refund().await;
    app.finish().await;
}
