#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use proptest::prelude::*;

use super::*;

object! {
    Wire<'a> {
        a: Value<'a> = "a",
        nested: Nested<Inner<'a>> = "nested",
        list: List<Nested<Inner<'a>>> = "list",
    }
}

object! {
    Inner<'a> {
        b: Value<'a> = "b",
    }
}

fn text_of(body: &[u8]) -> Result<Option<String>, BodyError> {
    decode(body, |json| {
        let wire: Nested<Wire<'_>> = read(json)?;
        Ok(FieldReader::default().text("a", &wire.or_empty().a))
    })
}

#[test]
fn texts_survive_what_is_broken_in_them() {
    for (body, expected, why) in [
        (&br#"{"a":"x"}"#[..], "x", "plain"),
        (br#"{"a":"\ud83c"}"#, "\u{fffd}", "a lone high surrogate"),
        (br#"{"a":"\udf89x"}"#, "\u{fffd}x", "a lone low surrogate"),
        (
            br#"{"a":"\ud83c\u0041"}"#,
            "\u{fffd}A",
            "a high surrogate before another escape",
        ),
        (br#"{"a":"\ud83c\udf89"}"#, "🎉", "a pair"),
        (
            br#"{"a":"\ud83c\udf89","z":"\ud83c"}"#,
            "🎉",
            "a pair in a body that is repaired",
        ),
        (
            b"{\"a\":\"\xed\xa0\xbc!\"}",
            "\u{fffd}!",
            "a surrogate in WTF-8 is one character",
        ),
        (b"{\"a\":\"\xff!\"}", "\u{fffd}!", "invalid UTF-8"),
        (b"{\"a\":\"x\ty\"}", "x\ty", "a raw tab"),
        (
            b"{\"a\":\"x\x01y\"}",
            "x\u{fffd}y",
            "a raw control character",
        ),
        (b"{\"a\":\"x\x00y\"}", "x\u{fffd}y", "a raw NUL"),
        (br#"{"a":"x\u0000y"}"#, "x\u{fffd}y", "an escaped NUL"),
        (b"\xef\xbb\xbf{\"a\":\"x\"}", "x", "a byte order mark"),
        (
            b"{\"z\":\"\t\xff\",\"a\":\"x\"}",
            "x",
            "raw bytes in a field that nobody reads",
        ),
        (
            br#"{"z":1e400,"y":"\ud83c","a":"x"}"#,
            "x",
            "a number beyond f64 that nobody reads",
        ),
    ] {
        assert_eq!(text_of(body), Ok(Some(expected.to_owned())), "{why}");
    }
    let deep = format!(
        r#"{{"z":{}{},"a":"x"}}"#,
        "[".repeat(5000),
        "]".repeat(5000)
    );
    assert_eq!(text_of(deep.as_bytes()), Ok(Some("x".into())), "any depth");
    let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(5000), "]".repeat(5000));
    assert_eq!(
        text_of(deep.as_bytes()),
        Ok(None),
        "any depth where a text is read"
    );
}

#[test]
fn a_body_is_judged_without_being_quoted() {
    for (body, expected) in [
        (&b""[..], "an empty body"),
        (b" \n", "an empty body"),
        (b"<html>secret</html>", "HTML"),
        (br#"{"secret"#, "breaks off"),
        (br#"{"secret":"\ud83c"#, "breaks off"),
        (b"{secret}", "no JSON"),
        (br#"{"secret":1}}"#, "no JSON"),
    ] {
        let message = text_of(body).unwrap_err().to_string();
        assert!(
            message.contains(expected) && !message.contains("secret"),
            "{message}"
        );
    }
    let rows = format!(r#"{{"list":[{}]}}"#, vec!["{}"; 5001].join(","));
    assert_eq!(
        text_of(rows.as_bytes()),
        Err(BodyError::Unexpected(TOO_MANY_ROWS.into()))
    );
}

#[test]
fn values_mean_what_they_plainly_say() {
    let value = |json: &'static str| read::<Value<'_>>(json.as_bytes()).unwrap();
    let mut reader = FieldReader::default();
    for (json, expected) in [
        ("12", Some(12)),
        ("12.0", Some(12)),
        ("1e3", Some(1000)),
        ("\"7\"", Some(7)),
        ("\" 7.0 \"", Some(7)),
        ("-0.0", Some(0)),
        ("null", None),
        ("1.5", None),
        ("1e300", None),
        ("18446744073709551615", None),
        ("\"seven\"", None),
        ("true", None),
        ("[]", None),
    ] {
        assert_eq!(reader.integer("n", &value(json)), expected, "{json}");
    }
    assert_eq!(reader.unreadable.len(), 6, "null is not unreadable");
    for (json, expected) in [
        ("3000000000", Some("3000000000")),
        ("18446744073709551615", Some("18446744073709551615")),
        ("\"5b:a\"", Some("5b:a")),
        ("7.5", None),
        ("\"a\\ufffd\"", None),
        ("\"\"", None),
        ("false", None),
        ("{}", None),
    ] {
        assert_eq!(reader.id("id", &value(json)).as_deref(), expected, "{json}");
    }
    for (json, expected) in [
        ("true", Some(true)),
        ("\"False\"", Some(false)),
        ("1", None),
    ] {
        assert_eq!(reader.boolean("b", &value(json)), expected, "{json}");
    }
    assert_eq!(reader.text("t", &value("5")), None);
}

#[test]
fn times_are_kept_or_converted_or_null() {
    for (json, expected, counted) in [
        (
            "\"2026-09-18T11:01:06.372Z\"",
            Some("2026-09-18T11:01:06.372Z"),
            false,
        ),
        (
            "\"2026-05-27T07:09:12Z\"",
            Some("2026-05-27T07:09:12Z"),
            false,
        ),
        (
            "\"2026-09-18T11:01:06.372+0000\"",
            Some("2026-09-18T11:01:06.372Z"),
            false,
        ),
        (
            "\"2026-09-18T13:01:06.372+02:00\"",
            Some("2026-09-18T11:01:06.372Z"),
            false,
        ),
        (
            "\"2026-09-18T11:01Z\"",
            Some("2026-09-18T11:01:00.000Z"),
            false,
        ),
        ("1789729266372", Some("2026-09-18T11:01:06.372Z"), false),
        ("\"1789729266372\"", Some("2026-09-18T11:01:06.372Z"), false),
        ("1789729266", Some("2026-09-18T11:01:06.000Z"), false),
        ("null", None, false),
        ("\"\"", None, true),
        ("\"2026-09-18\"", None, true),
        ("\"2026-02-30T00:00:00Z\"", None, true),
        ("\"2026-09-18T11:01:06.372\"", None, true),
        ("\"garbage\"", None, true),
        ("9223372036854775807", None, true),
        ("true", None, true),
    ] {
        let mut reader = FieldReader::default();
        let value = read(json.as_bytes()).unwrap();
        assert_eq!(reader.timestamp("t", &value).as_deref(), expected, "{json}");
        assert_eq!(!reader.unreadable.is_empty(), counted, "{json}");
    }
}

object! {
    Person<'a> {
        full_name: Value<'a> = "fullName",
        home: Nested<Inner<'a>> = "_home",
    }
}

#[test]
fn an_object_has_the_fields_that_are_declared() {
    let read = |json: &'static str| read::<Nested<Person<'_>>>(json.as_bytes());
    let json = r#"{"x":[{}],"_home":{"b":7},"full\u004eame":"Ada","_Home":1}"#;
    let person = read(json).unwrap().or_empty();
    assert_eq!(person.full_name, Value::Text("Ada".into()));
    let b = Value::Integer(7);
    assert_eq!(person.home, Nested::Object(Inner { b }));
    assert_eq!(read("{}").unwrap(), Nested::Object(Person::default()));
    for other in ["[]", "1"] {
        assert_eq!(read(other).unwrap(), Nested::Other, "{other}");
    }
    for refused in [r#"{"_home":1,"_home":2}"#, r#"{"_home":"#, "{}{}"] {
        assert!(read(refused).is_err(), "{refused}");
    }
}

#[test]
fn objects_and_lists_may_be_something_else() {
    let wire = |json: &'static str| {
        let wire: Nested<Wire<'_>> = read(json.as_bytes()).unwrap();
        wire.or_empty()
    };
    assert_eq!(wire(r#"{"nested":5}"#).nested, Nested::Other);
    assert_eq!(wire(r#"{"nested":null}"#).nested, Nested::Missing);
    assert_eq!(wire(r#"{"nested":[1,{}]}"#).nested, Nested::Other);
    let inner = Inner {
        b: Value::Integer(1),
    };
    assert_eq!(
        wire(r#"{"nested":{"b":1,"c":2}}"#).nested,
        Nested::Object(inner.clone())
    );
    assert_eq!(wire(r#"{"list":{"b":1}}"#).list, List::Other);
    assert_eq!(
        wire(r#"{"list":[{"b":1},null,"x"]}"#).list,
        List::Items(vec![Nested::Object(inner), Nested::Missing, Nested::Other])
    );
}

proptest! {
    #[test]
    fn strict_json_is_the_same_when_repaired(text in "(\\PC|[\u{0}-\u{1f}\"\\\\]){0,20}", number in any::<f64>()) {
        let json = serde_json::json!({ "a": text, "b": number, "c": [text, {}] });
        let json = json.to_string();
        prop_assert_eq!(String::from_utf8(repair::repair(json.as_bytes())).unwrap(), json);
    }

    #[test]
    fn no_body_panics(body in prop::collection::vec(any::<u8>(), 0..60)) {
        let _ = text_of(&body);
        let _ = repair::repair(&body);
    }
}
