//! The shell of the reference's pages: head, navigation, search, foot.

use maud::{DOCTYPE, Markup, html};

use super::{LANGUAGES, Page, ROOT, say};
use crate::assets;
use crate::language::Language;
use crate::page::{self, Shell};

/// A whole page around `main`.
pub fn document(page: Page, language: Language, main: &Markup) -> Markup {
    let title = say(language, page.title());
    let scripts = match page {
        Page::Sign => ["sign.js", "sign_strong.js", "sign_page.js"].map(assets::address).to_vec(),
        Page::Home
        | Page::Operation(_)
        | Page::Notifications
        | Page::Products
        | Page::States
        | Page::Codes => vec![assets::address("docs.js")],
    };
    // The signature's page is given a key: it has no form that could send anything.
    let has_search = !matches!(page, Page::Sign);
    let here = Here { path: page.path(), title, language, scripts, has_search };
    around(&here, main)
}

/// Where a page is, and what goes around it.
struct Here<'a> {
    path: String,
    title: &'a str,
    language: Language,
    scripts: Vec<String>,
    has_search: bool,
}

/// The page of what was searched for.
pub fn found(wanted: &str, language: Language, main: &Markup) -> Markup {
    let title = say(language, ["搜索", "Search"]);
    let scripts = vec![assets::address("docs.js")];
    let query: String = url_encoded(wanted);
    let path = format!("{ROOT}/search?q={query}");
    around(&Here { path, title, language, scripts, has_search: false }, main)
}

/// What is shown where no page is.
pub fn lost(language: Language) -> Markup {
    let title = say(language, ["没有这一页", "No such page"]);
    let main = html! {
        h1 { (title) }
        p { a href=(address(ROOT, language)) { (say(language, ["回到开始", "Begin here"])) } }
    };
    let path = ROOT.to_owned();
    around(&Here { path, title, language, scripts: Vec::new(), has_search: true }, &main)
}

fn url_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |out, byte| {
        if byte.is_ascii_alphanumeric() {
            out + &char::from(byte).to_string()
        } else {
            out + &format!("%{byte:02X}")
        }
    })
}

/// The address of a page in a language: links keep what the reader has chosen.
pub fn address(path: &str, language: Language) -> String {
    let (path, anchor) = path.split_once('#').map_or((path, None), |(path, id)| (path, Some(id)));
    let joint = if path.contains('?') { '&' } else { '?' };
    let anchor = anchor.map_or_else(String::new, |id| format!("#{id}"));
    format!("{path}{joint}lang={}{anchor}", language.tag())
}

fn around(here: &Here<'_>, main: &Markup) -> Markup {
    let language = here.language;
    let title = format!("{} · {}", here.title, page::brand(language));
    let shell = Shell {
        language,
        title: &title,
        style: "docs.css",
        scripts: &here.scripts,
        refresh_seconds: 0,
        path: None,
    };
    html! {
        (DOCTYPE)
        html lang=(language.tag()) {
            (page::head(&shell))
            body {
                a .skip href="#main" { (say(language, ["跳到正文", "Skip to the text"])) }
                (top(here))
                div .frame {
                    (navigation(here))
                    main #main tabindex="-1" { (main) }
                }
                (foot(here))
            }
        }
    }
}

fn top(here: &Here<'_>) -> Markup {
    let language = here.language;
    html! {
        header .top {
            a .home href=(address(ROOT, language)) {
                (page::mark())
                span .brand { (page::brand(language)) }
                span .where { (say(language, ["接口文档", "API reference"])) }
            }
            @if here.has_search { (search_form("", language)) }
        }
    }
}

/// The form that searches; it works without a script.
pub fn search_form(wanted: &str, language: Language) -> Markup {
    let label = say(language, ["搜索参数、响应码、接口", "Search the reference"]);
    html! {
        form .search role="search" action={ (ROOT) "/search" } {
            input type="hidden" name="lang" value=(language.tag());
            input #q type="search" name="q" value=(wanted) maxlength="100" aria-label=(label)
                placeholder=(label) autocomplete="off";
            button { (say(language, ["搜索", "Search"])) }
        }
    }
}

fn navigation(here: &Here<'_>) -> Markup {
    let language = here.language;
    html! {
        nav .pages aria-label=(say(language, ["目录", "Pages"])) {
            @for page in Page::all() {
                @let path = page.path();
                a href=(address(&path, language))
                    aria-current=[(path == here.path).then_some("page")] {
                    (say(language, page.title()))
                    @if let Page::Operation(row) = page { " " code { (row.path) } }
                }
            }
        }
    }
}

fn foot(here: &Here<'_>) -> Markup {
    html! {
        footer .foot {
            nav aria-label=(say(here.language, ["语言", "Language"])) {
                @for language in LANGUAGES {
                    a href=(address(&here.path, language)) lang=(language.tag())
                        hreflang=(language.tag())
                        aria-current=[(language == here.language).then_some("true")] {
                        (language.name())
                    }
                }
            }
            p {
                a href="/openapi.json" { "OpenAPI" } " · "
                a href="/" { (page::brand(here.language)) } " v" (env!("CARGO_PKG_VERSION"))
            }
        }
    }
}

/// A block of code that can be copied; it scrolls by itself on a narrow screen.
pub fn code(label: &str, text: &str) -> Markup {
    html! {
        div .code {
            pre tabindex="0" role="region" aria-label=(label) { code { (text.trim_end()) } }
        }
    }
}
