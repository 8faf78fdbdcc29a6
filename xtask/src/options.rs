//! Options of tasks: names, each with a number behind it.

use crate::shell::Fault;

/// Reads `arguments` into the numbers that `options` name.
pub fn read(
    arguments: &[String],
    usage: &str,
    options: &mut [(&str, &mut u64)],
) -> Result<(), Fault> {
    let mut rest = arguments.iter();
    while let Some(name) = rest.next() {
        let option = options.iter_mut().find(|(known, _)| known == name);
        let (_, value) = option.ok_or_else(|| Fault(format!("{name} is unknown: {usage}")))?;
        let number = rest.next().and_then(|text| text.parse().ok());
        **value = number.ok_or_else(|| Fault(format!("{name} needs a number: {usage}")))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_understood_is_named() {
        let read = |words: &[&str]| {
            let (mut seeds, mut seed) = (1, 2);
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            let options = &mut [("--seeds", &mut seeds), ("--seed", &mut seed)];
            read(&words, "usage", options).map(|()| (seeds, seed)).map_err(|Fault(why)| why)
        };
        assert_eq!(read(&["--seed", "7"]), Ok((1, 7)));
        assert_eq!(read(&["--sed", "7"]), Err("--sed is unknown: usage".into()));
        assert_eq!(read(&["--seed"]), Err("--seed needs a number: usage".into()));
    }
}
