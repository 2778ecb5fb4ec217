//! Names in SQL.

/// Quotes the name of a table or a column. Every name that goes into a statement passes through here.
pub(super) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Quotes names and joins them with commas.
pub(super) fn quote_all<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    let names = names.into_iter().map(|name| quote(name));
    names.collect::<Vec<_>>().join(", ")
}

/// A condition that compares each of these columns with a parameter.
pub(super) fn equal_all<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    let conditions = names.into_iter().map(|name| format!("{} = ?", quote(name)));
    conditions.collect::<Vec<_>>().join(" AND ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_name_cannot_end_early() {
        assert_eq!(quote("order"), r#""order""#);
        assert_eq!(quote(r#"a" (x); --"#), r#""a"" (x); --""#);
    }
}
