//! What is handed out, as those who take it see it: files that say the same thing, and a component that a host
//! with nothing but wasmtime can run.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use confluence_component::COMPONENT;
use connector_release::artifact::{self, Release, Written};
use serde_json::{Value, json};
use wasm_metadata::{Metadata, Payload};

use super::{folder, mock};

#[allow(dead_code, reason = "the example's main")]
#[path = "../../examples/load.rs"]
mod load;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn written(test: &str) -> (Written, PathBuf) {
    let folder = folder(test);
    std::fs::write(folder.join("old.wit"), "").unwrap();
    let release = Release {
        component: COMPONENT,
        config_schema: &json!({ "title": "Confluence Cloud" }),
        streams: &json!([]),
    };
    let written = artifact::write(release, root(), &folder).unwrap();
    (written, folder)
}

fn json_of(folder: &Path, name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap()
}

fn metadata(component: &[u8]) -> Metadata {
    match Payload::from_binary(component).unwrap() {
        Payload::Component { metadata, .. } | Payload::Module(metadata) => metadata,
    }
}

#[test]
fn the_folder_holds_what_belongs_together() {
    let (written, folder) = written("artifact");
    let component = std::fs::read(folder.join("confluence_cloud.wasm")).unwrap();
    assert_eq!(component.len(), written.bytes);
    let sum = std::fs::read_to_string(folder.join("confluence_cloud.wasm.sha256")).unwrap();
    assert_eq!(sum, format!("{}  confluence_cloud.wasm\n", written.sha256));
    let sbom = json_of(&folder, "confluence_cloud.cdx.json");
    let described = &sbom["metadata"]["component"];
    assert_eq!(described["hashes"][0]["content"], json!(written.sha256));
    assert_eq!(described["version"], json!(written.version));
    assert_eq!(
        json_of(&folder, "config.schema.json")["title"],
        "Confluence Cloud"
    );
    for file in ["world.wit", "sink.wit", "deps/http.wit"] {
        let copy = std::fs::read(folder.join("wit").join(file)).unwrap();
        assert_eq!(copy, std::fs::read(root().join("wit").join(file)).unwrap());
    }
    assert!(!folder.join("old.wit").exists(), "what was there is gone");
}

#[test]
fn the_component_says_what_it_is_and_no_more() {
    let bare = metadata(COMPONENT);
    assert_eq!(bare.name, None);
    let (written, folder) = written("described");
    let component = std::fs::read(folder.join("confluence_cloud.wasm")).unwrap();
    let found = metadata(&component);
    assert_eq!(found.name.as_deref(), Some("confluence-cloud"));
    let text = |field: Option<String>| field.unwrap();
    assert_eq!(
        text(found.version.map(|text| text.to_string())),
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(
        text(found.licenses.map(|text| text.to_string())),
        env!("CARGO_PKG_LICENSE")
    );
    let description = text(found.description.map(|text| text.to_string()));
    assert!(description.starts_with("Reads a Confluence Cloud site"));
    assert_eq!(
        found.revision.map(|text| text.to_string()),
        written.revision
    );
    let names = component.len() - COMPONENT.len();
    assert!(names < 500, "{names} bytes of metadata");
    let text = String::from_utf8_lossy(&component);
    for told in [root().to_str().unwrap(), "registry/src", "index.crates.io"] {
        assert!(!text.contains(told), "{told}");
    }
}

#[test]
fn no_revision_is_claimed_for_what_is_in_no_commit() {
    let (_, folder) = written("unknown");
    std::fs::write(folder.join("Cargo.toml"), "").unwrap();
    assert_eq!(artifact::revision(&folder), None);
}

#[test]
fn the_bill_of_materials_lists_what_is_in_the_component() {
    let package = artifact::package(root()).unwrap();
    let sbom = artifact::sbom(&package, root(), "").unwrap();
    let named = |scope: &str| -> BTreeSet<String> {
        let parts = sbom["components"].as_array().unwrap().iter();
        let parts = parts.filter(|part| part["scope"] == scope);
        parts
            .map(|part| part["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let inside: Vec<_> = named("required").into_iter().collect();
    assert_eq!(
        inside,
        [
            "base64",
            "bitflags",
            "futures-core",
            "futures-task",
            "futures-util",
            "itoa",
            "memchr",
            "percent-encoding",
            "pin-project-lite",
            "serde",
            "serde_core",
            "serde_json",
            "slab",
            "thiserror",
            "wit-bindgen",
            "zmij",
        ]
    );
    let macros = named("excluded");
    assert!(macros.contains("serde_derive") && macros.contains("syn"));
    for part in sbom["components"].as_array().unwrap() {
        let digest = part["hashes"][0]["content"].as_str().unwrap();
        assert_eq!(digest.len(), 64, "{part}");
        assert!(part["licenses"][0]["expression"].is_string(), "{part}");
    }
    let needs = sbom["dependencies"].as_array().unwrap();
    assert_eq!(needs.len(), 1 + 1 + inside.len(), "two wit-bindgens");
    let text = sbom.to_string();
    assert!(!text.contains(root().to_str().unwrap()));
    assert!(!text.contains("wasmtime") && !text.contains("host-test"));
}

#[tokio::test]
async fn a_host_of_one_s_own_loads_it() {
    let (_, folder) = written("loaded");
    let component = folder.join("confluence_cloud.wasm");
    let component = component.to_str().unwrap();
    let streams = load::load(component, None).await.unwrap();
    assert_eq!(streams.len(), 7, "{streams:?}");

    let mock = mock(20);
    let config = folder.join("config.json");
    std::fs::write(&config, mock.config_json().to_string()).unwrap();
    let pages = load::load(component, config.to_str()).await.unwrap();
    assert_eq!(pages.len(), 20);
}
