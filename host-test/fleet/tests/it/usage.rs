//! What the command takes for wrong use: status 2, and no password in its words.

use std::process::Command;

/// What a script may have from elsewhere, and what is shown of it.
const FOREIGN: &str = "x\u{1b}]0;evil\u{7}\u{202e}\nERROR forged";
const SHOWN: &str = r"x\u{1b}]0;evil\u{7}\u{202e}\nERROR forged";

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
        (None, &[FOREIGN], SHOWN),
        (None, &["pause", "docs", FOREIGN], SHOWN),
        (None, &["work", "--allow-network", FOREIGN], SHOWN),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_confluence-fleet"));
        command.args(arguments).env_remove("DATABASE_URL");
        command.envs(url.map(|url| ("DATABASE_URL", url)));
        let output = command.output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(error.contains(said), "{error}");
        assert!(!error.contains("hidden"), "{error}");
        assert!(!error.contains(['\u{1b}', '\u{202e}']), "{error:?}");
        assert!(!error.contains("\nERROR forged"), "{error:?}");
    }
}
