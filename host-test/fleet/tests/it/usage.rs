//! What the command takes for wrong use: status 2, and no password in its words.

use std::process::Command;

#[test]
fn a_missing_or_malformed_address_and_arguments_without_measure_are_usage() {
    for (url, arguments, said) in [
        (None, &["status"][..], "--database URL or DATABASE_URL"),
        (Some("mysql://u:hidden@h/d"), &["status"], "postgresql://"),
        (
            Some("postgres://u:hidden@h:port/d"),
            &["work"],
            "--database",
        ),
        (
            Some("postgres://u:hidden@h/d?sslmode=prefer"),
            &["migrate"],
            "sslmode is disable, require or verify-full",
        ),
        (
            None,
            &["simulate", "--connections", "4000000000"],
            "1..=1000000",
        ),
        (
            None,
            &["simulate", "--latency-ms", "4000000000"],
            "0..=3600000",
        ),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_confluence-fleet"));
        command.args(arguments).env_remove("DATABASE_URL");
        command.envs(url.map(|url| ("DATABASE_URL", url)));
        let output = command.output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(error.contains(said), "{error}");
        assert!(!error.contains("hidden"), "{error}");
    }
}
