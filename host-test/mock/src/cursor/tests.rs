use super::*;

#[test]
fn cursors_come_back_whole_and_are_awkward() {
    for (id, key) in [
        ("1", SortKey::Number(5)),
        ("23", SortKey::Text("ä~>".to_owned())),
        ("456", SortKey::Number(-1)),
    ] {
        let cursor = Cursor::new(id.to_owned(), "-title", key).with_turn(id.len() as u64 - 1);
        let text = cursor.encode();
        assert_eq!(Cursor::decode(&text), Some(cursor));
        assert!(
            text.ends_with('=') && text.contains('+') && text.contains('/'),
            "{text}"
        );
    }
}

#[test]
fn nonsense_is_no_cursor() {
    for text in ["", "x", "e30=", "bm9uc2Vuc2U=", "eyJpZCI6NX0="] {
        assert_eq!(Cursor::decode(text), None, "{text}");
    }
}
