//! Rules for what is read by people and package managers: links lead somewhere, the changelog says
//! something, decisions are numbered, lock files name no host.

use super::{Finding, TextFile};

/// The changelog's path.
pub const CHANGELOG: &str = "CHANGELOG.md";

/// Where decisions are.
const DECISIONS: &str = "docs/decisions/";

/// Every relative link of a page leads to a file; `exists` is asked with its path from the root.
pub fn check_links(file: &TextFile, exists: &dyn Fn(&str) -> bool) -> Vec<Finding> {
    let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut findings = Vec::new();
    for (number, line) in (1..).zip(file.text.lines()) {
        for target in line.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = target.split('#').next().unwrap_or("");
            if path.is_empty() || path.contains("://") || path.starts_with("mailto:") {
                continue;
            }
            if !exists(format!("{folder}/{path}").trim_start_matches('/')) {
                let what = format!("the link to {path} leads nowhere");
                findings.push(Finding::error(&file.path, number, what));
            }
        }
    }
    findings
}

/// The changelog exists and lists a change.
pub fn check_changelog(files: &[TextFile]) -> Option<Finding> {
    let changelog = files.iter().find(|file| file.path == CHANGELOG);
    let has_change = changelog.is_some_and(|file| {
        let mut lines = file.text.lines().skip_while(|line| !line.starts_with("## ["));
        lines.any(|line| line.starts_with("- "))
    });
    (!has_change).then(|| Finding::error(CHANGELOG, 0, "lists no change"))
}

/// Each decision has a number of its own, in its name and at the head of its page, and none is left out: two
/// branches that each take the next one meet here.
pub fn check_decisions(files: &[TextFile]) -> Vec<Finding> {
    let mut pages: Vec<_> = files.iter().filter(|file| file.path.starts_with(DECISIONS)).collect();
    pages.sort_by(|left, right| left.path.cmp(&right.path));
    let judged = pages.iter().zip(1_usize..).filter_map(|(page, expected)| {
        let name = &page.path[DECISIONS.len()..];
        let digits = name.split('-').next().filter(|digits| digits.len() == 4);
        let number = digits.and_then(|digits| digits.parse().ok());
        let is_at_head = page.text.starts_with(&format!("# {expected}. "));
        let what = format!("must be decision {expected:04}: its name and `# {expected}. ` say so");
        let is_sound = number == Some(expected) && is_at_head;
        (!is_sound).then(|| Finding::error(&page.path, 1, what))
    });
    judged.collect()
}

/// A lock file names packages and their hashes, never the host that they came from.
pub fn check_lock(file: &TextFile) -> Vec<Finding> {
    let named = (1..).zip(file.text.lines()).filter(|(_, line)| line.contains("\"resolved\""));
    let what =
        "names a host: npm config set omit-lockfile-registry-resolved true, then npm install";
    named.map(|(number, _)| Finding::error(&file.path, number, what)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::samples::{file, lines};

    #[test]
    fn a_link_that_leads_nowhere_fails() {
        let page = file(
            "docs/A.md",
            "[b](B.md#part) [web](https://example.com/x) [here](#part)\n[c](guide/C.md)\n",
        );
        let exists = |path: &str| path == "docs/B.md";
        assert_eq!(lines(&check_links(&page, &exists)), [2]);
        let readme = file("README.md", "[b](docs/B.md)\n");
        assert_eq!(check_links(&readme, &exists), []);
    }

    #[test]
    fn a_changelog_without_a_change_fails() {
        let sound = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- Payments.\n";
        assert_eq!(check_changelog(&[file(CHANGELOG, sound)]), None);
        for text in ["", "# Changelog\n- not a release\n", "## [Unreleased]\n"] {
            assert!(check_changelog(&[file(CHANGELOG, text)]).is_some(), "{text:?}");
        }
        assert!(check_changelog(&[]).is_some());
    }

    #[test]
    fn decisions_that_share_a_number_or_skip_one_fail() {
        let page = |name: &str, head: &str| file(&format!("docs/decisions/{name}"), head);
        let sound = [page("0001-a.md", "# 1. A\n"), page("0002-b.md", "# 2. B\n")];
        assert_eq!(check_decisions(&sound), []);
        for (name, head) in [
            ("0002-c.md", "# 2. C\n"),
            ("0004-c.md", "# 4. C\n"),
            ("0003-c.md", "# 2. C\n"),
            ("c.md", "# 3. C\n"),
        ] {
            let [first, second] = &sound;
            let broken = [
                file(&first.path, &first.text),
                file(&second.path, &second.text),
                page(name, head),
            ];
            let found = check_decisions(&broken);
            assert_eq!(lines(&found), [1], "{name}: {found:?}");
        }
    }

    #[test]
    fn a_lock_that_names_a_host_fails() {
        let lock = "{\n\"a\": {\n\"resolved\": \"https://host/a.tgz\"\n}}\n";
        assert_eq!(lines(&check_lock(&file("e2e/package-lock.json", lock))), [3]);
    }
}
