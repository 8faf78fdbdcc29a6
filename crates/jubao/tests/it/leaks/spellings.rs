//! How a secret can be written, and the search for all of them at once.

use aho_corasick::{AhoCorasick, Anchored, StartKind};
use channels::seal::{base64, from_base64};

/// Where the part of an RSA key that is nobody's business is looked for: pieces of its DER form behind
/// the modulus, each at the beginning of a line of its PEM form.
const PIECES_OF_RSA: [usize; 3] = [48 * 7, 48 * 12, 48 * 20];
/// The same of a key on a curve: behind the first line, in the middle of the scalar.
const PIECES_OF_CURVE: [usize; 1] = [48];
/// Bytes of a piece.
const PIECE: usize = 20;
/// A DER form that is longer is an RSA key's.
const CURVE_MAX: usize = 400;

/// What of a private key in PEM is looked for.
pub fn pieces_of_pem(pem: &str) -> Vec<Vec<u8>> {
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = from_base64(&body).unwrap();
    let starts: &[usize] = if der.len() > CURVE_MAX { &PIECES_OF_RSA } else { &PIECES_OF_CURVE };
    starts.iter().map(|start| der[*start..start + PIECE].to_vec()).collect()
}

/// Every spelling, whatever the case of its letters.
fn spellings(secret: &[u8]) -> Vec<Vec<u8>> {
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let decimal: Vec<_> = secret.iter().map(u8::to_string).collect();
    let mut all = vec![secret.to_vec(), hex.into_bytes(), decimal.join(", ").into_bytes()];
    all.push(secret.escape_ascii().to_string().into_bytes());
    for before in 0..3 {
        // What stands before it moves its bits; the letters at both ends depend on what is beside it.
        let text = base64(&[&vec![0; before][..], secret].concat());
        let text = text.trim_end_matches('=');
        let inner = &text[(before * 4).div_ceil(3)..text.len() - 1];
        all.push(inner.as_bytes().to_vec());
        all.push(inner.replace('+', "-").replace('/', "_").into_bytes());
    }
    all.sort_unstable();
    all.dedup();
    all
}

/// Looks for many secrets at once.
pub struct Searcher {
    names: Vec<String>,
    automaton: AhoCorasick,
}

impl Searcher {
    /// For secrets, each with a name that may be shown.
    pub fn new<'a>(secrets: impl Iterator<Item = (&'a str, &'a [u8])>) -> Self {
        let (mut names, mut patterns) = (Vec::new(), Vec::new());
        for (name, secret) in secrets {
            let spelled = spellings(secret);
            names.extend(vec![name.to_owned(); spelled.len()]);
            patterns.extend(spelled);
        }
        let mut builder = AhoCorasick::builder();
        builder.ascii_case_insensitive(true).start_kind(StartKind::Unanchored);
        Self { names, automaton: builder.build(patterns).unwrap() }
    }

    /// Where they are: the line, and the name of the secret.
    pub fn hits(&self, text: &[u8]) -> Vec<(usize, &str)> {
        let input = aho_corasick::Input::new(text).anchored(Anchored::No);
        let found = self.automaton.find_iter(input).map(|hit| {
            let before = &text[..hit.start()];
            let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
            (line, self.names[hit.pattern().as_usize()].as_str())
        });
        found.take(20).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_key_is_found_as_pem_and_as_der_and_its_public_half_is_not_it() {
        let folder = jubao::demo::FreshFolder::make().unwrap();
        let identity = jubao::demo::identity::DemoIdentity::load(folder.path()).unwrap();
        let of_curve = rcgen::generate_simple_self_signed(["x".to_owned()]).unwrap();
        let rsa = identity.alipay_merchant;
        let curve = (of_curve.signing_key.serialize_pem(), of_curve.cert.pem());
        for (private, public) in [(rsa.private, rsa.public), curve] {
            let pieces = pieces_of_pem(&private);
            let named = pieces.iter().map(|piece| ("a key", piece.as_slice()));
            let searcher = Searcher::new(named);
            let body: String = private.lines().filter(|line| !line.starts_with('-')).collect();
            let der = from_base64(&body).unwrap();
            let escaped = private.replace('\n', "\\n");
            for text in [private.as_bytes(), escaped.as_bytes(), body.as_bytes(), &der] {
                assert_eq!(searcher.hits(text).len(), pieces.len(), "{}", text.escape_ascii());
            }
            assert!(searcher.hits(public.as_bytes()).is_empty());
        }
    }
}
