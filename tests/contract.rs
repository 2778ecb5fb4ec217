//! What crosses the border: imports, exports, the world, the contract's own rules.

use std::collections::BTreeSet;
use std::path::Path;

use confluence_component::COMPONENT;
use wit_component::DecodedWasm;
use wit_parser::Resolve;

/// The folder of the contract.
fn wit() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../wit"))
}

#[test]
fn the_import_list_is_the_security_statement() {
    let DecodedWasm::Component(resolve, world) = wit_component::decode(COMPONENT).unwrap() else {
        panic!("it is a component")
    };
    let world = &resolve.worlds[world];
    let imports = world.imports.keys().map(|key| resolve.name_world_key(key));
    let imports: BTreeSet<_> = imports.collect();
    assert_eq!(
        imports.iter().map(String::as_str).collect::<Vec<_>>(),
        [
            "dx:connector/sink@0.2.0",
            "dx:connector/types@0.2.0",
            "wasi:clocks/monotonic-clock@0.2.12",
            "wasi:clocks/wall-clock@0.2.12",
            "wasi:http/outgoing-handler@0.2.12",
            "wasi:http/types@0.2.12",
            "wasi:io/error@0.2.12",
            "wasi:io/poll@0.2.12",
            "wasi:io/streams@0.2.12",
            "wasi:random/random@0.2.12",
        ]
    );
    let exports = world.exports.keys().map(|key| resolve.name_world_key(key));
    let exports: Vec<_> = exports.collect();
    assert_eq!(exports, ["dx:connector/source@0.2.0"]);
}

/// Another host's author needs nothing but the folder `wit`.
#[test]
fn the_component_targets_the_world_of_the_contract() {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(wit()).unwrap();
    let world = resolve.select_world(&[package], Some("connector")).unwrap();
    wit_component::targets(&resolve, world, COMPONENT, false).unwrap();
    // The check can fail: this package is no connector.
    let mut other = Resolve::default();
    let text = "package dx:other; world other { export run: func(); }";
    let package = other.push_str("other.wit", text).unwrap();
    let world = other.select_world(&[package], None).unwrap();
    assert!(wit_component::targets(&other, world, COMPONENT, false).is_err());
}

#[test]
fn the_component_names_no_path_of_the_machine() {
    let text = String::from_utf8_lossy(COMPONENT);
    let home = std::env::var("HOME").unwrap();
    for path in [&home, env!("CARGO_MANIFEST_DIR"), "registry/src"] {
        assert!(!text.contains(path), "{path}");
    }
    assert!(text.contains("crates/"), "crates are named, without a path");
}

#[test]
fn every_item_of_the_contract_has_its_version() {
    let mut items = 0;
    for file in std::fs::read_dir(wit()).unwrap() {
        let path = file.unwrap().path();
        if !path.is_file() {
            continue;
        }
        let text = std::fs::read_to_string(path).unwrap();
        let lines: Vec<_> = text.lines().map(str::trim).collect();
        for pair in lines.windows(2) {
            if is_item(pair[1]) {
                assert_eq!(pair[0], "@since(version = 0.2.0)", "{}", pair[1]);
                items += 1;
            }
        }
    }
    assert!(items > 20, "{items}");
}

fn is_item(line: &str) -> bool {
    let words = ["interface", "world", "type", "enum", "record", "variant"];
    let first = line.split(' ').next().unwrap_or_default();
    words.contains(&first) || line.contains(": func(")
}
