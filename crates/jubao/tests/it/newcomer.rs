//! The quick start is followed literally, block by block as it stands there, and reaches a paid
//! order. It runs in a network of its own, in which the page's port is free.

use std::process::Command;

use crate::foreign::{Running, root};

/// A user who is not root becomes root of a namespace of users as well.
const ENTER: &str = r#"
if unshare --net true 2>/dev/null; then as=; else as=--map-root-user; fi
exec unshare $as --net sh -ec 'ip link set lo up; exec bash "$@"' sh "$@"
"#;

async fn follow(page: &str) -> (i32, String) {
    let folder = jubao::demo::FreshFolder::make().unwrap();
    let file = folder.path().join("page.md");
    std::fs::write(&file, page).unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", ENTER, "sh"]).arg(root().join("conformance/newcomer/follow.sh"));
    command.arg(file).arg(env!("CARGO_BIN_EXE_jubao")).current_dir(folder.path());
    command.env("READY_S", "60");
    for name in ["http_proxy", "https_proxy", "all_proxy"] {
        command.env_remove(name).env_remove(name.to_uppercase());
    }
    let outcome = Running::start(&mut command).outcome(b"").await;
    (outcome.code, outcome.said + &outcome.complained)
}

fn quick_start() -> String {
    std::fs::read_to_string(root().join("docs/guide/quickstart.md")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_the_quick_start_literally_reaches_a_paid_order() {
    let (code, said) = follow(&quick_start()).await;
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("a paid order, "), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quick_start_that_forgets_a_step_is_found() {
    let page = quick_start();
    let pays = "curl -s -X POST \"$SIM/pay/$SN\"\n";
    let (before, after) = page.split_once(pays).unwrap();
    let (code, said) = follow(&format!("{before}{after}")).await;
    assert!(code == 1 && said.contains("the last block shows no paid order"), "{code} {said}");
    let (code, said) = follow(&page.replacen("KEY=", "KEY=0", 1)).await;
    assert_eq!(code, 1, "{said}");
}
