//! A text as a QR code in inline SVG, so that it is sharp at every size and costs no request.

use std::fmt::Write;

use maud::{Markup, html};
use qrcode::{Color, EcLevel, QrCode};

/// Empty modules around the code (ISO/IEC 18004 asks for four).
const QUIET_ZONE: usize = 4;

/// The code, black on white in every colour scheme; `None` if the text is too long for one.
pub fn svg(text: &str, label: &str) -> Option<Markup> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
    let side = code.width() + 2 * QUIET_ZONE;
    Some(html! {
        svg #qr .qr data-qr=(text) role="img" aria-label=(label) viewBox={ "0 0 " (side) " " (side) }
            shape-rendering="crispEdges" {
            rect width=(side) height=(side) fill="#fff" {}
            path fill="#000" d=(outline(&code)) {}
        }
    })
}

/// One subpath for every run of dark modules in a row.
fn outline(code: &QrCode) -> String {
    let colors = code.to_colors();
    let mut path = String::new();
    for (row, modules) in colors.chunks(code.width()).enumerate() {
        let mut at = 0;
        for run in modules.chunk_by(|left, right| left == right) {
            if run.first() == Some(&Color::Dark) {
                let (x, y, length) = (at + QUIET_ZONE, row + QUIET_ZONE, run.len());
                // Writing to a String cannot fail.
                let _ = write!(path, "M{x} {y}h{length}v1h-{length}z");
            }
            at += run.len();
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outline_paints_exactly_the_dark_modules() {
        let code = QrCode::with_error_correction_level("https://a.example/1", EcLevel::M).unwrap();
        let painted: usize = outline(&code)
            .split('h')
            .filter_map(|part| part.split_once('v'))
            .map(|(length, _)| length.parse::<usize>().unwrap())
            .sum();
        let dark = code.to_colors().iter().filter(|color| **color == Color::Dark).count();
        assert_eq!(painted, dark);
    }

    #[test]
    fn the_first_finder_stands_behind_the_quiet_zone() {
        let text = svg("weixin://wxpay/bizpayurl?pr=abc", "code").unwrap().into_string();
        assert!(text.contains(r##"fill="#000" d="M4 4h7v1h-7z"##), "{text}");
    }

    #[test]
    fn a_text_too_long_for_a_code_gives_none() {
        assert!(svg(&"x".repeat(4000), "code").is_none());
    }

    #[test]
    fn the_label_is_escaped() {
        let text = svg("x", "\"><script>").unwrap().into_string();
        assert!(!text.contains("<script>"), "{text}");
    }
}
