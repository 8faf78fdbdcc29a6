//! The binary at a command line: signatures, messages and exit codes, and the two servers.

use jubao::data_dir::{in_folder, open_or_make};
use std::fs;

use gateway::manage::AccountWish;
use jubao::demo::FreshFolder;
use kernel::secret::Secret;
use serde_json::{Value, json};

use crate::foreign::{Running, jubao, root, run};
use crate::leaks::{self, Kind, TestFolder};
use crate::schemes::PAIR;

const KEY: &str = "685c6e3eca5c964b2b8240aa151cb75d";

#[tokio::test(flavor = "multi_thread")]
async fn sign_makes_every_signature_of_the_vectors() {
    let text = fs::read_to_string(root().join("crates/kernel/vectors/sign.json")).unwrap();
    let vectors: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert!(vectors.len() > 50);
    for vector in vectors {
        let key = vector["key"].as_str().unwrap();
        let outcome = run(&["sign", "--key", key], &vector["params"].to_string()).await;
        assert_eq!((outcome.code, outcome.complained.as_str()), (0, ""), "{vector}");
        assert_eq!(outcome.said.trim_end(), vector["sign"].as_str().unwrap(), "{vector}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_can_come_from_the_environment_and_is_never_shown() {
    let mut command = jubao(&["sign"]);
    command.env("JUBAO_KEY", KEY);
    let outcome = Running::start(&mut command).outcome(b"{\"a\":1}").await;
    let asked = run(&["sign", "--key", KEY], "{\"a\":1}").await;
    assert_eq!((outcome.code, &outcome.said), (0, &asked.said));
    let mut help = jubao(&["sign", "--help"]);
    let help = Running::start(help.env("JUBAO_KEY", KEY)).outcome(b"").await;
    assert!(help.code == 0 && !help.said.contains(KEY), "{help:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_has_gone_is_no_fault() {
    let sign = Running::start(&mut jubao(&["sign", "--key", KEY]));
    assert_eq!(sign.unread(b"{\"a\":1}").await, (0, String::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_says_right_or_names_the_mistake() {
    let worked = "attach=11&body=abc&mch_id=10502105689001&notify_url=https://www.baidu.com\
                  &out_trade_no=2021020920221357790&pay_channel_id=304\
                  &return_url=https://www.baidu.com&total_fee=10000";
    let right = format!("{worked}&sign=FF35FA2EBFB0DD709C33D58A26EEABDE");
    let md5 =
        |text: &str| kernel::sign::md5_sign(&Secret::new(""), text, kernel::order::SignForm::Plain);
    let json = |sign: String| {
        json!({ "total_fee": 1, "body": "聚 宝", "attach": "", "sign": sign }).to_string()
    };
    let bare =
        format!("body=6+1&total_fee=1&sign={}", md5(&format!("{KEY}body6+1total_fee1{KEY}")));
    for (input, code, says) in [
        (right.clone(), 0, "right"),
        (format!("{right}\r\n"), 0, "right"),
        (
            right.replace("FF35FA2EBFB0DD709C33D58A26EEABDE", "ff35fa2ebfb0dd709c33d58a26eeabde"),
            0,
            "right",
        ),
        (bare, 0, "right"),
        (json(md5(&format!("{KEY}attachbody聚 宝total_fee1{KEY}"))), 0, "right"),
        (json(md5(&format!("{KEY}body聚 宝total_fee1{KEY}"))), 1, "empty values must be signed"),
        (json(md5(&format!("{KEY}total_fee1body聚 宝attach{KEY}"))), 1, "must be sorted"),
        (json(md5(&format!("body=聚 宝&total_fee=1&key={KEY}"))), 1, "not as &key="),
        (json(md5(&format!("{KEY}attachbody聚 宝total_fee1"))), 1, "must stand behind"),
        (json(md5("anything")), 1, "no common mistake"),
        (json(md5("anything")), 1, "<key>attachbody聚 宝total_fee1<key>"),
        ("{\"a\":1}".to_owned(), 2, "no member `sign`"),
        ("{\"a\":".to_owned(), 2, "no JSON object"),
        ("a=1&a=2".to_owned(), 2, "given twice"),
    ] {
        let outcome = run(&["verify", "--key", KEY], &input).await;
        assert_eq!(outcome.code, code, "{input} {outcome:?}");
        let text = if code == 2 { &outcome.complained } else { &outcome.said };
        assert!(text.contains(says), "{input} {outcome:?}");
        assert!(!format!("{outcome:?}").contains(KEY), "{outcome:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_each_scheme_signs_is_verified_and_another_scheme_is_named() {
    let folder = FreshFolder::make().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let pair = &*PAIR;
    let private = file("private.pem", pair.sealable().unwrap().expose());
    let public = file("public.pem", &pair.public_key().unwrap().pem());
    let (shared, rsa) = (["--key", KEY], ["--rsa-key-from", private.as_str()]);
    for (scheme, sign_type, with) in [
        ("md5", None, shared),
        ("suffix", None, shared),
        ("hmac-sha256", Some("HMAC-SHA256"), shared),
        ("rsa2", Some("RSA2"), rsa),
    ] {
        let mut members = json!({ "total_fee": 1, "body": "聚 宝", "attach": "" });
        if let Some(word) = sign_type {
            members["sign_type"] = word.into();
        }
        let sign = [&["sign", "--scheme", scheme], &with[..]].concat();
        let sign = run(&sign, &members.to_string()).await;
        assert_eq!((sign.code, sign.complained.as_str()), (0, ""), "{scheme} {sign:?}");
        members["sign"] = sign.said.trim_end().into();
        let verify = async |more: &[&str], members: &Value| {
            let verify = ["verify", "--scheme", if scheme == "suffix" { "suffix" } else { "md5" }];
            run(&[&verify[..], more].concat(), &members.to_string()).await
        };
        let keys = ["--key", KEY, "--public-key", &public];
        let right = verify(&keys, &members).await;
        assert_eq!((right.code, right.said.trim_end()), (0, "right"), "{scheme} {right:?}");
        members["total_fee"] = 2.into();
        let wrong = verify(&keys, &members).await;
        let signed =
            if scheme == "suffix" { "body=聚 宝&total_fee=2&key=<key>" } else { "total_fee2" };
        assert!(wrong.code == 1 && wrong.said.contains(signed), "{scheme} {wrong:?}");
        assert!(!format!("{right:?}{wrong:?}").contains(KEY));
        let other = if scheme == "rsa2" { ["--key", KEY] } else { ["--public-key", &public] };
        let keyless = verify(&other, &members).await;
        assert!(keyless.code == 2 && keyless.complained.contains("whose key"), "{keyless:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_arguments_and_bad_input_end_with_two_and_say_what_would_do() {
    let folder = TestFolder::make();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (data, missing) = (path("data"), path("missing.toml"));
    let bad = path("bad.toml");
    fs::write(&bad, "node = 64\n").unwrap();
    let clash = path("clash.toml");
    fs::write(&clash, "node = 'mine'\n").unwrap();
    let unknown = path("unknown.toml");
    fs::write(&unknown, "no_such_key = 1\n").unwrap();
    let broken = path("broken.toml");
    fs::write(&broken, "listen = \n").unwrap();
    let no_cert = path("no_cert.toml");
    fs::write(&no_cert, "tls_cert = 'nowhere.pem'\ntls_key = 'nowhere.key'\n").unwrap();
    let sn = "11202611230732080000000002";
    let add = ["account", "add", "--data", &data, "--channel", "alipay"];
    for (arguments, input, says) in [
        (&[][..], "", "Usage"),
        (&["nonsense"], "", "nonsense"),
        (&["demo", "--nonsense"], "", "--nonsense"),
        (&["demo", "--listen", "nowhere"], "", "listen on nowhere"),
        (&["sign"], "{}", "--key"),
        (&["sign", "--key", KEY], "", "no JSON object"),
        (&["sign", "--key", KEY], "a=1", "no JSON object"),
        (&["sign", "--key", KEY], "{\"a\":[1]}", "a must be a string"),
        (&["sign", "--key", KEY], "{\"a\":1,\"a\":2}", "each member once"),
        (&["check-config", "--config", &missing], "", "missing.toml"),
        (&["check-config", "--config", &bad], "", "node: \"leased\", or 0 to 63"),
        (&["check-config", "--config", &clash], "", "node: \"leased\", or 0 to 63"),
        (&["check-config", "--config", &unknown], "", "no_such_key"),
        (&["check-config", "--config", &broken], "", "broken.toml"),
        (&["check-config", "--config", &no_cert], "", "nowhere.pem"),
        (&["serve", "--config", &no_cert], "", "nowhere.pem"),
        (&["serve", "--config", &missing], "", "missing.toml"),
        (&["merchant", "add", "--data", &data], "", "--name"),
        (&["merchant", "add", "--data", &data, "--name", " "], "", "name"),
        (&["merchant", "add", "--data", &data, "--name", "x", "--mch-id", "1"], "", "14 digits"),
        (&["merchant", "add", "--data", &data, "--name", "x", "--store", "x"], "", "NUMBER=NAME"),
        (&["merchant", "add", "--data", &data, "--name", "x", "--fee-ppm=-1"], "", "fee"),
        (&["merchant", "show", "1000258", "--data", &data], "", "no such merchant"),
        (&["merchant", "show", "x", "--data", &data], "", "is a number"),
        (&["merchant", "rotate-key", "1000258", "--data", &data], "", "no application"),
        (&[&add[..], &["--set", "nonsense"]].concat(), "", "KEY=VALUE"),
        (&[&add[..], &["--set", "nonsense=1"]].concat(), "", "missing"),
        (&[&add[..], &["--set", "private_key=@/nowhere"]].concat(), "", "/nowhere"),
        (&[&add[..], &["--product", "999"]].concat(), "", "999"),
        (&[&add[..], &["--currency", "XXX"]].concat(), "", "CNY"),
        (&["account", "add", "--data", &data, "--channel", "paypal"], "", "wechat, wechat_v2"),
        (&["order", "show", "1", "--data", &data], "", "26 digits"),
        (&["order", "show", sn, "--data", &data], "", "no such order"),
        (&["notice", "resend", sn, "--data", &data], "", "no such order"),
        (&["order", "show", sn, "--data", &data, "--config", &bad], "", "cannot be used with"),
    ] {
        if arguments.first() == Some(&"merchant") && arguments.get(1) == Some(&"show") {
            // The store is there, and empty.
            let (store, key) = (in_folder(path("data").as_ref()), path("data/master.key"));
            drop(open_or_make(&store, key.as_ref()).await.unwrap());
        }
        let outcome = run(arguments, input).await;
        assert_eq!((outcome.code, outcome.said.as_str()), (2, ""), "{arguments:?} {outcome:?}");
        assert!(outcome.complained.contains(says), "{arguments:?} {outcome:?}");
        assert!(!outcome.complained.contains("panicked"), "{outcome:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_without_a_store_is_not_made_by_looking_at_it() {
    let folder = TestFolder::make();
    let data = folder.path().join("typo").display().to_string();
    let sn = "11202611230732080000000002";
    for command in [
        &["merchant", "list"][..],
        &["merchant", "show", "1000258"],
        &["merchant", "rotate-key", "1000258"],
        &["account", "list"],
        &["order", "show", sn],
        &["notice", "resend", sn],
    ] {
        let outcome = run(&[command, &["--data", &data]].concat(), "").await;
        assert_eq!(outcome.code, 2, "{command:?} {outcome:?}");
        assert!(outcome.complained.contains("typo"), "{outcome:?}");
        assert!(!folder.path().join("typo").exists(), "{command:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_whose_key_is_lost_gets_no_new_one() {
    let folder = TestFolder::make();
    let data = folder.path().display().to_string();
    let add = ["merchant", "add", "--name", "x", "--data", &data];
    assert_eq!(run(&add, "").await.code, 0);
    fs::remove_file(folder.path().join("master.key")).unwrap();
    let outcome = run(&add, "").await;
    assert_eq!(outcome.code, 2, "{outcome:?}");
    assert!(outcome.complained.contains("master.key"), "{outcome:?}");
    assert!(!folder.path().join("master.key").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn check_config_reads_file_and_environment() {
    let folder = TestFolder::make();
    let file = folder.path().join("jubao.toml");
    fs::write(&file, "listen = '127.0.0.1:9'\npublic_url = 'https://pay.example/'\n").unwrap();
    let file = file.display().to_string();
    let outcome = run(&["check-config", "--config", &file], "").await;
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert_eq!(
        outcome.said.trim(),
        "valid: listens on 127.0.0.1:9, reached at https://pay.example"
    );
    let mut command = jubao(&["check-config", "--config", &file]);
    let command = command.env("JUBAO_PUBLIC_URL", "http://x.example");
    let outcome = Running::start(command).outcome(b"").await;
    assert!(outcome.said.contains("reached at http://x.example"), "{outcome:?}");
    let mut command = jubao(&["check-config", "--config", &file]);
    let outcome = Running::start(command.env("JUBAO_REQUESTS_MAX", "many")).outcome(b"").await;
    assert!(outcome.code == 2 && outcome.complained.contains("JUBAO_REQUESTS_MAX"), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn demo_prints_one_line_of_json_once_it_is_ready() {
    let mut demo = Running::start(&mut jubao(&["demo", "--listen", "127.0.0.1:0", "--json"]));
    let line = demo.line(|_| true).await;
    let ready: Value = serde_json::from_str(&line).unwrap();
    let expect = json!({ "mch_id": "10502105689001", "appid": "1000258", "key": KEY });
    assert_eq!((&ready["ready"], &ready["merchant"]), (&json!(true), &expect), "{line}");
    let client = leaks::client_builder().build().unwrap();
    for (name, path) in [("api", "/readyz"), ("shop", "/")] {
        let url = format!("{}{path}", ready[name].as_str().unwrap());
        assert_eq!(client.get(url).send().await.unwrap().status(), 200, "{name}");
    }
    let url = format!("{}/pay/1", ready["sim"].as_str().unwrap());
    assert_eq!(client.post(url).send().await.unwrap().status(), 404);
    let (code, rest) = demo.finish().await;
    assert_eq!((code, rest), (0, Vec::new()));
}

/// A merchant on a data folder, with an account that nothing answers behind: what `merchant add` said.
pub async fn merchant_of_pages(data: &str) -> Value {
    let wish = AccountWish { channel: "alipay".into(), ..account_for_all() };
    let add = run(&["merchant", "add", "--name", "页", "--data", data, "--json"], "").await.json();
    leaks::secret(Kind::Key, "a merchant's key", add["key"].as_str().unwrap().as_bytes());
    let mut arguments = vec!["account", "add", "--data", data, "--channel", &*wish.channel];
    let settings: Vec<_> =
        wish.settings.iter().map(|(key, text)| format!("{key}={text}")).collect();
    for setting in &settings {
        arguments.extend(["--set", setting]);
    }
    assert_eq!(run(&arguments, "").await.code, 0);
    add
}

/// The body that orders a mixed QR: no upstream is asked before somebody opens its page.
pub fn order_of(merchant: &Value) -> String {
    let members = json!({ "mch_id": merchant["mch_id"], "pay_channel_id": 304, "total_fee": 1 });
    let key = Secret::new(merchant["key"].as_str().unwrap());
    jubao::signing::signed(&members, &key).unwrap().to_string()
}

/// Such an order.
async fn order_of_a_page(data: &str, api: &str) -> Value {
    let merchant = merchant_of_pages(data).await;
    let client = leaks::client_builder().build().unwrap();
    let request = client.post(format!("{api}/payment/pay")).body(order_of(&merchant));
    let answer = request.send().await.unwrap().text().await.unwrap();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["code"], 200, "{answer}");
    answer["data"].clone()
}

/// An account for every merchant, with every required setting and nothing behind it.
pub fn account_for_all() -> AccountWish {
    let info = channels::by_name("alipay").unwrap().info();
    let settings = info.settings.iter().filter(|setting| setting.is_required);
    AccountWish {
        channel: "alipay".into(),
        name: String::new(),
        mch_id: 0,
        currency: kernel::money::Currency::Cny,
        products: Vec::new(),
        settings: settings.map(|setting| (setting.key.to_owned(), "x".into())).collect(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn serve_listens_answers_and_stops_although_a_page_is_open() {
    let folder = TestFolder::make();
    let data = folder.path().join("data").display().to_string();
    let file = folder.path().join("jubao.toml");
    let text = format!(
        "listen = '127.0.0.1:0'\nlog_format = 'json'\ndatabase = 'sqlite:{data}/jubao.db'\n\
         master_key_file = '{data}/master.key'\n"
    );
    fs::write(&file, text).unwrap();
    let file = file.display().to_string();
    let mut server = Running::start(&mut jubao(&["serve", "--config", &file]));
    let line = server.complaint(|line| line.contains("\"ready\"")).await;
    let line: Value = serde_json::from_str(&line).unwrap();
    let api = format!("http://{}", line["fields"]["listen"].as_str().unwrap());
    let client = leaks::client_builder().build().unwrap();
    for (path, expect) in [("/healthz", "ok"), ("/readyz", "ready")] {
        let answer = client.get(format!("{api}{path}")).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.text().await.unwrap(), expect);
    }
    let data = order_of_a_page(&data, &api).await;
    for path in ["/pay/", "/faults", "/gateway.do", "/v3/certificates"] {
        let sn = if path == "/pay/" { data["sn"].as_str().unwrap() } else { "" };
        let answer = client.post(format!("{api}{path}{sn}")).send().await.unwrap();
        assert!(matches!(answer.status().as_u16(), 404 | 405), "{path} {answer:?}");
    }
    let (_, token) = data["code_url"].as_str().unwrap().rsplit_once('/').unwrap();
    let mut page = client.get(format!("{api}/pay/{token}/events")).send().await.unwrap();
    let event = String::from_utf8(page.chunk().await.unwrap().unwrap().to_vec()).unwrap();
    assert!(event.contains("NOTPAY"), "{event}");
    let (code, rest) = server.finish().await;
    assert_eq!(code, 0, "{rest:?}");
    assert!(!rest.iter().any(|line| line.contains("ERROR")), "{rest:?}");
    assert!(!rest.iter().any(|line| line.contains("were cut")), "{rest:?}");
    assert_eq!(page.chunk().await.unwrap(), None, "the page's events end, and are not cut");
}
