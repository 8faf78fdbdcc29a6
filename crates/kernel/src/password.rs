//! Which passwords may be chosen. What a password was is never kept, logged or repeated in a message.

use crate::fault::Wording;
use crate::secret::Secret;
use crate::user::Email;

/// How a hash begins.
const HASH_BEGINS: &str = "$argon2id$v=19$";
/// Bytes of a hash at most.
const HASH_BYTES_MAX: usize = 256;
/// Characters of a password at least.
const CHARS_MIN: usize = 8;
/// Characters of a password at most: more would only cost us.
pub const CHARS_MAX: usize = 128;

const TOO_SHORT: Wording = ["至少 8 个字符", "must have at least 8 characters"];
const IS_EMAIL: Wording = ["不能与 email 相同", "must not be the e-mail"];
const TOO_COMMON: Wording = ["过于常见，请换一个", "is too common; choose another one"];

/// Passwords that everybody tries first, in small letters; those of one letter repeated, and runs of
/// digits, are refused by rule.
const COMMON: [&str; 40] = [
    "password",
    "password1",
    "password12",
    "password123",
    "passw0rd",
    "p@ssw0rd",
    "p@ssword",
    "qwertyui",
    "qwertyuiop",
    "qwerty12",
    "qwerty123",
    "1q2w3e4r",
    "1q2w3e4r5t",
    "1qaz2wsx",
    "zaq12wsx",
    "qazwsxedc",
    "asdfghjk",
    "asdfghjkl",
    "zxcvbnm1",
    "abcd1234",
    "abc12345",
    "a1234567",
    "a12345678",
    "a123456789",
    "aa123456",
    "aa12345678",
    "woaini1314",
    "woaini520",
    "woaini123",
    "5201314520",
    "1314520520",
    "iloveyou",
    "sunshine",
    "princess",
    "football",
    "baseball",
    "superman",
    "welcome1",
    "admin123",
    "administrator",
];

/// Judges a password that is not too long.
///
/// # Errors
/// What is wrong with it, in words that follow the parameter's name.
pub fn judge(password: &Secret, email: &Email) -> Result<(), Wording> {
    let small = Secret::new(password.expose().to_lowercase());
    match judge_alone(password) {
        Err(TOO_SHORT) => Err(TOO_SHORT),
        _ if small.expose() == email.as_str() => Err(IS_EMAIL),
        judged => judged,
    }
}

/// Judges a password that belongs to no e-mail, and is not too long.
///
/// # Errors
/// As [`judge`].
pub fn judge_alone(password: &Secret) -> Result<(), Wording> {
    let text = password.expose();
    if text.chars().count() < CHARS_MIN {
        return Err(TOO_SHORT);
    }
    let small = Secret::new(text.to_lowercase());
    if COMMON.contains(&small.expose()) || is_run(small.expose()) {
        return Err(TOO_COMMON);
    }
    Ok(())
}

/// Whether a text is spelled as the hash of a password is (PHC's form, Argon2id).
pub fn is_hash(text: &str) -> bool {
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || b"$=,+/".contains(&byte);
    text.starts_with(HASH_BEGINS) && text.len() <= HASH_BYTES_MAX && text.bytes().all(is_good)
}

/// Whether each character is the one before, or each its follower (`12345678`), or each its forerunner.
fn is_run(text: &str) -> bool {
    let steps = text.chars().zip(text.chars().skip(1));
    let mut steps = steps.map(|(one, next)| i64::from(u32::from(next)) - i64::from(u32::from(one)));
    let first = steps.next().unwrap_or(0);
    (-1..=1).contains(&first) && steps.all(|step| step == first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(password: &str) -> Result<(), Wording> {
        judge(&Secret::new(password), &Email::parse("Boss@shop.example").unwrap())
    }

    #[test]
    fn what_everybody_tries_first_is_refused() {
        for common in ["Password", "QWERTY123", "12345678", "87654321", "aaaaaaaa", "abcdefgh"] {
            assert_eq!(judged(common), Err(TOO_COMMON), "{common}");
        }
        for good in ["13572468", "long tea house", "聚宝支付好用得很", "12345679x", "aaaaaaab"]
        {
            assert_eq!(judged(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn a_password_has_eight_characters_and_is_not_the_e_mail() {
        assert_eq!(judged("聚宝支付好用得"), Err(TOO_SHORT));
        assert_eq!(judged(""), Err(TOO_SHORT));
        assert_eq!(judged("BOSS@shop.example"), Err(IS_EMAIL));
    }

    #[test]
    fn the_list_is_in_small_letters_and_holds_nothing_that_is_too_short_anyway() {
        for common in COMMON {
            assert_eq!(common, common.to_lowercase());
            assert!(common.chars().count() >= CHARS_MIN, "{common}");
        }
    }
}
