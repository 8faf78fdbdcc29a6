//! What docs/guide/pull.md shows is run as it stands there: the loop in PHP, the lines for a shell, and the
//! commands; only addresses and ports are those of the test.

use std::fs;
use std::process::Command;

use jubao::demo::FreshFolder;
use jubao::demo::identity::MERCHANT;
use serde_json::{Value, json};

use crate::app::TestApp;
use crate::foreign::{Outcome, Running, root};
use crate::merchant::TestMerchant;

/// What the loop of the guide leaves to its reader: it ends after the second answer with events.
const REST_OF_LOOP: &str = r"
function load_cursor() { return is_file('cursor') ? file_get_contents('cursor') : ''; }
function save_cursor($next) {
    file_put_contents('cursor', $next);
    if (substr_count(file_get_contents('told'), PHP_EOL) >= 2) exit(0);
}
function handle($type, $facts) {
    file_put_contents('told', $type . ' ' . $facts['out_trade_no'] . PHP_EOL, FILE_APPEND);
}
$appid = '1000258';
$key = getenv('JUBAO_KEY');
";

/// The blocks of a guide in a language, in their order.
fn blocks(guide: &str, language: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join("docs/guide").join(guide)).unwrap();
    let fences = text.split("\n```").skip(1).step_by(2);
    let of_language = fences.filter_map(|block| block.strip_prefix(&format!("{language}\n")));
    of_language.map(|block| format!("{block}\n")).collect()
}

/// A reader with a folder of his own.
struct Reader<'a> {
    app: &'a TestApp,
    folder: FreshFolder,
}

impl<'a> Reader<'a> {
    fn of(app: &'a TestApp) -> Self {
        let folder = FreshFolder::make().unwrap();
        fs::write(folder.path().join("key.txt"), MERCHANT.key).unwrap();
        Self { app, folder }
    }

    /// A block with the test's addresses in it.
    fn adapted(&self, block: &str) -> String {
        let addresses = &self.app.demo.addresses;
        let jubao = concat!(env!("CARGO_BIN_EXE_jubao"), " ");
        block
            .replace("https://pay.example", &addresses.api)
            .replace("http://127.0.0.1:8080", &addresses.api)
            .replace("http://127.0.0.1:PORT", &addresses.sim)
            .replace("http://127.0.0.1:9000/notify", self.app.merchant.url())
            .replace("jubao ", jubao)
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.folder.path());
        for name in ["http_proxy", "https_proxy", "all_proxy"] {
            command.env_remove(name).env_remove(name.to_uppercase());
        }
        command
    }

    /// Runs lines of a shell.
    async fn shell(&self, lines: &str, sn: &str) -> Outcome {
        let lines = self.adapted(lines).replace("curl ", "curl -s ");
        let mut bash = self.command("bash", &["-ec", &lines]);
        Running::start(bash.env("SN", sn)).outcome(b"").await
    }
}

async fn place(app: &TestApp, number: &str) -> String {
    let mut order = app.order(102);
    (order["version"], order["out_trade_no"]) = (2.into(), number.into());
    let answer = app.call("/payment/pay", &order).await;
    answer["data"]["sn"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_loop_of_the_guide_handles_each_event_once() {
    let app = TestApp::spawn().await;
    let reader = Reader::of(&app);
    let sign = &blocks("merchants.md", "php")[0];
    let [of_pull] = &blocks("pull.md", "php")[..] else { panic!("pull.md has another sample") };
    let program = format!("<?php\n{sign}{REST_OF_LOOP}{}", reader.adapted(of_pull));
    let file = reader.folder.path().join("loop.php");
    fs::write(&file, program).unwrap();
    let (first, second) = (place(&app, "PULL-1").await, place(&app, "PULL-2").await);
    app.pay(&first, &json!({})).await;
    app.wait_state(&first, "SUCCESS").await;
    let mut php = reader.command("php", &["loop.php"]);
    let looping = Running::start(php.env("JUBAO_KEY", MERCHANT.key));
    let told = || fs::read_to_string(reader.folder.path().join("told")).unwrap_or_default();
    app.wait("the first event", async || told().contains("PULL-1").then_some(())).await;
    // The loop waits for this one; its cursor is kept, so the first is not told again.
    app.close(&second).await;
    let (code, said) = looping.ended().await;
    assert_eq!(
        (code, told().as_str()),
        (0, "order.success PULL-1\norder.closed PULL-2\n"),
        "{said:?}"
    );
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lines_for_a_shell_ask_the_feed_and_wait_for_an_order() {
    let app = TestApp::spawn().await;
    let reader = Reader::of(&app);
    let [feed, wait, listen, trigger] = &blocks("pull.md", "sh")[..] else {
        panic!("pull.md has other lines for a shell")
    };
    let sn = place(&app, "PULL-1").await;
    app.pay(&sn, &json!({})).await;
    app.wait_state(&sn, "SUCCESS").await;
    let asked = reader.shell(feed, &sn).await;
    let answer: Value = serde_json::from_str(&asked.said).unwrap();
    assert_eq!(answer["data"]["items"][0]["data"]["sn"], *sn, "{asked:?}");
    // What the guide prints of an answer has the members of one, but for those that it leaves out.
    let printed: Value = serde_json::from_str(&blocks("pull.md", "json")[0]).unwrap();
    assert!(has_members_of(&answer, &printed), "{answer}");
    // The key is that of the lines before.
    let waited = reader.shell(&format!("{feed}{wait}"), &sn).await;
    assert!(waited.said.contains("\"trade_state\":\"SUCCESS\""), "{waited:?}");

    let mut listening =
        Running::start(&mut reader.command("bash", &["-ec", &exec(&reader, listen)]));
    listening.line(|line| line.starts_with("listening")).await;
    let told: &TestMerchant = &app.merchant;
    let before = told.received().len();
    let triggered = reader.shell(trigger, &sn).await;
    assert!(triggered.code == 0 && triggered.said.contains("is SUCCESS"), "{triggered:?}");
    app.wait("the relayed event", async || (told.received().len() > before).then_some(())).await;
    assert_eq!(listening.finish().await.0, 0);
    app.finish().await;
}

/// The command in place of its shell, so that it can be ended.
fn exec(reader: &Reader<'_>, block: &str) -> String {
    format!("exec {}", reader.adapted(block))
}

/// Whether every member of `printed` is one of `real`, of the same kind.
fn has_members_of(real: &Value, printed: &Value) -> bool {
    match (real, printed) {
        (Value::Object(real), Value::Object(printed)) => printed
            .iter()
            .all(|(name, value)| real.get(name).is_some_and(|real| has_members_of(real, value))),
        (Value::Array(real), Value::Array(printed)) => {
            printed.iter().all(|value| real.first().is_some_and(|real| has_members_of(real, value)))
        }
        (real, printed) => std::mem::discriminant(real) == std::mem::discriminant(printed),
    }
}
