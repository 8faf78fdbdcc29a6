//! Static files of our pages, compiled into the binary and served under `/assets/NAME?v=HASH`.
//!
//! Pages carry no inline script or style (see [`crate::page::CSP`]), so everything that moves or is
//! coloured is one of these. The hash in the address changes with the bytes: they may be kept for ever.

use std::sync::LazyLock;

/// `Cache-Control` of an asset that was asked for by its hashed address.
const CACHE_FOR_EVER: &str = "public, max-age=31536000, immutable";
/// `Cache-Control` of an asset under any other address: its bytes may be another version's.
const CACHE_CHECKED: &str = "no-cache";

/// A file as it is sent.
#[derive(Debug)]
pub struct Asset {
    /// Last part of its address.
    pub name: &'static str,
    /// `Content-Type`.
    pub content_type: &'static str,
    /// The body.
    pub bytes: &'static [u8],
    /// `ETag`, with its quotes.
    pub etag: String,
}

impl Asset {
    /// Its hash, as in its address.
    fn version(&self) -> &str {
        self.etag.trim_matches('"')
    }

    /// `Cache-Control` for a request with this query string.
    pub fn cache_control(&self, query: Option<&str>) -> &'static str {
        let asked = query.and_then(|query| query.strip_prefix("v="));
        if asked == Some(self.version()) { CACHE_FOR_EVER } else { CACHE_CHECKED }
    }
}

static ASSETS: LazyLock<[Asset; 10]> = LazyLock::new(|| {
    [
        asset("cashier.css", "text/css; charset=utf-8", include_bytes!("cashier.css")),
        asset("cashier.js", "text/javascript; charset=utf-8", include_bytes!("cashier.js")),
        asset("wallet.js", "text/javascript; charset=utf-8", include_bytes!("wallet.js")),
        asset("landing.css", "text/css; charset=utf-8", include_bytes!("landing.css")),
        asset("docs.css", "text/css; charset=utf-8", include_bytes!("docs.css")),
        asset("docs.js", "text/javascript; charset=utf-8", include_bytes!("docs.js")),
        asset("sign.js", "text/javascript; charset=utf-8", include_bytes!("sign.js")),
        asset("sign_strong.js", "text/javascript; charset=utf-8", include_bytes!("sign_strong.js")),
        asset("sign_page.js", "text/javascript; charset=utf-8", include_bytes!("sign_page.js")),
        asset("icon.svg", "image/svg+xml", include_bytes!("icon.svg")),
    ]
});

/// The asset of that name.
pub fn find(name: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.name == name)
}

/// The address that pages use for an asset: its name and, if it exists, its hash.
pub fn address(name: &str) -> String {
    let hash = find(name).map(Asset::version).unwrap_or_default();
    format!("/assets/{name}?v={hash}")
}

fn asset(name: &'static str, content_type: &'static str, bytes: &'static [u8]) -> Asset {
    Asset { name, content_type, bytes, etag: format!("\"{:016x}\"", hash(bytes)) }
}

/// FNV-1a, 64 bits: it tells versions of our own files apart and protects nothing.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fnv_1a() {
        assert_eq!(hash(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(hash(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn an_asset_is_found_by_the_name_in_its_address() {
        for asset in ASSETS.iter() {
            let address = address(asset.name);
            let (path, hash) = address.split_once("?v=").unwrap();
            let found = find(path.strip_prefix("/assets/").unwrap()).unwrap();
            assert_eq!(found.etag, format!("\"{hash}\""));
            assert_eq!(found.cache_control(Some(&format!("v={hash}"))), CACHE_FOR_EVER);
            for other in [None, Some(""), Some("v=0")] {
                assert_eq!(found.cache_control(other), CACHE_CHECKED, "{other:?}");
            }
        }
        assert!(find("../Cargo.toml").is_none());
    }

    #[test]
    fn assets_name_no_other_host() {
        for asset in ASSETS.iter() {
            let text = std::str::from_utf8(asset.bytes).unwrap();
            let text = text.replace("http://www.w3.org/2000/svg", "");
            assert!(!text.contains("://") && !text.contains("url("), "{}", asset.name);
        }
    }
}
