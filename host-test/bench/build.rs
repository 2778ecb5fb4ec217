//! Passes on how this build is optimised, so that figures say what they were measured with.

fn main() {
    let level = std::env::var("OPT_LEVEL").unwrap_or_default();
    println!("cargo::rustc-env=BENCH_OPT_LEVEL={level}");
    println!("cargo::rerun-if-changed=build.rs");
}
