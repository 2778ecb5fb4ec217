//! Standard output as shells have it: a reader that goes away, none at all, a full disk.

use std::process::{Command, Output};

use super::{HOST_TEST, folder, lines, mock, write_config};

const SOURCE: &str = env!("CARGO_BIN_EXE_source-confluence-cloud");
const TAP: &str = env!("CARGO_BIN_EXE_tap-confluence-cloud");

/// Runs a line of bash, for which `$1` is a configuration.
fn bash(line: &str, config: &str) -> Output {
    let mut command = Command::new("bash");
    command.args(["-c", line, "bash", config]);
    command.env("CONNECTOR_ALLOW_LOOPBACK", "1");
    command.output().unwrap()
}

/// The commands that print, as a shell calls them.
fn commands() -> Vec<String> {
    let host_test = [
        "sync --config $1",
        "validate --config $1",
        "streams",
        "man",
        "completions bash",
        "--help",
        "--version",
    ];
    let host_test = host_test.map(|words| format!("{HOST_TEST} {words}"));
    let source = [
        "spec",
        "discover --config $1",
        "check --config $1",
        "--help",
    ];
    let source = source.map(|words| format!("{SOURCE} {words}"));
    let tap = ["--config $1", "--discover", "--help"].map(|words| format!("{TAP} {words}"));
    [&host_test[..], &source, &tap].concat()
}

#[test]
fn a_command_calls_itself_by_its_name() {
    for program in [HOST_TEST, SOURCE, TAP] {
        let output = Command::new(program).arg("--version").output().unwrap();
        let version = String::from_utf8(output.stdout).unwrap();
        let name = program.rsplit('/').next().unwrap();
        assert!(version.starts_with(&format!("{name} ")), "{version}");
    }
}

#[test]
fn a_reader_that_goes_away_ends_the_command_quietly() {
    let (mock, folder) = (mock(300), folder("pipes-head"));
    let config = write_config(&folder, &mock.config_json());
    let config = config.display().to_string();
    for command in [
        format!("{HOST_TEST} sync --config $1"),
        format!("{TAP} --config $1"),
    ] {
        let output = bash(
            &format!("{command} | head -1; exit ${{PIPESTATUS[0]}}"),
            &config,
        );
        let log = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(128 + 13), "{command}: {log}");
        assert!(
            !log.contains("rror") && !log.contains("panic"),
            "{command}: {log}"
        );
    }
}

#[test]
fn an_output_that_is_closed_or_full_is_an_error() {
    let (mock, folder) = (mock(5), folder("pipes-closed"));
    let config = write_config(&folder, &mock.config_json());
    let config = config.display().to_string();
    for command in commands() {
        for (end, said) in [
            (">&-", "standard output is closed"),
            ("> /dev/full", "No space left"),
        ] {
            let output = bash(&format!("{command} {end}"), &config);
            let log = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(1), "{command} {end}: {log}");
            assert!(log.contains(said), "{command} {end}: {log}");
        }
    }
}

/// The sandbox sets address space aside.
#[test]
fn a_limit_of_address_space_is_named_in_the_last_line() {
    let config = write_config(&folder("pipes-address-space"), &mock(1).config_json());
    let line = format!("(ulimit -v 6291456; exec {HOST_TEST} sync --config $1)");
    let output = bash(&line, &config.display().to_string());
    assert_eq!(output.status.code(), Some(1));
    let last = lines(&output.stdout).pop().unwrap();
    assert_eq!(
        (&last["type"], &last["kind"]),
        (&"error".into(), &"other".into()),
        "{last}"
    );
    let message = last["message"].as_str().unwrap();
    assert!(message.contains("ulimit -v unlimited"), "{message}");
}
