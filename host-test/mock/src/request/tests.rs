use super::*;

#[test]
fn queries_are_split_at_the_first_equals_sign_only() {
    let parts: Vec<_> = pairs("cursor=ab==&&limit=5&flag").collect();
    assert_eq!(parts, [("cursor", "ab=="), ("limit", "5"), ("flag", "")]);
}

#[test]
fn a_plus_is_a_space_but_in_cursors() {
    for (name, value, expected) in [
        ("title", "a+b%2Bc", Some("a b+c")),
        ("cursor", "a+b%2Bc%3D", Some("a+b+c=")),
        ("cursor", "a%20b", Some("a b")),
        ("title", "%ff", None),
    ] {
        assert_eq!(decode(name, value).as_deref(), expected, "{name}={value}");
    }
}
