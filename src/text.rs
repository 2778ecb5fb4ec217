//! Searches for a text in a text.
//!
//! (By hand: the standard library's searcher, with the panics that it prints characters for, takes 9 KB of the
//! component.)

/// Where `part` begins in `text`.
fn find(text: &str, part: &str) -> Option<usize> {
    let mut windows = text.as_bytes().windows(part.len().max(1));
    windows.position(|window| window == part.as_bytes())
}

/// Whether `text` holds `part`.
#[must_use]
pub fn holds(text: &str, part: &str) -> bool {
    find(text, part).is_some()
}

/// What stands before and behind the first `part` of `text`.
#[must_use]
pub fn split_once<'a>(text: &'a str, part: &str) -> Option<(&'a str, &'a str)> {
    let (before, rest) = text.split_at_checked(find(text, part)?)?;
    Some((before, rest.strip_prefix(part)?))
}

/// `text` with `by` in place of each `part`.
#[must_use]
pub fn replace(mut text: &str, part: &str, by: &str) -> String {
    let mut replaced = String::with_capacity(text.len());
    while let Some((before, rest)) = split_once(text, part) {
        replaced.extend([before, by]);
        text = rest;
    }
    replaced.push_str(text);
    replaced
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_agrees_with_the_standard_library(text in "[aé…]{0,12}", part in "[aé…]{1,3}") {
            prop_assert_eq!(holds(&text, &part), text.contains(&part));
            prop_assert_eq!(split_once(&text, &part), text.split_once(&part));
            prop_assert_eq!(replace(&text, &part, "é"), text.replace(&part, "é"));
        }
    }
}
