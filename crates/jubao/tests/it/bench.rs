//! `jubao bench` in small: that it runs to its end, and what it leaves. How fast anything is says no
//! test.

use jubao::bench::BENCHES;
use jubao::bench::report::Run;
use jubao::demo::FreshFolder;

use crate::foreign::run;

#[tokio::test(flavor = "multi_thread")]
async fn the_hot_path_leaves_figures_and_a_chart() {
    let folder = FreshFolder::make().unwrap();
    let out = folder.path().display().to_string();
    let small = ["--repeats", "1", "--orders", "40", "--connections", "4", "--out", &out];
    let outcome = run(&[["bench", "hot-path"].as_slice(), &small].concat(), "").await;
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let json = std::fs::read_to_string(folder.path().join("hot-path.json")).unwrap();
    let found: Run = serde_json::from_str(&json).unwrap();
    assert_eq!((found.bench.as_str(), found.repeats), ("hot-path", 1));
    assert_eq!((found.found.rows.len(), found.found.figures.len()), (6, 6));
    for row in &found.found.rows {
        assert_eq!(row.values.len(), found.columns.len(), "{row:?}");
        assert!(row.values[0].is_some_and(|speed| speed.0 > 0), "{row:?}");
        assert!(outcome.said.contains(&row.name), "{}", outcome.said);
    }
    let chart = std::fs::read_to_string(folder.path().join("hot-path.svg")).unwrap();
    assert_eq!(chart.matches("<rect").count(), 6);
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 2, "its stores are gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_of_the_api_is_asked_and_answered_as_it_has_to_be() {
    let folder = FreshFolder::make().unwrap();
    let out = folder.path().display().to_string();
    let small = ["--repeats", "2", "--orders", "30", "--connections", "4", "--out", &out];
    let outcome = run(&[["bench", "api"].as_slice(), &small].concat(), "").await;
    // Whatever is answered otherwise ends it.
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let json = std::fs::read_to_string(folder.path().join("api.json")).unwrap();
    let found: Run = serde_json::from_str(&json).unwrap();
    assert_eq!((found.bench.as_str(), found.repeats), ("api", 2));
    for operation in
        ["place", "query", "newest", "page 100", "refund", "signature", "address", "too large"]
    {
        let row = found.found.rows.iter().find(|row| row.name.contains(operation)).unwrap();
        assert!(row.values.iter().all(|value| value.is_some_and(|value| value.0 > 0)), "{row:?}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "its stores are gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_name_the_benches_are_listed() {
    let outcome = run(&["bench"], "").await;
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert!(BENCHES.iter().all(|bench| outcome.said.contains(bench.name)), "{}", outcome.said);
    assert_eq!(run(&["bench", "speed"], "").await.code, 2);
}
