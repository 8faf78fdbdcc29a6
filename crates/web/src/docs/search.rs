//! Searching the reference: entries made from the same tables as the pages, and a plain match of
//! every word. No index, no state: there are a few hundred entries.

use std::sync::LazyLock;

use axum::extract::Query;
use axum::http::Uri;
use kernel::address::ADDRESSES;
use kernel::code::CODES;
use kernel::name::NameTable;
use kernel::product::PRODUCTS;
use kernel::reference::answers::{MEMBERS, Part};
use kernel::reference::{names, operations};
use maud::{Markup, html};

use super::shell::{self, address};
use super::{LANGUAGES, Page, say};
use crate::language::Language;

/// Results that are shown.
const RESULTS_MAX: usize = 40;
/// Characters of a search that are read.
const WANTED_CHARS_MAX: usize = 100;

/// Something that can be found.
struct Entry {
    path: String,
    title: String,
    words: String,
}

static ENTRIES: LazyLock<Vec<(Language, Vec<Entry>)>> =
    LazyLock::new(|| LANGUAGES.map(|language| (language, entries(language))).into());

/// What a request searches for.
pub fn wanted(uri: &Uri) -> String {
    let pairs = Query::<Vec<(String, String)>>::try_from_uri(uri);
    let pairs = pairs.map_or_else(|_| Vec::new(), |Query(pairs)| pairs);
    let found = pairs.into_iter().find(|(name, _)| name == "q").map(|(_, text)| text);
    found.unwrap_or_default().chars().take(WANTED_CHARS_MAX).collect()
}

/// The page of results.
pub fn page(wanted: &str, language: Language) -> Markup {
    let found = find(wanted, language);
    let main = html! {
        h1 { (say(language, ["搜索", "Search"])) }
        (shell::search_form(wanted, language))
        div #results aria-live="polite" {
            p .soft { (found.len()) " " (say(language, ["条结果", "results"])) }
            ul .results { @for entry in found {
                li { a href=(address(&entry.path, language)) { (entry.title) } p { (entry.words) } }
            } }
        }
    };
    shell::found(wanted, language, &main)
}

/// What has every word of the search, best first: a title that is it, one that begins with it,
/// one that has it, then the rest in the order of the pages.
fn find(wanted: &str, language: Language) -> Vec<&'static Entry> {
    let wanted = wanted.to_lowercase();
    let words = wanted.split_whitespace().collect::<Vec<_>>();
    let entries = ENTRIES.iter().find(|(known, _)| *known == language);
    let Some((_, entries)) = entries.filter(|_| !words.is_empty()) else { return Vec::new() };
    let has_all = |entry: &&Entry| {
        let text = format!("{} {}", entry.title, entry.words).to_lowercase();
        words.iter().all(|word| text.contains(word))
    };
    let mut found = entries.iter().filter(has_all).collect::<Vec<_>>();
    found.sort_by_key(|entry| rank(&entry.title.to_lowercase(), wanted.trim()));
    found.truncate(RESULTS_MAX);
    found
}

fn rank(title: &str, wanted: &str) -> u8 {
    if title == wanted || title.split(' ').next() == Some(wanted) {
        0
    } else if title.starts_with(wanted) {
        1
    } else if title.contains(wanted) {
        2
    } else {
        3
    }
}

fn entries(language: Language) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut add = |path: String, title: String, words: &str| {
        entries.push(Entry { path, title, words: words.to_owned() });
    };
    for page in Page::all() {
        add(page.path(), say(language, page.title()).to_owned(), "");
    }
    for row in ADDRESSES {
        let (page, info) = (Page::Operation(row).path(), operations::info(row.operation));
        let title = say(language, info.title);
        add(page.clone(), format!("{} {title}", row.path), say(language, info.about));
        for name in &NameTable::of(row.operation).rows {
            let words = names::words(name.name).map_or("", |words| say(language, words));
            add(format!("{page}#{}", name.name), format!("{} · {title}", name.name), words);
        }
    }
    let answers = Page::Operation(&ADDRESSES[0]).path();
    for row in MEMBERS.iter().filter(|row| row.part != Part::Refund) {
        let title = format!("{} · data", row.name);
        add(format!("{answers}#answer-{}", row.name), title, say(language, row.words));
    }
    for row in CODES {
        let title = format!("{} {}", row.code, say(language, [row.zh, row.en]));
        let words = format!("{} {}", say(language, row.cause), say(language, row.cure));
        add(format!("/docs/codes#c{}", row.code), title, &words);
    }
    for row in PRODUCTS {
        let title = format!("{} {}", row.channel_id, say(language, row.names));
        add(format!("/docs/products#p{}", row.channel_id), title, row.payment);
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(wanted: &str, language: Language) -> Option<&'static str> {
        find(wanted, language).first().map(|entry| entry.path.as_str())
    }

    #[test]
    fn codes_parameters_and_words_are_found() {
        assert_eq!(first("4004", Language::En), Some("/docs/codes#c4004"));
        assert_eq!(first("total_fee", Language::En), Some("/docs/payment-pay#total_fee"));
        assert_eq!(first("NOTIFY_url", Language::ZhHans), Some("/docs/payment-pay#notify_url"));
        assert_eq!(first("退款", Language::ZhHans), Some("/docs/payment-refund"));
        assert!(first("wrong signature", Language::En).is_some());
    }

    #[test]
    fn nothing_is_found_for_nothing_and_for_nonsense() {
        for wanted in ["", "   ", "xyzzy", "<script>", "total_fee xyzzy"] {
            assert_eq!(first(wanted, Language::En), None, "{wanted}");
        }
    }

    #[test]
    fn what_was_searched_for_is_shown_escaped() {
        let text = page("<b>\"", Language::En).into_string();
        assert!(text.contains("value=\"&lt;b&gt;&quot;\"") && !text.contains("<b>"), "{text}");
    }

    #[test]
    fn a_search_is_read_from_its_address() {
        let of = |address: &str| wanted(&address.parse().unwrap());
        assert_eq!(of("/docs/search?lang=en&q=total%20fee"), "total fee");
        assert_eq!(of("/docs/search"), "");
        assert_eq!(of(&format!("/docs/search?q={}", "a".repeat(500))).len(), WANTED_CHARS_MAX);
    }
}
