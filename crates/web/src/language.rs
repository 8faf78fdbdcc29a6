//! The languages that payers' pages speak, and how a browser's wish becomes one of them.
//!
//! A wish that cannot be read is no error: the payer gets simplified Chinese and the links at the
//! foot of the page.

/// Entries of an `Accept-Language` that are looked at; browsers send fewer than ten.
const ACCEPT_ENTRIES_MAX: usize = 16;

/// A text in every language, in the order of [`Language::ALL`].
pub type Text = [&'static str; 3];

/// A language of our pages.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Language {
    /// Simplified Chinese, which is also the default.
    ZhHans,
    /// Traditional Chinese, as read in Hong Kong, Macau and Taiwan.
    ZhHant,
    /// English.
    En,
}

impl Language {
    /// Every language, in the order of a [`Text`] and of the links at the foot.
    pub const ALL: [Self; 3] = [Self::ZhHans, Self::ZhHant, Self::En];

    /// BCP 47 tag, as in `<html lang>` and in `?lang=`.
    pub fn tag(self) -> &'static str {
        match self {
            Self::ZhHans => "zh-Hans",
            Self::ZhHant => "zh-Hant",
            Self::En => "en",
        }
    }

    /// Its own name for itself.
    pub fn name(self) -> &'static str {
        match self {
            Self::ZhHans => "简体中文",
            Self::ZhHant => "繁體中文",
            Self::En => "English",
        }
    }

    /// This language's column of a text.
    pub fn of(self, text: Text) -> &'static str {
        let [hans, hant, english] = text;
        match self {
            Self::ZhHans => hans,
            Self::ZhHant => hant,
            Self::En => english,
        }
    }

    /// What `?lang=` asks for, else what the browser prefers.
    pub fn choose(query: Option<&str>, accept_language: Option<&str>) -> Self {
        query
            .and_then(Self::from_tag)
            .unwrap_or_else(|| Self::from_accept_language(accept_language.unwrap_or_default()))
    }

    /// The most wanted language of an `Accept-Language` header that we speak (RFC 9110, 12.5.4).
    pub fn from_accept_language(header: &str) -> Self {
        let entries = header.split(',').take(ACCEPT_ENTRIES_MAX).filter_map(wish);
        let mut best: Option<(u32, Self)> = None;
        for (weight, language) in entries {
            if weight > 0 && best.is_none_or(|(most, _)| weight > most) {
                best = Some((weight, language));
            }
        }
        best.map_or(Self::ZhHans, |(_, language)| language)
    }

    /// The language of a BCP 47 tag, in any case; the script says more than the region.
    pub fn from_tag(tag: &str) -> Option<Self> {
        let tag = tag.trim().to_ascii_lowercase().replace('_', "-");
        let mut parts = tag.split('-');
        match parts.next() {
            Some("en") => Some(Self::En),
            Some("zh") => Some(Self::chinese(&parts.collect::<Vec<_>>())),
            _ => None,
        }
    }

    fn chinese(subtags: &[&str]) -> Self {
        if subtags.contains(&"hans") {
            return Self::ZhHans;
        }
        let is_traditional = |tag: &&str| matches!(*tag, "hant" | "hk" | "tw" | "mo");
        if subtags.iter().any(is_traditional) { Self::ZhHant } else { Self::ZhHans }
    }
}

/// One entry of `Accept-Language`: its weight in thousandths and the language, if we speak it.
fn wish(entry: &str) -> Option<(u32, Language)> {
    let mut parts = entry.split(';');
    let language = Language::from_tag(parts.next()?)?;
    let weight = parts.find_map(|part| part.trim().strip_prefix("q=")).map_or(Some(1000), weight);
    weight.map(|weight| (weight, language))
}

/// `1`, `0.8`, `0.85` in thousandths, without floats.
fn weight(text: &str) -> Option<u32> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole = whole.parse::<u32>().ok().filter(|whole| *whole <= 1)?;
    let thousandths = format!("{fraction:0<3}");
    let thousandths = thousandths.get(..3)?.parse::<u32>().ok()?;
    Some(whole * 1000 + thousandths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_wanted_language_that_we_speak_wins() {
        for (header, expect) in [
            ("", Language::ZhHans),
            ("zh-CN,zh;q=0.9,en;q=0.8", Language::ZhHans),
            ("zh-HK,zh;q=0.9", Language::ZhHant),
            ("zh-TW", Language::ZhHant),
            ("zh-MO", Language::ZhHant),
            ("zh-Hant-CN", Language::ZhHant),
            ("zh-Hans-HK", Language::ZhHans),
            ("zh-SG", Language::ZhHans),
            ("en-US,en;q=0.9,zh-CN;q=0.8", Language::En),
            ("en;q=0.5, zh-TW;q=0.85", Language::ZhHant),
            ("fr-FR,fr;q=0.9,en;q=0.4", Language::En),
            ("ja", Language::ZhHans),
            ("en;q=0", Language::ZhHans),
            ("EN-gb", Language::En),
            ("*", Language::ZhHans),
            ("en;q=二,zh-HK;q=0.1", Language::ZhHant),
            (",;,;q=1,,", Language::ZhHans),
        ] {
            assert_eq!(Language::from_accept_language(header), expect, "{header:?}");
        }
    }

    #[test]
    fn the_link_at_the_foot_beats_the_browser() {
        assert_eq!(Language::choose(Some("en"), Some("zh-HK")), Language::En);
        assert_eq!(Language::choose(Some("klingon"), Some("zh-HK")), Language::ZhHant);
        assert_eq!(Language::choose(None, None), Language::ZhHans);
    }

    #[test]
    fn every_tag_is_read_back() {
        for language in Language::ALL {
            assert_eq!(Language::from_tag(language.tag()), Some(language));
        }
    }
}
