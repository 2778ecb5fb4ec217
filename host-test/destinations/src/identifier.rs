//! Names in SQL.

/// Quotes the name of a schema, a table or a column. Every name that goes into a statement passes through here.
#[must_use]
pub fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Quotes names and joins them with commas.
pub fn quote_all<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    let names = names.into_iter().map(|name| quote(name));
    names.collect::<Vec<_>>().join(", ")
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
