//! What a component may import besides the contract: nothing, unless the host offers inert interfaces.

use connector_runtime::component_source::ComponentSource;
use connector_runtime::inert_wasi::WasiImports;
use connector_runtime::runtime::Runtime;

/// A component that imports an instance with the function `initial-cwd: func() -> option<string>`, and has nothing else.
fn importing(name: &str) -> ComponentSource {
    let mut component = b"\0asm\x0d\0\x01\0".to_vec();
    // Types: an instance of an option, a function, and an export of that function.
    let mut instance = vec![1, 0x42, 3, 1, 0x6b, 0x73, 1, 0x40, 0, 0, 0, 4, 0, 11];
    instance.extend(b"initial-cwd\x01\x01");
    section(&mut component, 7, &instance);
    // Imports: an instance of the first type.
    let mut import = vec![1, 0, u8::try_from(name.len()).unwrap()];
    import.extend(name.bytes());
    import.extend([5, 0]);
    section(&mut component, 10, &import);
    ComponentSource::Bytes(component.into())
}

fn section(component: &mut Vec<u8>, id: u8, content: &[u8]) {
    component.extend([id, u8::try_from(content.len()).unwrap()]);
    component.extend(content);
}

async fn refusal(name: &str, imports: WasiImports) -> String {
    match Runtime::load_with(&importing(name), imports).await {
        Ok(_) => panic!("a component without exports was registered"),
        Err(refused) => format!("{refused:#}"),
    }
}

const OFFERED: [&str; 5] = [
    "wasi:cli/environment@0.2.6",
    "wasi:cli/stderr@0.2.0",
    "wasi:filesystem/preopens@0.2.9",
    "wasi:sockets/tcp-create-socket@0.2.9",
    "wasi:sockets/ip-name-lookup@0.2.0",
];

#[tokio::test(flavor = "multi_thread")]
async fn by_default_more_than_the_contract_is_refused_and_the_message_names_the_option() {
    for name in OFFERED {
        let refused = refusal(name, WasiImports::Contract).await;
        assert!(refused.contains(name), "{refused}");
        assert!(refused.contains("--inert-wasi"), "{refused}");
    }
}

/// The other interfaces are used by the connectors that `.ci/clients componentize-py componentize-js` builds.
#[tokio::test(flavor = "multi_thread")]
async fn an_inert_interface_is_found_where_it_is_offered() {
    // What is missing then is the connector itself.
    let refused = refusal("wasi:cli/environment@0.2.6", WasiImports::Inert).await;
    assert!(refused.contains("dx:connector/source"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_else_is_offered() {
    for name in [
        "wasi:http/incoming-handler@0.2.0",
        "wasi:keyvalue/store@0.2.0",
    ] {
        for imports in [WasiImports::Contract, WasiImports::Inert] {
            let refused = refusal(name, imports).await;
            assert!(refused.contains(name), "{refused}");
        }
    }
}
