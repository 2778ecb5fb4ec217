//! Components of other authors are compiled in a child process, which is this program once more. So this test is
//! a program of its own, without the harness.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::os::unix::fs::PermissionsExt as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use connector_runtime::compile_child::{CompileLimits, run_if_requested};
use connector_runtime::component_source::ComponentSource;
use connector_runtime::runtime::Runtime;

fn main() -> ExitCode {
    if let Some(code) = run_if_requested() {
        return code;
    }
    let cache = tempfile::tempdir().unwrap();
    // SAFETY: no other thread is there yet.
    #[expect(unsafe_code, reason = "the cache's place is in the environment")]
    unsafe {
        std::env::set_var("XDG_CACHE_HOME", cache.path());
    }
    let executor = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    executor.block_on(async {
        compiles_once(cache.path()).await;
        stops_a_compile_bomb(cache.path()).await;
    });
    println!("ok");
    ExitCode::SUCCESS
}

async fn compiles_once(cache: &std::path::Path) {
    let file = component_builder::build_guest("inventory-guest").unwrap();
    let source = ComponentSource::file(&file);
    let begun = Instant::now();
    Runtime::load(&source).await.unwrap();
    let first = begun.elapsed();
    let folder = cache.join("dx-connector");
    let mode = folder.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let kept: Vec<_> = folder
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(kept.len(), 1);
    assert_eq!(
        kept.first()
            .unwrap()
            .metadata()
            .unwrap()
            .permissions()
            .mode()
            & 0o777,
        0o600
    );
    let begun = Instant::now();
    Runtime::load(&source).await.unwrap();
    println!(
        "{first:?} to compile in a child and load, {:?} the second time",
        begun.elapsed()
    );
    // What somebody else could have written is not loaded; it is compiled again.
    std::fs::write(kept.first().unwrap(), b"something else").unwrap();
    Runtime::load(&source).await.unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777)).unwrap();
    Runtime::load(&source).await.unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).unwrap();
}

async fn stops_a_compile_bomb(cache: &std::path::Path) {
    let file = cache.join("bomb.wasm");
    std::fs::write(&file, bomb(1_500_000)).unwrap();
    let tight = CompileLimits {
        memory: 128 << 20,
        cpu: Duration::from_secs(1),
        ..CompileLimits::default()
    };
    let begun = Instant::now();
    let error = Runtime::load(&ComponentSource::File(file.clone(), tight))
        .await
        .err()
        .unwrap();
    let error = format!("{error:#}");
    assert!(
        error.contains("compiling the component takes more than 128 MiB of memory or 1 s"),
        "{error}"
    );
    assert!(begun.elapsed() < Duration::from_secs(10));
    let small = CompileLimits {
        size: 1 << 20,
        ..CompileLimits::default()
    };
    let error = Runtime::load(&ComponentSource::File(file, small))
        .await
        .err()
        .unwrap();
    assert!(error.to_string().contains("1048576 are allowed"), "{error}");
}

/// A component of one module with one function of so many bytes, all values of which are alive to its end.
fn bomb(bytes: usize) -> Vec<u8> {
    let mut body = vec![0];
    let calls = bytes / 2;
    // `call 0` leaves a value; in the end all of them are added.
    body.extend([0x10, 0x00].repeat(calls / 2));
    body.extend([0x6a].repeat(calls / 2 - 1));
    body.push(0x0b);
    let mut code = vec![1];
    section_bytes(&mut code, &body);
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    for (id, content) in [(1, &[1, 0x60, 0, 1, 0x7f][..]), (3, &[1, 0]), (10, &code)] {
        module.push(id);
        section_bytes(&mut module, content);
    }
    let mut component = b"\0asm\x0d\0\x01\0\x01".to_vec();
    section_bytes(&mut component, &module);
    component
}

/// The length in LEB128, and the content.
fn section_bytes(to: &mut Vec<u8>, content: &[u8]) {
    let mut length = content.len();
    while length >= 0x80 {
        to.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
        length >>= 7;
    }
    to.push(u8::try_from(length).unwrap());
    to.extend(content);
}
