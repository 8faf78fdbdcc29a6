//! Finds out why a merchant's signature is wrong: tries the mistakes that clients really make, and
//! names the one that made the signature. For a person at a terminal; it never shows the key.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::fault::Wording;
use crate::order::SignForm;
use crate::secret::Secret;
use crate::sign;

/// What stands for the key in a text that is shown.
const MASK: &str = "<key>";

/// What the doctor found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Explanation {
    /// The text that must be signed, with the key masked.
    pub text: String,
    /// The signature that was expected, in the form that its `version` asks for.
    pub expected: String,
    /// How the signature was made, if that could be found.
    pub finding: Option<Finding>,
}

/// How a signature was made.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Finding {
    /// Correctly, in this form.
    Right(SignForm),
    /// With a mistake.
    Mistake(Mistake),
}

/// A mistake that clients make.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Mistake {
    /// Parameters with empty values were left out.
    EmptiesLeftOut,
    /// `utf8_encode` was applied although `version` is 2.
    WidenedDespiteVersion2,
    /// `utf8_encode` was applied twice.
    WidenedTwice,
    /// Joined as `k=v&k=v`.
    JoinedWithSeparators,
    /// The sister platform's form: `k=v&k=v&key=KEY`.
    KeySuffix,
    /// The key stands only in front.
    KeyOnlyInFront,
    /// The key stands only behind.
    KeyOnlyBehind,
    /// Names were not sorted by their bytes, but as they came.
    Unsorted,
    /// `sign` itself was included.
    SignIncluded,
    /// Values were URL-encoded.
    ValuesUrlEncoded,
    /// Values without their names.
    NamesLeftOut,
}

impl Mistake {
    /// Every mistake that is tried.
    pub const ALL: [Self; 11] = [
        Self::EmptiesLeftOut,
        Self::WidenedDespiteVersion2,
        Self::WidenedTwice,
        Self::JoinedWithSeparators,
        Self::KeySuffix,
        Self::KeyOnlyInFront,
        Self::KeyOnlyBehind,
        Self::Unsorted,
        Self::SignIncluded,
        Self::ValuesUrlEncoded,
        Self::NamesLeftOut,
    ];

    /// What to change.
    pub fn cure(self) -> Wording {
        match self {
            Self::EmptiesLeftOut => {
                ["空值参数也要参与签名", "parameters with empty values must be signed too"]
            }
            Self::WidenedDespiteVersion2 => {
                ["version 为 2 时不要 utf8_encode", "with version 2, do not apply utf8_encode"]
            }
            Self::WidenedTwice => {
                ["utf8_encode 只应做一次", "utf8_encode must be applied only once"]
            }
            Self::JoinedWithSeparators => {
                ["参数名与值直接拼接，不用 = 与 &", "names and values are joined without = and &"]
            }
            Self::KeySuffix => {
                ["密钥拼在首尾，不用 &key=", "the key goes in front and behind, not as &key="]
            }
            Self::KeyOnlyInFront => ["结尾也要拼接密钥", "the key must stand behind as well"],
            Self::KeyOnlyBehind => ["开头也要拼接密钥", "the key must stand in front as well"],
            Self::Unsorted => ["参数名须按字节升序排列", "names must be sorted by their bytes"],
            Self::SignIncluded => ["sign 不参与签名", "sign itself is not signed"],
            Self::ValuesUrlEncoded => {
                ["签名前不要对值做 URL 编码", "values must not be URL-encoded before signing"]
            }
            Self::NamesLeftOut => ["参数名也要参与拼接", "names must be joined too"],
        }
    }
}

