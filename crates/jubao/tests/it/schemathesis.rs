//! schemathesis tries the served OpenAPI document: whatever it invents, no answer is a 5xx, and
//! none is other than the document says. Its hooks sign, so that most of it reaches what lies
//! behind the signature.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use jubao::demo::identity::MERCHANT;
use kernel::address::ADDRESSES;
use serde_json::Value;
use web::edge::{Limits, Rates};

use crate::app::TestApp;
use crate::foreign::{Running, root};

/// Requests that are tried if nobody says otherwise.
const EXAMPLES: usize = 1_000;
/// What says otherwise: `cargo x schemathesis` sets it.
const VARIABLE: &str = "JUBAO_SCHEMATHESIS_EXAMPLES";
/// How long it may take over one of them, at worst.
const EACH: Duration = Duration::from_millis(200);
/// What is looked at in each answer.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_headers_conformance,response_schema_conformance";

#[expect(clippy::disallowed_methods, reason = "how `cargo x schemathesis` asks for more")]
fn wanted() -> usize {
    std::env::var(VARIABLE).map_or(EXAMPLES, |text| text.parse().unwrap())
}

fn command(app: &TestApp, statistics: &Path, wanted: usize) -> Command {
    let program = root().join("target/schemathesis/bin/schemathesis");
    assert!(program.exists(), "{} is missing: `./test` makes it", program.display());
    let mut command = Command::new(program);
    let addresses = &app.demo.addresses;
    command.args(["run", &format!("{}/openapi.json", addresses.api), "--checks", CHECKS]);
    // The phase that lists every boundary of every schema takes its time.
    let phases = if wanted > EXAMPLES { "examples,coverage,fuzzing" } else { "examples,fuzzing" };
    command.args(["--phases", phases, "--mode", "all", "--seed", "20261129"]);
    command.args(["--max-examples", &(wanted / ADDRESSES.len() + 1).to_string()]);
    command.args(["--suppress-health-check", "all", "--generation-database", "none", "--no-color"]);
    command.env("SCHEMATHESIS_HOOKS", "hooks");
    command.env("PYTHONPATH", root().join("conformance/schemathesis"));
    command.env("PYTHONDONTWRITEBYTECODE", "1").current_dir(app.folder.path());
    command.env("JUBAO_KEY", MERCHANT.key).env("JUBAO_MCH_ID", MERCHANT.mch_id.to_string());
    command.env("JUBAO_APPID", MERCHANT.app_id.to_string()).env("SIM", &addresses.sim);
    command.env("STATISTICS", statistics);
    for name in ["http_proxy", "https_proxy", "all_proxy"] {
        command.env_remove(name).env_remove(name.to_uppercase());
    }
    command
}

/// How often a code was answered.
fn times(statistics: &Value, code: i64) -> u64 {
    statistics["codes"][code.to_string()].as_u64().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_schemathesis_invents_is_answered_as_documented() {
    let rates = Rates { application: 0, address: 0, log_ins: 0 };
    let app = TestApp::spawn_within(Limits { rates, ..Limits::of_this_machine() }).await;
    let (file, wanted) = (app.folder.path().join("statistics.json"), wanted());
    let tried = Running::start(&mut command(&app, &file, wanted));
    let patience = EACH * u32::try_from(wanted).unwrap();
    let outcome = tried.outcome_within(b"", patience).await;
    assert_eq!(outcome.code, 0, "{}\n{}", outcome.said, outcome.complained);
    let statistics = std::fs::read_to_string(file).unwrap();
    println!("schemathesis: {statistics}");
    let statistics: Value = serde_json::from_str(&statistics).unwrap();
    let examples = statistics["examples"].as_u64().unwrap();
    assert!(examples >= u64::try_from(wanted).unwrap(), "{statistics}");
    // Behind the signature: whatever is neither unreadable, unknown nor unsigned.
    let before =
        [404, 4001, 4002, 4003, 4004, 4006, 4007, 40110].map(|code| times(&statistics, code));
    let behind = examples - before.iter().sum::<u64>();
    assert!(behind * 2 > examples, "{behind} of {examples}: {statistics}");
    for (code, least) in [(200, 20), (40101, 1), (40102, 20), (40106, 1), (492_001, 50)] {
        assert!(times(&statistics, code) >= least, "{code}: {statistics}");
    }
    for never in ["4006", "499999"] {
        let found = statistics["by_operation"].as_object().unwrap().keys().find(|key| {
            // Who tries passwords is stopped, and that is as it should be.
            key.ends_with(&format!(" {never}")) && !key.starts_with("/user/login")
        });
        assert_eq!(found, None, "{statistics}");
    }
    app.finish().await;
}
