//! What the README tells a newcomer to type does what it says.

use std::process::Command;

use serde_json::Value;

use super::{HOST_TEST, folder, host_test, lines, mock};

const README: &str = include_str!("../../../README.md");
/// The long parts: the tables.
const REFERENCE: &str = include_str!("../../README.md");

/// The blocks of this language.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    let blocks = README.split(&fence).skip(1);
    blocks
        .map(|block| block.split("```").next().unwrap())
        .collect()
}

/// The commands of all blocks, without their prompts.
fn commands() -> Vec<&'static str> {
    let lines = blocks("console").into_iter().flat_map(str::lines);
    lines.filter_map(|line| line.strip_prefix("$ ")).collect()
}

#[test]
fn the_demo_ends_well_and_says_where_the_rows_are() {
    assert!(commands().contains(&"cargo demo"));
    let output = host_test(&["demo"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    let place = said.split_once("All rows are in ").unwrap().1;
    let file = place.split_whitespace().next().unwrap();
    let database = rusqlite::Connection::open(file).unwrap();
    for table in ["spaces", "pages", "page_versions", "page_labels", "users"] {
        let sql = format!("SELECT count(*) FROM confluence_{table}");
        let rows: i64 = database.query_row(&sql, [], |row| row.get(0)).unwrap();
        assert!(rows > 0, "{table}");
    }
}

/// Each call of `host-test` in it, on a site of one's own.
#[test]
fn the_commands_do_what_they_are_shown_for() {
    let folder = folder("readme");
    let mock = mock(20);
    std::fs::write(folder.join("config.json"), mock.config_json().to_string()).unwrap();
    let mut run = 0;
    for command in commands() {
        let Some((_, words)) = command.split_once("host-test -- ") else {
            continue;
        };
        let word = words.split(' ').next().unwrap();
        // These ask a person or a site that isn't there, take minutes, or never end.
        if ["init", "cloud-id", "bench", "mock"].contains(&word) {
            let help = host_test(&[word, "--help"]);
            assert!(help.status.success(), "{command}");
            continue;
        }
        let words = words.split(" #").next().unwrap();
        let mut process = Command::new(HOST_TEST);
        let output = process
            .current_dir(&folder)
            .args(words.split_whitespace())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{command}: {said}");
        run += 1;
    }
    assert!(run >= 2, "{run} commands were run");
}

#[test]
fn the_configuration_is_one() {
    let config: Value = serde_json::from_str(blocks("json").first().unwrap()).unwrap();
    let mut with_typo = config.clone();
    with_typo["page_sise"] = 5.into();
    let typo = folder("readme-config").join("typo.json");
    // A cloud id and a token in place of what a reader puts in.
    let filled = with_typo.to_string().replace("<cloud-id>", "0");
    std::fs::write(&typo, filled.replace('…', "x")).unwrap();
    let output = host_test(&["validate", "--config", &typo.display().to_string()]);
    let error = lines(&output.stdout)[0]["error"]["message"].to_string();
    assert!(
        error.contains("page_sise") && !error.contains(';'),
        "the rest is right: {error}"
    );
}

#[test]
fn its_tables_name_every_stream_and_every_field() {
    let streams = lines(&host_test(&["streams"]).stdout);
    for stream in streams[0].as_array().unwrap() {
        let row = format!("| `{}` |", stream["name"].as_str().unwrap());
        assert!(REFERENCE.contains(&row), "{row}");
    }
    let spec = Command::new(env!("CARGO_BIN_EXE_source-confluence-cloud"))
        .arg("spec")
        .output()
        .unwrap();
    let schema = &lines(&spec.stdout)[0]["spec"]["connectionSpecification"];
    for field in schema["properties"].as_object().unwrap().keys() {
        assert!(REFERENCE.contains(&format!("| `{field}` |")), "{field}");
    }
}

/// Each promise names the test that keeps it.
#[test]
fn the_promises_name_tests_that_there_are() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let mut promises = 0;
    for line in README.lines().filter(|line| line.starts_with("| ")) {
        let Some((_, after)) = line.split_once("tests/") else {
            continue;
        };
        // The folder before `tests/`, if any, begins at the quotation mark.
        let start = line.len() - after.len() - "tests/".len();
        let start = line[..start].rfind('`').unwrap() + 1;
        let mut quoted = line[start..].split('`');
        let (path, name) = (quoted.next().unwrap(), quoted.nth(1).unwrap());
        let text = std::fs::read_to_string(format!("{root}/{path}")).unwrap();
        assert!(text.contains(&format!("fn {name}(")), "{path} {name}");
        promises += 1;
    }
    assert!(promises >= 8, "{promises}");
}
