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
    /// Names were sorted without case: `_` then comes behind the letters.
    SortedWithoutCase,
    /// Names were spelled otherwise: in capitals, or as `notifyUrl`.
    NamesRespelled,
    /// The text was put into small letters.
    LowerCased,
    /// Whole numbers were spelled with a point, or amounts in yuan.
    NumbersReformatted,
    /// White space stands at an end of the key.
    KeyPadded,
    /// The key's letters have another case.
    KeyRespelled,
}

impl Mistake {
    /// Every mistake that is tried.
    pub const ALL: [Self; 17] = [
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
        Self::SortedWithoutCase,
        Self::NamesRespelled,
        Self::LowerCased,
        Self::NumbersReformatted,
        Self::KeyPadded,
        Self::KeyRespelled,
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
            Self::SortedWithoutCase => [
                "按参数名的字节序排序：下划线在小写字母之前",
                "sort names by their bytes: an underscore comes before small letters",
            ],
            Self::NamesRespelled => [
                "签名时参数名须与发送的完全一致（小写加下划线）",
                "sign names exactly as they are sent, in small letters with underscores",
            ],
            Self::LowerCased => {
                ["签名前不要转换大小写", "do not change the case of anything before signing"]
            }
            Self::NumbersReformatted => [
                "数字须按发送的写法签名：以分为单位的整数，不带小数点",
                "sign numbers as they are sent: whole fen, without a point",
            ],
            Self::KeyPadded => [
                "密钥首尾有多余的空白或换行",
                "there is white space, or a line end, at an end of the key",
            ],
            Self::KeyRespelled => [
                "密钥的大小写须与平台给出的一致",
                "use the key in the case in which it was handed out",
            ],
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
            Mistake::SortedWithoutCase => vec![around(&self.sorted_without_case())],
            Mistake::NamesRespelled => {
                self.respelled_names().iter().map(|text| around(text)).collect()
            }
            Mistake::LowerCased => vec![around(&right.to_ascii_lowercase())],
            Mistake::NumbersReformatted => {
                self.reformatted().iter().map(|text| around(text)).collect()
            }
            Mistake::KeyPadded => {
                let padded = PADS.map(|[before, behind]| format!("{before}{key}{behind}"));
                padded.iter().map(|key| format!("{key}{right}{key}")).collect()
            }
            Mistake::KeyRespelled => {
                let respelled = [key.to_ascii_uppercase(), key.to_ascii_lowercase()];
                respelled.iter().map(|key| format!("{key}{right}{key}")).collect()
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

    /// As who compares names in capitals sorts them.
    fn sorted_without_case(&self) -> String {
        let mut folded = self.sorted.clone();
        folded.sort_by_key(|(name, _)| name.to_ascii_uppercase());
        sign::canonical(folded.into_iter())
    }

    /// Names in capitals and in camel case, sorted as they are then.
    fn respelled_names(&self) -> [String; 2] {
        let respell: [fn(&str) -> String; 2] = [|name| name.to_ascii_uppercase(), camel];
        respell.map(|respell| {
            let fields = self.sorted.iter().map(|(name, value)| (respell(name), *value));
            let mut fields = fields.collect::<Vec<_>>();
            fields.sort();
            fields.iter().map(|(name, value)| format!("{name}{value}")).collect()
        })
    }

    /// Every whole number with one and two decimals; amounts in yuan.
    fn reformatted(&self) -> [String; 3] {
        let join = |spell: &dyn Fn(&str, &str) -> String| {
            self.sorted
                .iter()
                .map(|(name, value)| format!("{name}{}", spell(name, value)))
                .collect()
        };
        let with = |decimals: &'static str| {
            move |_: &str, value: &str| {
                if is_whole(value) { format!("{value}{decimals}") } else { value.to_owned() }
            }
        };
        let in_yuan = |name: &str, value: &str| {
            let is_amount = AMOUNTS.contains(&name) && is_whole(value);
            if is_amount { yuan(value) } else { value.to_owned() }
        };
        [join(&with(".0")), join(&with(".00")), join(&in_yuan)]
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

/// What stands around a key that was copied or read carelessly.
const PADS: [[&str; 2]; 6] =
    [["", " "], ["", "\n"], ["", "\r\n"], ["", "\t"], [" ", ""], ["\u{feff}", ""]];

/// Parameters that are amounts.
const AMOUNTS: [&str; 3] = ["discount", "refund_fee", "total_fee"];

/// Whether a value is digits only.
fn is_whole(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit())
}

/// Fen as yuan with two decimals.
fn yuan(fen: &str) -> String {
    let padded = format!("{fen:0>3}");
    let (whole, rest) = padded.split_at(padded.len() - 2);
    format!("{whole}.{rest}")
}

/// `notify_url` as `notifyUrl`.
fn camel(name: &str) -> String {
    let mut parts = name.split('_');
    let mut camel = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (first, rest) = part.split_at(part.len().min(1));
        camel.push_str(&first.to_ascii_uppercase());
        camel.push_str(rest);
    }
    camel
}

/// PHP's `utf8_encode` as a text.
fn widened(text: &str) -> String {
    text.bytes().map(char::from).collect()
}

#[cfg(test)]
#[path = "sign_doctor_tests.rs"]
mod tests;
