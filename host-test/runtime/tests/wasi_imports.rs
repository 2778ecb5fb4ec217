//! What a component may import besides the contract: nothing, unless the host offers inert interfaces.

use connector_runtime::component_source::ComponentSource;
use connector_runtime::inert_wasi::WasiImports;
use connector_runtime::runtime::Runtime;

/// A component that imports one instance without members, and has nothing else.
fn importing(name: &str) -> ComponentSource {
    let mut import = vec![1, 0, u8::try_from(name.len()).unwrap()];
    import.extend(name.bytes());
    // It is of the first type.
    import.extend([5, 0]);
    let mut component = b"\0asm\x0d\0\x01\0".to_vec();
    // One type: an instance of nothing.
    component.extend([7, 3, 1, 0x42, 0]);
    component.extend([10, u8::try_from(import.len()).unwrap()]);
    component.extend(import);
    ComponentSource::Bytes(component.into())
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

#[tokio::test(flavor = "multi_thread")]
async fn inert_interfaces_are_found_where_they_are_offered() {
    for name in OFFERED {
        // What is missing then is the connector itself.
        let refused = refusal(name, WasiImports::Inert).await;
        assert!(refused.contains("dx:connector/source"), "{refused}");
    }
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
