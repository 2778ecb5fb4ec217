//! One site read by several processes: together they deliver what one delivers, and nothing twice.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use mock_confluence::{Corpus, CorpusSpec, Mock, MockOptions};
use serde_json::{Value, json};

use super::{HOST_TEST, lines};

fn mock() -> Mock {
    let sizes = CorpusSpec {
        pages: 240,
        spaces: 9,
        users: 40,
        seed: 5,
    };
    Mock::start(MockOptions::new(Corpus::generate(&sizes))).unwrap()
}

/// A folder of the test's own, with a config in it.
fn folder(test: &str, config: &Value) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(test);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("config.json"), config.to_string()).unwrap();
    folder
}

fn plan(folder: &Path, shards: &str) -> Output {
    Command::new(HOST_TEST)
        .args(["plan", "--shards", shards, "--config"])
        .arg(folder.join("config.json"))
        .arg("--out")
        .arg(folder)
        .output()
        .unwrap()
}

/// The configs that a plan wrote.
fn configs(planned: &Output) -> Vec<Value> {
    let read = |line: Value| std::fs::read(line["file"].as_str().unwrap()).unwrap();
    let files = lines(&planned.stdout).into_iter().map(read);
    files
        .map(|file| serde_json::from_slice(&file).unwrap())
        .collect()
}

fn keys(config: &Value) -> Vec<String> {
    serde_json::from_value(config["spaces"].clone()).unwrap()
}

fn start(config: &Path, state: &Path) -> Child {
    Command::new(HOST_TEST)
        .arg("sync")
        .arg("--config")
        .arg(config)
        .arg("--state")
        .arg(state)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// The rows that a run delivers, by stream, sorted.
type Rows = BTreeMap<String, Vec<String>>;

fn deliver(run: Child, rows: &mut Rows) {
    let output = run.wait_with_output().unwrap();
    assert!(output.status.success());
    for mut line in lines(&output.stdout) {
        match line["type"].as_str().unwrap() {
            "record" => {
                let stream = line["stream"].as_str().unwrap().to_owned();
                // When views were read differs from run to run.
                line["data"].as_object_mut().unwrap().remove("read_at");
                rows.entry(stream)
                    .or_default()
                    .push(line["data"].to_string());
            }
            "finished" => assert_eq!(line["snapshot"], true, "{line}"),
            _ => {}
        }
    }
    for rows in rows.values_mut() {
        rows.sort();
    }
}

#[test]
fn four_processes_deliver_what_one_does_and_nothing_twice() {
    let mock = mock();
    let folder = folder("shards", &mock.config_json());
    let mut whole = Rows::new();
    let state = folder.join("state.json");
    deliver(start(&folder.join("config.json"), &state), &mut whole);

    let planned = plan(&folder, "4");
    assert!(planned.status.success(), "{planned:?}");
    let shards = lines(&planned.stdout);
    assert_eq!(shards.len(), 4);
    let runs: Vec<_> = shards
        .iter()
        .map(|shard| {
            let config = PathBuf::from(shard["file"].as_str().unwrap());
            start(&config, &config.with_extension("state"))
        })
        .collect();
    let mut parts = Rows::new();
    for run in runs {
        deliver(run, &mut parts);
    }

    let users = parts.get_mut("users").unwrap();
    let met = users.len();
    users.dedup();
    assert!(users.len() < met, "some are met in more than one shard");
    assert_eq!(parts, whole);
    assert_eq!(whole["pages"].len(), 240);

    let pages = |shard: &Value| shard["pages"].as_u64().unwrap();
    let live = whole["pages"]
        .iter()
        .filter(|row| !row.contains(r#""status":"trashed""#));
    assert_eq!(
        shards.iter().map(pages).sum::<u64>(),
        live.count() as u64,
        "pages with details"
    );
}

#[test]
fn each_space_is_in_one_config_for_its_owner_alone() {
    let mock = mock();
    let folder = folder("configs", &mock.config_json());
    let known: BTreeSet<String> = mock.with_corpus(|corpus| {
        let spaces = corpus.spaces.iter();
        spaces.map(|space| space.key.clone()).collect()
    });
    assert!(known.iter().any(|key| key.starts_with('~')), "{known:?}");
    let planned = plan(&folder, "20");
    let said = String::from_utf8_lossy(&planned.stderr);
    assert!(said.contains("only 9 spaces"), "{said}");
    let configs = configs(&planned);
    assert_eq!(configs.len(), 9);
    let named: Vec<_> = configs.iter().flat_map(keys).collect();
    assert_eq!(named.len(), 9);
    assert_eq!(BTreeSet::from_iter(named), known);
    for mut config in configs {
        config.as_object_mut().unwrap().remove("spaces");
        assert_eq!(config, mock.config_json(), "all else is as it was");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let file = folder.join("shard-1-of-9.json");
        let open = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(&file, open).unwrap();
        plan(&folder, "9");
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn chosen_spaces_are_what_is_split() {
    let mock = mock();
    let mut config = mock.config_json();
    config["spaces"] = json!(["TEAM0", "TEAM1", "TEAM2"]);
    let folder = folder("chosen", &config);
    let configs = configs(&plan(&folder, "2"));
    assert_eq!(configs.len(), 2);
    let mut named: Vec<_> = configs.iter().flat_map(keys).collect();
    named.sort();
    assert_eq!(named, ["TEAM0", "TEAM1", "TEAM2"]);

    config["spaces"] = json!(["NOWHERE"]);
    std::fs::write(folder.join("config.json"), config.to_string()).unwrap();
    let refused = plan(&folder, "2");
    assert_eq!(refused.status.code(), Some(1));
    let line = &lines(&refused.stdout)[0];
    assert_eq!(line["kind"], "invalid_config", "{line}");
}