/// Explains the signature among `fields`, which come in the order in which they were sent.
pub fn explain(fields: &[(String, String)], key: &Secret) -> Explanation {
    let fields = fields.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    let sent = fields.clone().find(|(name, _)| *name == "sign").map_or("", |(_, text)| text);
    let unsorted = fields.clone().filter(|(name, _)| *name != "sign").collect::<Vec<_>>();
    let mut sorted = unsorted.clone();
    sorted.sort_unstable();
    let is_version2 = sorted.contains(&("version", "2"));
    let text = sign::canonical(sorted.iter().copied());
    let forms: &[SignForm] =
        if is_version2 { &[SignForm::Version2] } else { &[SignForm::Widened, SignForm::Plain] };
    let made = |form: &&SignForm| sign::md5_sign(key, &text, **form).eq_ignore_ascii_case(sent);
    let patient = Patient { sorted, unsorted, sent, key, is_version2 };
    let mistake = || Mistake::ALL.into_iter().find(|mistake| patient.suffers_from(*mistake));
    let right = forms.iter().find(made).map(|form| Finding::Right(*form));
    Explanation {
        finding: right.or_else(|| mistake().map(Finding::Mistake)),
        expected: sign::md5_sign(key, &text, forms[0]),
        text: format!("{MASK}{text}{MASK}"),
    }
}

struct Patient<'a> {
    sorted: Vec<(&'a str, &'a str)>,
    unsorted: Vec<(&'a str, &'a str)>,
    sent: &'a str,
    key: &'a Secret,
    is_version2: bool,
}

impl Patient<'_> {
    fn suffers_from(&self, mistake: Mistake) -> bool {
        let key = self.key.expose();
        let around = |text: &str| format!("{key}{text}{key}");
        let right = sign::canonical(self.sorted.iter().copied());
        let pairs = || {
            let pairs = self.sorted.iter().filter(|(_, value)| !value.is_empty());
            pairs.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
        };
        let texts = match mistake {
            Mistake::EmptiesLeftOut => vec![around(&self.joined(|value| !value.is_empty()))],
            Mistake::WidenedDespiteVersion2 if self.is_version2 => vec![around(&widened(&right))],
            Mistake::WidenedDespiteVersion2 => Vec::new(),
            Mistake::WidenedTwice => vec![around(&widened(&widened(&right)))],
            Mistake::JoinedWithSeparators => vec![around(&pairs()), around(&self.all_pairs())],
            Mistake::KeySuffix => {
                vec![format!("{}&key={key}", pairs()), format!("{}&key={key}", self.all_pairs())]
            }
            Mistake::KeyOnlyInFront => vec![format!("{key}{right}")],
            Mistake::KeyOnlyBehind => vec![format!("{right}{key}")],
            Mistake::Unsorted => self.other_orders().iter().map(|text| around(text)).collect(),
            Mistake::SignIncluded => self.with_sign().iter().map(|text| around(text)).collect(),
            Mistake::ValuesUrlEncoded => {
                self.url_encoded().iter().map(|text| around(text)).collect()
            }
            Mistake::NamesLeftOut => {
                vec![around(&self.sorted.iter().map(|(_, value)| *value).collect::<String>())]
            }
        };
        // Where a mistake changes nothing, it was not made.
        let is_wrong = |text: &&String| **text != around(&right);
        texts.iter().filter(is_wrong).any(|text| self.is_made_over(text))
    }

    /// Whether the signature is the MD5 of a text that holds the key already, widened or not.
    fn is_made_over(&self, text: &str) -> bool {
        let no_key = Secret::new("");
        [SignForm::Plain, SignForm::Widened]
            .into_iter()
            .any(|form| sign::md5_sign(&no_key, text, form).eq_ignore_ascii_case(self.sent))
    }

    fn joined(&self, keep: impl Fn(&str) -> bool) -> String {
        sign::canonical(self.sorted.iter().copied().filter(|(_, value)| keep(value)))
    }

    fn all_pairs(&self) -> String {
        let pairs = self.sorted.iter().map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join("&")
    }

    /// As they came, and sorted without regard to case and underscores (as some libraries do).
    fn other_orders(&self) -> [String; 2] {
        let mut folded = self.sorted.clone();
        folded.sort_by_key(|(name, _)| name.to_ascii_lowercase().replace('_', "\u{0}"));
        [self.unsorted.clone(), folded].map(|fields| sign::canonical(fields.into_iter()))
    }

    /// `sign` with the empty value that clients reserve for it.
    fn with_sign(&self) -> [String; 1] {
        let mut fields = self.sorted.clone();
        fields.push(("sign", ""));
        fields.sort_unstable();
        [sign::canonical(fields.into_iter())]
    }

    /// As RFC 3986 and as forms encode, in which a space is `+`.
    fn url_encoded(&self) -> [String; 2] {
        let percent = |value: &str| utf8_percent_encode(value, UNRESERVED).to_string();
        let form = |value: &str| {
            url::form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>()
        };
        let join = |encode: &dyn Fn(&str) -> String| {
            self.sorted.iter().map(|(name, value)| format!("{name}{}", encode(value))).collect()
        };
        [join(&percent), join(&form)]
    }
}

