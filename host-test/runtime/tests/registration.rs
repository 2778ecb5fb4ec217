//! What a connector says of itself is checked when it is loaded.

use connector_runtime::component_source::ComponentSource;
use connector_runtime::runtime::Runtime;

use crate::support::{hostile, hostile_bytes, inventory};

/// The hostile guest that says something else of itself: a marker in its bytes names the variant.
fn variant(name: &str) -> ComponentSource {
    let marker = b"registration=well-formed........";
    let mut bytes = hostile_bytes().to_vec();
    let at = bytes
        .windows(marker.len())
        .position(|window| window == marker)
        .unwrap();
    let other = format!("registration={name:.<19}");
    bytes[at..at + marker.len()].copy_from_slice(other.as_bytes());
    ComponentSource::Bytes(bytes.into())
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_are_no_identifiers_are_refused() {
    for (name, error) in [
        ("sql-stream", "has a name that does not match"),
        ("line-stream", "has a name that does not match"),
        ("sql-column", "has a column whose name does not match"),
        ("sql-key", "does not consist of distinct columns"),
        ("many-streams", "it lists 3000 streams; 200 are allowed"),
        ("giant-names", "has a name that does not match"),
        (
            "unknown-field",
            "describe names a field of the configuration that config-schema does not have",
        ),
        ("trace", "has a method other than GET"),
        ("small-trace", "has a method other than GET"),
        ("line-path", "has an ambiguous path"),
        ("checkpoint", "a checkpoint outside of a run"),
    ] {
        let Err(found) = inventory().await.load_beside(&variant(name)).await else {
            panic!("{name} was registered");
        };
        let found = format!("{found:#}");
        assert!(found.contains(error), "{name}: {found}");
        assert!(
            found.len() < 400 && !found.contains(char::is_control),
            "{name}: {found}"
        );
    }
}

/// By whichever limit is met first: beside busy neighbours it has little of the processor.
#[tokio::test(flavor = "multi_thread")]
async fn a_description_that_never_ends_is_not_waited_for() {
    let source = variant("endless-streams");
    let error = inventory().await.load_beside(&source).await.err();
    let error = error.expect("it was registered").to_string();
    let limits = [
        "the call uses more than its 1 s of the processor",
        "the call takes longer than its 30 s",
    ];
    assert!(limits.contains(&error.as_str()), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_are_made_printable() {
    assert_eq!(hostile().await.description().name, "hostile\\u{1b}[2J");
    assert_eq!(hostile().await.streams()[0].description, "rows\\u{1b}[2J");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_component_is_refused() {
    for bytes in [&b"\0asm\x01\0\0\0"[..], b"", b"(component)"] {
        let loaded = Runtime::load(&ComponentSource::Bytes(bytes.to_vec().into())).await;
        assert!(loaded.is_err());
    }
}
