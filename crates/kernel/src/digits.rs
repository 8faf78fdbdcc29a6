//! Digits and hexadecimal, written without the formatter: every answer holds dozens of them.

/// Digits of the largest number.
const DIGITS_MAX: usize = 20;
const HEX: &[u8; 16] = b"0123456789abcdef";

/// Appends `number` in decimal with leading zeros up to `width`; a longer number is written whole.
pub fn push_padded(out: &mut String, mut number: u64, width: usize) {
    let mut digits = [b'0'; DIGITS_MAX];
    let mut at = DIGITS_MAX;
    while number > 0 {
        at -= 1;
        digits[at] = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
    }
    let start = at.min(DIGITS_MAX - width.min(DIGITS_MAX));
    out.extend(digits[start..].iter().map(|digit| char::from(*digit)));
}

/// Appends two lower-case hexadecimal digits a byte.
pub fn push_hex(out: &mut String, bytes: &[u8]) {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xF]);
    out.extend(digits.map(|digit| char::from(HEX[usize::from(digit)])));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn both_write_what_the_formatter_writes(number in any::<u64>(), shift in 0..64_u32, width in 0..20_usize) {
            let number = number >> shift;
            let mut out = String::from("x");
            push_padded(&mut out, number, width);
            let expect = if number == 0 && width == 0 { "x".into() } else { format!("x{number:0width$}") };
            prop_assert_eq!(&out, &expect);
            push_hex(&mut out, &number.to_be_bytes());
            prop_assert_eq!(out, format!("{expect}{number:016x}"));
        }
    }
}
