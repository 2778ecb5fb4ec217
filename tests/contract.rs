//! What crosses the border: the imports, the size, the contract's own rules.

use connector_runtime::engine::EMBEDDED;
use wasmtime::component::Component;
use wasmtime::{Config, Engine};

#[test]
fn the_import_list_is_the_security_statement() {
    let engine = Engine::new(&Config::new()).unwrap();
    let component = Component::from_binary(&engine, EMBEDDED).unwrap();
    let kind = component.component_type();
    let mut imports: Vec<_> = kind
        .imports(&engine)
        .map(|(name, _)| name.to_owned())
        .collect();
    imports.sort();
    let without_version: Vec<_> = imports
        .iter()
        .map(|name| name.split('@').next().unwrap())
        .collect();
    assert_eq!(
        without_version,
        [
            "dx:connector/sink",
            "dx:connector/types",
            "wasi:clocks/monotonic-clock",
            "wasi:clocks/wall-clock",
            "wasi:http/outgoing-handler",
            "wasi:http/types",
            "wasi:io/error",
            "wasi:io/poll",
            "wasi:io/streams",
            "wasi:random/random",
        ]
    );
    let exports: Vec<_> = kind
        .exports(&engine)
        .map(|(name, _)| name.to_owned())
        .collect();
    assert_eq!(exports, ["dx:connector/source@0.1.0"]);
}

#[test]
fn the_component_is_small_and_tells_no_path() {
    println!("{} bytes", EMBEDDED.len());
    assert!(EMBEDDED.len() < 300_000, "{} bytes", EMBEDDED.len());
    let text = String::from_utf8_lossy(EMBEDDED);
    let home = std::env::var("HOME").unwrap();
    for told in [&home, env!("CARGO_MANIFEST_DIR"), "registry/src"] {
        assert!(!text.contains(told), "{told}");
    }
    assert!(text.contains("crates/"), "crates are still called by name");
}

#[test]
fn every_item_of_the_contract_says_since_when() {
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/wit")).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let lines: Vec<_> = text.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            let words = [
                "interface ",
                "world ",
                "type ",
                "enum ",
                "record ",
                "variant ",
            ];
            let item =
                words.iter().any(|word| line.trim().starts_with(word)) || line.contains(": func(");
            if item {
                assert_eq!(
                    lines[number - 1].trim(),
                    "@since(version = 0.1.0)",
                    "{line}"
                );
            }
        }
    }
}
