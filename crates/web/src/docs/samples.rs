//! The samples in docs/samples: what a merchant's engineer copies. The integration tests run each
//! of them as it is against a real server.

use kernel::address::Operation;
use maud::{Markup, html};

use super::shell::code;

/// What a sample does.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Task {
    /// Signs, sends, verifies; the others use it.
    Client,
    /// Places an order.
    Place,
    /// Queries it.
    Query,
    /// Refunds it.
    Refund,
    /// Verifies a notification.
    Notify,
}

impl Task {
    /// The sample of an operation, if it has one.
    pub fn of(operation: Operation) -> Option<Self> {
        [
            (Operation::Place, Self::Place),
            (Operation::Query, Self::Query),
            (Operation::Refund, Self::Refund),
        ]
        .into_iter()
        .find(|(known, _)| *known == operation)
        .map(|(_, task)| task)
    }
}

/// One file.
struct Sample {
    task: Task,
    language: &'static str,
    file: &'static str,
    text: &'static str,
}

const fn sample(
    task: Task,
    language: &'static str,
    file: &'static str,
    text: &'static str,
) -> Sample {
    Sample { task, language, file, text }
}

/// Every sample; for each task, in the order of the pages.
static SAMPLES: &[Sample] = &[
    sample(
        Task::Client,
        "PHP",
        "jubao.php",
        include_str!("../../../../docs/samples/php/jubao.php"),
    ),
    sample(
        Task::Client,
        "Java",
        "Jubao.java",
        include_str!("../../../../docs/samples/java/Jubao.java"),
    ),
    sample(
        Task::Client,
        "Python",
        "jubao.py",
        include_str!("../../../../docs/samples/python/jubao.py"),
    ),
    sample(
        Task::Client,
        "Node",
        "jubao.mjs",
        include_str!("../../../../docs/samples/node/jubao.mjs"),
    ),
    sample(Task::Client, "Go", "jubao.go", include_str!("../../../../docs/samples/go/jubao.go")),
    sample(
        Task::Client,
        "curl",
        "jubao.sh",
        include_str!("../../../../docs/samples/curl/jubao.sh"),
    ),
    sample(Task::Place, "PHP", "place.php", include_str!("../../../../docs/samples/php/place.php")),
    sample(
        Task::Place,
        "Java",
        "Place.java",
        include_str!("../../../../docs/samples/java/Place.java"),
    ),
    sample(
        Task::Place,
        "Python",
        "place.py",
        include_str!("../../../../docs/samples/python/place.py"),
    ),
    sample(
        Task::Place,
        "Node",
        "place.mjs",
        include_str!("../../../../docs/samples/node/place.mjs"),
    ),
    sample(Task::Place, "Go", "place.go", include_str!("../../../../docs/samples/go/place.go")),
    sample(Task::Place, "curl", "place.sh", include_str!("../../../../docs/samples/curl/place.sh")),
    sample(Task::Query, "PHP", "query.php", include_str!("../../../../docs/samples/php/query.php")),
    sample(
        Task::Query,
        "Java",
        "Query.java",
        include_str!("../../../../docs/samples/java/Query.java"),
    ),
    sample(
        Task::Query,
        "Python",
        "query.py",
        include_str!("../../../../docs/samples/python/query.py"),
    ),
    sample(
        Task::Query,
        "Node",
        "query.mjs",
        include_str!("../../../../docs/samples/node/query.mjs"),
    ),
    sample(Task::Query, "Go", "query.go", include_str!("../../../../docs/samples/go/query.go")),
    sample(Task::Query, "curl", "query.sh", include_str!("../../../../docs/samples/curl/query.sh")),
    sample(
        Task::Refund,
        "PHP",
        "refund.php",
        include_str!("../../../../docs/samples/php/refund.php"),
    ),
    sample(
        Task::Refund,
        "Java",
        "Refund.java",
        include_str!("../../../../docs/samples/java/Refund.java"),
    ),
    sample(
        Task::Refund,
        "Python",
        "refund.py",
        include_str!("../../../../docs/samples/python/refund.py"),
    ),
    sample(
        Task::Refund,
        "Node",
        "refund.mjs",
        include_str!("../../../../docs/samples/node/refund.mjs"),
    ),
    sample(Task::Refund, "Go", "refund.go", include_str!("../../../../docs/samples/go/refund.go")),
    sample(
        Task::Refund,
        "curl",
        "refund.sh",
        include_str!("../../../../docs/samples/curl/refund.sh"),
    ),
    sample(
        Task::Notify,
        "PHP",
        "notify.php",
        include_str!("../../../../docs/samples/php/notify.php"),
    ),
    sample(
        Task::Notify,
        "Java",
        "Notify.java",
        include_str!("../../../../docs/samples/java/Notify.java"),
    ),
    sample(
        Task::Notify,
        "Python",
        "notify.py",
        include_str!("../../../../docs/samples/python/notify.py"),
    ),
    sample(
        Task::Notify,
        "Node",
        "notify.mjs",
        include_str!("../../../../docs/samples/node/notify.mjs"),
    ),
    sample(Task::Notify, "Go", "notify.go", include_str!("../../../../docs/samples/go/notify.go")),
    sample(
        Task::Notify,
        "curl",
        "notify.sh",
        include_str!("../../../../docs/samples/curl/notify.sh"),
    ),
];

/// The samples of a task, one language open at a time.
pub fn show(task: Task) -> Markup {
    let rows = SAMPLES.iter().filter(|row| row.task == task);
    html! {
        div .samples {
            @for (at, row) in rows.enumerate() {
                details name="sample" data-language=(row.language) open[at == 0] {
                    summary { (row.language) " " span .soft { (row.file) } }
                    (code(row.file, row.text))
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_has_a_sample_in_each_of_six_languages() {
        for task in [Task::Client, Task::Place, Task::Query, Task::Refund, Task::Notify] {
            let of_task = SAMPLES.iter().filter(|row| row.task == task);
            let languages = of_task.map(|row| row.language).collect::<Vec<_>>();
            assert_eq!(languages, ["PHP", "Java", "Python", "Node", "Go", "curl"], "{task:?}");
        }
    }
}
