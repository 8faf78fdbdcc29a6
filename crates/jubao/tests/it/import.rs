//! `jubao merchant import`, as an operator meets it: the binary beside a running gateway, files, and
//! what holds then.

use std::fs;

use jubao::demo::FreshFolder;
use kernel::secret::Secret;
use serde_json::{Value, json};

use crate::app::TestApp;
use crate::foreign::{Outcome, run};
use crate::leaks::{self, Kind, TestFolder};

/// Keys of the merchants of the tests.
const KEYS: [&str; 4] = [
    "a1f3c5d7a9b1e2f4068ac13579bdf246",
    "b2f3c5d7a9b1e2f4068ac13579bdf246",
    "c3f3c5d7a9b1e2f4068ac13579bdf246",
    "d4f3c5d7a9b1e2f4068ac13579bdf246",
];
/// Merchants of the large file.
const MANY: usize = 12_000;

const HEAD: &str =
    "mch_id,appid,key,name,previous_key,previous_key_until,fee_ppm,stores,settings\n";

/// What the command says about the store that `store` names, given a file on standard input; no key is in it.
async fn import(store: [&str; 2], file: &str, more: &[&str]) -> Outcome {
    for key in KEYS {
        leaks::secret(Kind::Key, "a key of an import", key.as_bytes());
    }
    let all = [&["merchant", "import", "-"], &store[..], more].concat();
    let outcome = run(&all, file).await;
    let printed = format!("{outcome:?}");
    assert!(KEYS.iter().all(|key| !printed.contains(key)), "a key was printed");
    outcome
}

async fn show(store: [&str; 2], app_id: &str) -> Value {
    let shown = run(&[&["merchant", "show", app_id, "--json"], &store[..]].concat(), "").await;
    assert_eq!(shown.code, 0, "{shown:?}");
    shown.json()
}

/// Added, updated, unchanged, conflicting, failed.
fn counts(outcome: &Outcome) -> [u64; 5] {
    let json = outcome.json();
    ["added", "updated", "unchanged", "conflicting", "failed"]
        .map(|name| json[name].as_u64().unwrap())
}