/// What RFC 3986 leaves as it is.
const UNRESERVED: &percent_encoding::AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// PHP's `utf8_encode` as a text.
fn widened(text: &str) -> String {
    text.bytes().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "685c6e3eca5c964b2b8240aa151cb75d";

    fn finding(fields: &[(&str, &str)], made_over: &str) -> Option<Finding> {
        let sign = sign::md5_sign(&Secret::new(""), made_over, SignForm::Plain).to_lowercase();
        let signature = ("sign", sign.as_str());
        let fields = fields.iter().chain([&signature]);
        let owned = fields.map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        let explanation = explain(&owned.collect::<Vec<_>>(), &Secret::new(KEY));
        assert!(!explanation.text.contains(KEY));
        explanation.finding
    }

    #[test]
    fn each_mistake_is_found_by_its_signature() {
        let k = KEY;
        let fields = [("total_fee", "1"), ("body", "聚 宝"), ("attach", "")];
        for (text, mistake) in [
            (format!("{k}body聚 宝total_fee1{k}"), Mistake::EmptiesLeftOut),
            (
                format!("{k}{}{k}", widened(&widened("attachbody聚 宝total_fee1"))),
                Mistake::WidenedTwice,
            ),
            (format!("{k}body=聚 宝&total_fee=1{k}"), Mistake::JoinedWithSeparators),
            (format!("{k}attach=&body=聚 宝&total_fee=1{k}"), Mistake::JoinedWithSeparators),
            (format!("body=聚 宝&total_fee=1&key={k}"), Mistake::KeySuffix),
            (format!("{k}attachbody聚 宝total_fee1"), Mistake::KeyOnlyInFront),
            (format!("attachbody聚 宝total_fee1{k}"), Mistake::KeyOnlyBehind),
            (format!("{k}total_fee1body聚 宝attach{k}"), Mistake::Unsorted),
            (format!("{k}attachbody聚 宝signtotal_fee1{k}"), Mistake::SignIncluded),
            (format!("{k}attachbody%E8%81%9A%20%E5%AE%9Dtotal_fee1{k}"), Mistake::ValuesUrlEncoded),
            (format!("{k}attachbody%E8%81%9A+%E5%AE%9Dtotal_fee1{k}"), Mistake::ValuesUrlEncoded),
            (format!("{k}聚 宝1{k}"), Mistake::NamesLeftOut),
        ] {
            assert_eq!(finding(&fields, &text), Some(Finding::Mistake(mistake)), "{text}");
        }
    }

    #[test]
    fn widening_is_a_mistake_only_with_version_two() {
        let fields = [("body", "聚"), ("version", "2")];
        let text = format!("{KEY}{}{KEY}", widened("body聚version2"));
        let mistake = Finding::Mistake(Mistake::WidenedDespiteVersion2);
        assert_eq!(finding(&fields, &text), Some(mistake));
        let text = format!("{KEY}{}{KEY}", widened("body聚"));
        let right = Finding::Right(SignForm::Widened);
        assert_eq!(finding(&[("body", "聚")], &text), Some(right));
    }

    #[test]
    fn a_wrong_key_is_no_known_mistake() {
        assert_eq!(finding(&[("body", "x")], "otherbodyxother"), None);
    }
}