/// The code that a query of an unknown order gets: 40102 if it is authentic.
async fn code_of_a_query(app: &TestApp, who: (&str, &str), key: &str) -> i64 {
    let members = json!({ who.0: who.1, "out_trade_no": "unknown" });
    let answer = app.call_with(&Secret::new(key), "/order/query", &members).await;
    answer["code"].as_i64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merchant_moves_in_with_all_its_applications_and_keys_beside_a_running_gateway() {
    let app = TestApp::spawn().await;
    let config = app.config();
    let [first, second, before, _] = KEYS;
    let until = app.demo.gateway.now().plus_millis(3_600_000).beijing();
    let file = format!(
        "{HEAD}10888800000001,8880001,{first},聚宝茶行,{before},{until},6000,1=一号店;2=二号店,\n\
         10888800000001,8880002,{second},,,,,,may_discount=yes;notify_url=https://tea.example/n\n"
    );
    let outcome = import(["--config", &config], &file, &["--format", "csv", "--json"]).await;
    assert_eq!((outcome.code, counts(&outcome)), (0, [1, 0, 0, 0, 0]), "{outcome:?}");
    for (who, key, expect) in [
        (("mch_id", "10888800000001"), first, 40102),
        (("appid", "8880001"), first, 40102),
        (("appid", "8880001"), before, 40102),
        (("appid", "8880002"), second, 40102),
        (("mch_id", "10888800000001"), second, 4004),
        (("appid", "8880002"), first, 4004),
    ] {
        assert_eq!(code_of_a_query(&app, who, key).await, expect, "{who:?}");
    }
    app.advance(3_601);
    assert_eq!(code_of_a_query(&app, ("appid", "8880001"), before).await, 4004, "its time is over");
    let shown = show(["--config", &config], "8880002").await;
    assert_eq!((&shown["name"], &shown["fee_ppm"]), (&json!("聚宝茶行"), &json!(6000)));
    assert_eq!(shown["settings"]["may_discount"], "on");
    assert_eq!(shown["settings"]["notify_url"], "https://tea.example/n");
    assert_eq!(shown["settings"]["moved_in"], "on");
    assert_eq!(app.audited("merchant imported").await, 1);
    let again = import(["--config", &config], &file, &["--format", "csv", "--json"]).await;
    assert_eq!((again.code, counts(&again)), (0, [0, 0, 1, 0, 0]), "{again:?}");
    assert_eq!(app.audited("merchant import").await, 1, "what changes nothing is no entry");
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_differs_is_refused_whole_unless_it_is_to_be_updated() {
    let folder = TestFolder::make();
    let data = folder.path().join("data").display().to_string();
    let row = |key: &str, name: &str, fee: i64| {
        json!({ "mch_id": "10888800000001", "appid": 8880001, "key": key, "name": name, "fee_ppm": fee,
                "stores": { "1": "一号店" } })
    };
    let other = json!({ "mch_id": 10888800000002_i64, "appid": "8880009", "key": KEYS[3],
                        "name": "b" });
    let jsonl = ["--format", "jsonl", "--json"];
    let file = format!("{}\n{other}\n", row(KEYS[0], "a", 6000));
    assert_eq!(counts(&import(["--data", &data], &file, &jsonl).await), [2, 0, 0, 0, 0]);
    let before = show(["--data", &data], "8880001").await;
    // The second application is new, but its merchant contradicts itself: nothing of it is written.
    let another = json!({ "mch_id": "10888800000001", "appid": "8880002", "key": KEYS[2] });
    let changed = format!("{}\n{another}\n", row(KEYS[1], "aa", 5000));
    let refused = import(["--data", &data], &changed, &jsonl).await;
    assert_eq!((refused.code, counts(&refused)), (1, [0, 0, 0, 1, 0]), "{refused:?}");
    let conflicts = refused.json()["conflicts"].clone();
    let columns: Vec<_> = conflicts.as_array().unwrap().iter().map(|one| &one["column"]).collect();
    assert_eq!(columns, ["fee_ppm", "key", "name"]);
    assert!(conflicts.to_string().contains("6000 stands here, 5000 was brought along"));
    assert_eq!(show(["--data", &data], "8880001").await, before);
    let absent = run(&["merchant", "show", "8880002", "--data", &data], "").await;
    assert_eq!(absent.code, 2, "{absent:?}");
    let rehearsed =
        import(["--data", &data], &changed, &[&jsonl[..], &["--update", "--dry-run"]].concat())
            .await;
    assert_eq!((rehearsed.code, counts(&rehearsed)), (0, [0, 1, 0, 0, 0]), "{rehearsed:?}");
    assert_eq!(show(["--data", &data], "8880001").await, before);
    let updated = import(["--data", &data], &changed, &[&jsonl[..], &["--update"]].concat()).await;
    assert_eq!((updated.code, counts(&updated)), (0, [0, 1, 0, 0, 0]), "{updated:?}");
    let after = show(["--data", &data], "8880001").await;
    assert_eq!((&after["name"], &after["fee_ppm"]), (&json!("aa"), &json!(5000)));
    assert_eq!(counts(&import(["--data", &data], &changed, &jsonl).await), [0, 0, 1, 0, 0]);
    // Nothing takes an application from its merchant.
    let taken = json!({ "mch_id": "10888800000003", "appid": "8880009", "key": KEYS[3],
                        "name": "c" });
    let refused =
        import(["--data", &data], &taken.to_string(), &[&jsonl[..], &["--update"]].concat()).await;
    assert_eq!((refused.code, counts(&refused)), (1, [0, 0, 0, 1, 0]), "{refused:?}");
    assert!(refused.said.contains("belongs to merchant 10888800000002"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_row_is_named_and_the_merchants_of_good_rows_move_in() {
    let folder = TestFolder::make();
    let data = folder.path().join("data").display().to_string();
    let file = format!(
        "\u{feff}{HEAD}10888800000001,8880001,{},a,,,,,\r\n\r\n\
         10888800000001,88,{},b,,,0.6,,\r\n10888800000002,8880003,{},c,,,,,\r\n\
         1.08888E+13,8880004,{},d\r\n",
        KEYS[0], KEYS[1], KEYS[2], KEYS[3]
    );
    let outcome = import(["--data", &data], &file, &["--format", "csv"]).await;
    assert_eq!(outcome.code, 2, "{outcome:?}");
    for says in [
        "line 4, appid: 4 to 10 digits, below 2147483648",
        "line 4, fee_ppm: 0 to 1000000 millionths",
        "line 6: 4 cells where the first line names 9 columns",
        "added 1,",
    ] {
        assert!(outcome.said.contains(says), "{says}: {outcome:?}");
    }
    assert!(outcome.complained.contains("correct them and import the file again"), "{outcome:?}");
    assert_eq!(show(["--data", &data], "8880003").await["name"], "c");
    let absent = run(&["merchant", "show", "8880001", "--data", &data], "").await;
    assert_eq!(absent.code, 2, "one of its rows is bad: {absent:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_cannot_be_read_end_with_two_and_say_what_would_do() {
    let folder = TestFolder::make();
    let data = folder.path().join("data").display().to_string();
    let files = FreshFolder::make().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = files.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.display().to_string()
    };
    // 聚宝 in GBK.
    let gbk = file("gbk.csv", b"mch_id,appid,key,name\n1,2,k,\xbe\xdb\xb1\xa6\n");
    let semicolons = file("semicolons.csv", b"mch_id;appid;key\n");
    let unnamed = file("merchants.txt", b"");
    let nothing = files.path().join("none.csv").display().to_string();
    for (path, says) in [
        (&gbk, "iconv -f GBK -t UTF-8"),
        (&semicolons, "separated by commas"),
        (&unnamed, "--format csv"),
        (&nothing, "none.csv"),
    ] {
        let outcome = run(&["merchant", "import", path, "--data", &data], "").await;
        assert_eq!(outcome.code, 2, "{path} {outcome:?}");
        assert!(outcome.complained.contains(says), "{path} {outcome:?}");
    }
    let rehearsal = ["--format", "csv", "--dry-run"];
    let outcome = import(["--data", &data], HEAD, &rehearsal).await;
    assert_eq!(outcome.code, 2, "a rehearsal makes no store: {outcome:?}");
    assert!(!folder.path().join("data").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_is_written_in_shared_transactions_and_says_how_far_it_is() {
    let folder = TestFolder::make();
    let data = folder.path().join("data").display().to_string();
    let mut file = String::from("mch_id,appid,key,name\n");
    for at in 0..MANY {
        let (mch_id, app_id) = (10_000_000_000_000 + at, 1_000_000 + at);
        file += &format!("{mch_id},{app_id},{},merchant {at}\n", KEYS[at % KEYS.len()]);
    }
    let outcome = import(["--data", &data], &file, &["--format", "csv", "--json"]).await;
    assert_eq!((outcome.code, counts(&outcome)), (0, [MANY as u64, 0, 0, 0, 0]));
    assert!(outcome.complained.contains(&format!("10000 of {MANY} merchants")), "{outcome:?}");
    let again = import(["--data", &data], &file, &["--format", "csv", "--json"]).await;
    assert_eq!((again.code, counts(&again)), (0, [0, 0, MANY as u64, 0, 0]));
}
